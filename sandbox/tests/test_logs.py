"""FilterLogEvents with a pattern for JSON, through the emulator."""

from __future__ import annotations

import json
import time
import unittest

from support import Cloud

LINES = [{"outcome": "tagged", "who": "alice", "ms": 40, "in": {"of": ["a", "b"]}},
         {"outcome": "failed", "who": "bob", "ms": 900, "error": None},
         {"outcome": "already-tagged", "who": "al", "ms": 7.5, "dry": True}]
# Which of the lines a pattern finds.
PATTERNS = {
    '{ $.outcome = "tagged" }': [0], '{ $.outcome = tagged }': [0], '{ $.outcome = "*tagged" }': [0, 2],
    '{ $.outcome != "tagged" }': [1, 2], '{ $.ms > 10 }': [0, 1], '{ $.ms <= 7.5 }': [2],
    '{ ($.outcome = "tagged") || ($.who = "bob") }': [0, 1], '{ $.ms > 10 && $.who = "al*" }': [0],
    '{ $.who = "bob" || $.ms < 50 && $.who = "alice" }': [0, 1], '{ $.in.of[1] = "b" }': [0],
    '{ $.error IS NULL }': [1], '{ $.error NOT EXISTS }': [0, 2], '{ $.dry IS TRUE }': [2], '{ $.none = "x" }': [],
}


class Logs(unittest.TestCase):
    def test_patterns(self) -> None:
        cloud = Cloud()
        self.addCleanup(cloud.stop)
        cloud.aws("logs", "create-log-group", "--log-group-name", "g")
        cloud.aws("logs", "create-log-stream", "--log-group-name", "g", "--log-stream-name", "s")
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": json.dumps(line)} for line in LINES] + [{"timestamp": now, "message": "no JSON"}]
        cloud.aws("logs", "put-log-events", "--log-group-name", "g", "--log-stream-name", "s", "--log-events", json.dumps(events))
        for pattern, wanted in PATTERNS.items():
            with self.subTest(pattern):
                found = cloud.aws("logs", "filter-log-events", "--log-group-name", "g", "--filter-pattern", pattern)["events"]
                self.assertEqual([json.loads(event["message"]) for event in found], [LINES[index] for index in wanted])
        for pattern in ("{ $.a }", "{ $.a = %x% }", "{ ($.a = 1 }", "{ a = 1 }"):
            with self.subTest(pattern), self.assertRaisesRegex(AssertionError, "InvalidParameterException"):
                cloud.aws("logs", "filter-log-events", "--log-group-name", "g", "--filter-pattern", pattern)


if __name__ == "__main__":
    unittest.main()
