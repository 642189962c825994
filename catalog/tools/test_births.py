"""What `births.py --check` sees: a call that nobody decided about, and a reason that another file belies."""
from __future__ import annotations

import unittest

import births

TYPES = {
    "AWS::A::Exempt": {"calls": ["a-model:CreateExempt"], "event-sources": ["a.amazonaws.com"]},
    "AWS::A::Covered": {"calls": ["a-model:CreateCovered", "a-model:ImportCovered"], "event-sources": ["a.amazonaws.com"]},
}


def decisions(refused: dict) -> births.Decisions:
    return births.Decisions({("a", "CreateCovered")}, refused, {"AWS::A::Exempt"}, TYPES)


class Births(unittest.TestCase):
    def test_a_reason_is_held_against_the_files_that_it_names(self) -> None:
        for row, told in [
            ((("a", "Make"), "it tags"), None),
            ((("a", "Make"), "AWS::A::Exempt is exempt"), None),
            ((("a", "Make"), "AWS::A::Nowhere is exempt"), "no AWS::A::Nowhere"),
            ((("a", "CreateCovered"), "it tags"), "has an entry"),
            ((("b", "CreateCovered"), "under a.amazonaws.com"), None),
            ((("b", "CreateOther"), "under a.amazonaws.com"), "no CreateOther of a.amazonaws.com"),
        ]:
            with self.subTest(row=row):
                wrong = decisions(dict([row])).untrue()
                self.assertEqual(len(wrong), told is not None, wrong)
                self.assertIn(told or "", "".join(wrong))

    def test_a_call_of_a_covered_type_is_not_exempt(self) -> None:
        for operation, told in [("CreateExempt", "its type is exempt: exempt.toml"), ("ImportCovered", None), ("Other", None)]:
            with self.subTest(operation=operation):
                self.assertEqual(decisions({}).why_not("a-model", {"a"}, operation), told)

    def test_an_event_of_the_field_has_an_entry_or_a_reason(self) -> None:
        field = [["x", "a", "CreateCovered2020_05_31"], ["x", "a", "CreateExempt"], ["x", "a", "Make"], ["x", "a", "Else"]]
        wrong, seen, waiting = births.field_complaints(decisions({("a", "Make"): "it tags"}), field)
        self.assertEqual((len(wrong), seen, waiting), (1, 1, 1), wrong)
        self.assertIn("x has a Else", wrong[0])


if __name__ == "__main__":
    unittest.main()
