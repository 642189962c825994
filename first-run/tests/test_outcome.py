"""The table of doubts: the page has it, each doubt has a step, and an answer that an emulator cannot give does not count."""

from __future__ import annotations

import contextlib
import io
import os
import re
import unittest

from support import FIRST_RUN, ROOT
import kinds
import outcome
import run
import state


def quiet(action) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        action()


class Doubts(unittest.TestCase):
    def test_the_page_has_every_doubt(self) -> None:
        with open(os.path.join(ROOT, "docs/first-run-on-aws.md"), encoding="utf-8") as file:
            page = file.read()
        table = outcome.table({})
        self.assertIn(table, page, f"docs/first-run-on-aws.md must have this table, made by {FIRST_RUN}/outcome.py:\n{table}")

    def test_each_doubt_has_a_step_and_each_kind_a_doubt(self) -> None:
        steps = [name for name, _ in run.STEPS] + ["clean-up"]
        names = [doubt.id for doubt in outcome.DOUBTS]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual({doubt.step for doubt in outcome.DOUBTS}, set(steps))
        self.assertLessEqual({kind.id for kind in kinds.KINDS}, set(names))

    def test_what_an_emulator_cannot_settle_it_does_not_settle(self) -> None:
        for emulator, verdict in ((True, outcome.ONLY_ON_AWS), (False, outcome.AS_EXPECTED)):
            rows = outcome.Outcome("tagger 0", emulator, [])
            quiet(lambda: rows.settle("alarm-elsewhere", True, "a message"))
            self.assertEqual(rows.rows["alarm-elsewhere"].verdict, verdict)
        quiet(lambda: rows.settle("deploy", False, "Role: |denied|"))
        self.assertEqual(rows.rows["deploy"].verdict, outcome.OTHERWISE)
        self.assertIn("| Role: \\|denied\\| | NOT as expected |", rows.markdown(""))

    def test_the_documented_policies_are_found(self) -> None:
        import before
        policies = before.documented_policies("444455556666", "aws-us-gov")
        self.assertIn("command", policies)
        text = str(policies)
        self.assertIn("cloudformation:CreateChangeSet", text)
        self.assertIn("arn:aws-us-gov:cloudformation:*:444455556666:stack/auto-resource-tagger", text)
        self.assertIsNone(re.search(r"arn:aws:|111122223333|\{[a-z]", text))


class Requirements(unittest.TestCase):
    def test_it_is_tested_with_the_versions_that_it_names(self) -> None:
        def lines(path: str) -> list[str]:
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                return [line.rstrip() for line in file if not line.startswith("#")]
        self.assertEqual([line for line in lines("first-run/requirements.txt") if line not in lines("sandbox/requirements.txt")],
                         [], "copy the entries of sandbox/requirements.txt")


class Kept(unittest.TestCase):
    def test_a_state_that_cannot_be_read_is_not_taken_for_none(self) -> None:
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            self.assertIsNone(state.load(folder))
            made = state.new("111122223333", "eu-central-1")
            state.save(folder, made)
            self.assertEqual(state.load(folder), made)
            for text in ("{", "[]", '{"account": "1"}'):
                with open(os.path.join(folder, state.FILE), "w", encoding="utf-8") as file:
                    file.write(text)
                with self.assertRaises(state.Problem, msg=text):
                    state.load(folder)
