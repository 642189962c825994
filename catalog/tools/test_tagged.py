"""How `tagged.py` reads the reference, and what it sees missing in tag_forms.tsv."""
from __future__ import annotations

import unittest

import tagged

SOURCE = """
class Statement:
    def on_thing(self, name):
        \"\"\"Adds a thing

        Possible conditions:

        - .if_aws_resource_tag()
        \"\"\"
        return self.on(f'arn:{partition}:x:{region}:{account}:thing/{name}, arn:${Partition2}:x:::old/${Name2}')

    def on_part(self, name):
        \"\"\"Adds a part\"\"\"
        return self.on(f'arn:{partition}:x:{region}:{account}:part/{name}')
"""


class Tagged(unittest.TestCase):
    def test_a_resource_with_the_key_has_tags_in_each_of_its_forms(self) -> None:
        self.assertEqual(tagged.resources(SOURCE), {"arn:${}:x:${}:${}:thing/${}": True, "arn:${}:x:::old/${}": True, "arn:${}:x:${}:${}:part/${}": False})

    def test_a_type_is_listed_by_any_of_its_forms(self) -> None:
        forms = {"T": ["arn:${P}:x:${R}:${A}:thing/${N}"], "P": ["arn:${P}:x:${R}:${A}:part/${N}"]}
        self.assertEqual(tagged.unlisted(tagged.resources(SOURCE), forms, {"T", "P", "None"}), ["None", "P"])

    def test_the_table_has_a_row_for_each_and_none_for_nothing(self) -> None:
        for rows, told in [
            ([["P", "open", "why", "https://x"]], None),
            ([], "P is missing"),
            ([["P", "open", "why", "https://x"], ["Q", "open", "why", "https://x"]], "no entry has Q"),
            ([["P", "perhaps", "why", "https://x"]], "write `settled` or `open`"),
            ([["P", "open", "why"]], "write `settled` or `open`"),
        ]:
            with self.subTest(rows=rows):
                wrong = tagged.complaints(["P"], {"T", "P"}, rows)
                self.assertEqual(len(wrong), told is not None, wrong)
                self.assertIn(told or "", "".join(wrong))


if __name__ == "__main__":
    unittest.main()
