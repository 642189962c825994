"""What a pattern says about slashes and colons: a wrong "no" would allow an identifier to be cut in its middle."""
from __future__ import annotations

import unittest

import separators

# Pattern, whether a slash, whether a colon can be in a value of it.
CASES = [
    (r"[\w+=,.@-]+", False, False),
    (r"[a-zA-Z0-9:_-]+", False, True),
    (r"[\.\-_/#A-Za-z0-9]+", True, False),
    (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", True, True),
    # A range from . to : holds both; one from * to + neither.
    (r"[.-:]+", True, True),
    (r"[*-+]+", False, False),
    (r"[^:\\]+", True, False),
    (r"[^/:]+", False, False),
    (r".*", True, True),
    (r"\S+", True, True),
    (r"(a|b/c)x", True, False),
    (r"(?!\.)[\.\-_#A-Za-z0-9]+", False, False),
    # Where an ARN may be given, the name counts.
    (r"^([a-zA-Z0-9-\.]*|arn:.*:matchmakingruleset\/[a-zA-Z0-9-\.]*)$", False, False),
    (r"(arn:aws:s3files:[0-9a-z-:]+:file-system/fs-[0-9a-f]{17,40}|fs(ap)?-[0-9a-f]{17,40})", False, False),
    (r"(arn:aws[\w-]*:events:[a-z]+:[0-9]{12}:event-bus\/)?[/\.\-_A-Za-z0-9]+", True, False),
    # Java's classes.
    (r"\p{L}+", False, False),
    (r"[\p{L}\p{Z}\p{N}_]+", False, False),
    (r"[\p{Graph}]+", True, True),
    # What cannot be read counts as yes.
    (r"[a-z", True, True),
]


class Separators(unittest.TestCase):
    def test_what_a_pattern_allows(self) -> None:
        for pattern, slash, colon in CASES:
            with self.subTest(pattern):
                self.assertEqual((separators.may_hold(pattern, "/"), separators.may_hold(pattern, ":")), (slash, colon))


if __name__ == "__main__":
    unittest.main()
