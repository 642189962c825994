"""The whole of `run.py` in the sandbox: each doubt is settled or honestly only on AWS, whatever kills it; nothing is left."""

from __future__ import annotations

import contextlib
import os
import threading
import unittest
from typing import Iterator
from unittest import mock

from support import ACCOUNT, Cloud, Script, TAGGER  # first: it finds the script's own files
import account
import after
import cleanup
import context
import kinds
import outcome
import state

# What no emulator settles, and what nobody asked for here. A doubt that the sandbox learns to answer leaves this list.
ONLY_ON_AWS = {"tls", "patterns", "tag-beanstalk-application", "s3-control", "alarm-elsewhere", "alarm-quiet",
               "tag-restored", "policy-look", "policy-update", "policy-deploy"}
NOT_TRIED = {"organization", "member"}
# The emulator takes an account's number as the key of its root.
KEYS = {"AccessKeyId": ACCOUNT, "SecretAccessKey": "test", "SessionToken": None}


class InTheSandbox(unittest.TestCase):
    def setUp(self) -> None:
        self.cloud = Cloud()
        self.addCleanup(self.cloud.stop)

    def left(self, script: Script) -> list[str]:
        """What is there, asked anew and not taken from the script's own table."""
        with mock.patch.dict(os.environ, self.cloud.environment):
            there = account.open_account([TAGGER])
            run = state.load(script.out)
            self.assertIsNotNone(run)
            return cleanup.left(there, run)

    def test_it_refuses_then_is_killed_goes_on_and_settles_everything(self) -> None:
        asked = Script(self.cloud, "out")
        self.assertEqual(asked.ended(), 2, asked.lines)
        self.assertIn(f"Account {ACCOUNT}, as arn:aws:iam::{ACCOUNT}:user/alice", asked.lines)
        self.assertIn("There is no terminal to ask at: say --yes.", asked.lines)
        self.assertEqual(self.left_of_product(), [], "it asks before it makes anything")

        killed = Script(self.cloud, "out", "--yes")
        killed.until("== resources")
        killed.until("   as expected: SQS queue")
        killed.kill()
        self.assertTrue(self.left(killed), "the crash leaves the deployment and the resources")

        script = Script(self.cloud, "out", "--yes", "--pause", "0")
        code = script.ended()
        text = "\n".join(script.lines)
        self.assertIn("Going on with first-run-", text)
        self.assertNotIn("== dry-run-policy", text, "what was done is not done again")
        rows = script.rows()
        self.assertEqual(set(rows), {doubt.id for doubt in outcome.DOUBTS}, "a row for each doubt")
        by_verdict = {verdict: {name for name, row in rows.items() if row["verdict"] == verdict} for verdict in
                      (outcome.OTHERWISE, outcome.NOT_SETTLED, outcome.ONLY_ON_AWS, outcome.NOT_TRIED)}
        self.assertEqual(by_verdict, {outcome.OTHERWISE: set(), outcome.NOT_SETTLED: set(),
                                      outcome.ONLY_ON_AWS: ONLY_ON_AWS, outcome.NOT_TRIED: NOT_TRIED}, text)
        self.assertEqual(code, 0, text)
        for row in rows.values():
            self.assertTrue(row["seen"] and row["when"] and row["versions"].startswith("tagger "), row)
        self.assertEqual(self.left(script), [])
        with open(os.path.join(script.out, "outcome.md"), encoding="utf-8") as file:
            self.assertEqual(file.read().count("\n| "), len(outcome.DOUBTS) + 1)

    def test_stopped_it_cleans_up(self) -> None:
        script = Script(self.cloud, "out", "--yes")
        script.until("== deploy")
        script.process.terminate()
        self.assertEqual(script.ended(), 130, script.lines)
        self.assertIn("== clean-up", script.lines)
        self.assertEqual(self.left(script), [])
        self.assertEqual(script.rows()["left-behind"]["verdict"], outcome.AS_EXPECTED)

    def test_a_deployment_of_others_is_left_alone_and_what_only_aws_does_is_judged(self) -> None:
        with mock.patch.dict(os.environ, self.cloud.environment):
            there = account.open_account([TAGGER])
            said = there.run("deploy", "--yes", "--zip", self.cloud.zip)
            self.assertEqual(said.code, 0, said.trouble())
            self.what_only_aws_does_is_judged(there)
        for words in ([], ["--allow-trail", "--allow-used"]):
            refused = Script(self.cloud, "out", "--yes", *words)
            self.assertEqual(refused.ended(), 2)
            self.assertIn("auto-resource-tagger is deployed here", refused.lines[0])

    def what_only_aws_does_is_judged(self, there: account.Account) -> None:
        """The steps that no emulator settles, as on AWS; what AWS and the tagger would do there is done here, or not."""
        there.emulator = False
        rows = outcome.Outcome("tagger 0", False, [])
        with mock.patch.multiple(after, MAIL_SECONDS=4, RULE_SECONDS=0, RESTORE_SECONDS=15):
            for help_comes, verdict in ((True, outcome.AS_EXPECTED), (False, outcome.OTHERWISE)):
                made = context.Run(there, state.new(there.id, there.region), rows, "", 4, 0, ["--zip", self.cloud.zip], "")
                with self.subTest(help_comes=help_comes), help_from_aws(made) if help_comes else contextlib.nullcontext():
                    there.client("sqs").create_queue(QueueName=made.state.name)
                    after.alarms(made)
                    after.tag_restored(made)
                    for name in ("alarm-elsewhere", "tag-restored"):
                        self.assertEqual(rows.rows[name].verdict, verdict, rows.rows[name])
                    for name in ("alarm-quiet", "alarm-home"):
                        self.assertEqual(rows.rows[name].verdict, outcome.AS_EXPECTED, rows.rows[name])

    def left_of_product(self) -> list[str]:
        with mock.patch.dict(os.environ, self.cloud.environment):
            there = account.open_account([TAGGER])
            return cleanup.left(there, state.new(there.id, there.region))


@contextlib.contextmanager
def help_from_aws(run: context.Run) -> Iterator[None]:
    """Sends what the rule for forwarders' alarms sends, and puts a removed tag back, until it is left."""
    over = threading.Event()
    sns, sqs = run.account.client_as(KEYS, "sns"), run.account.client_as(KEYS, "sqs")

    def work() -> None:
        while not over.wait(0.5):
            sns.publish(TopicArn=kinds.arn(run.account, "sns", after.TOPIC),
                        Message="ALARM auto-resource-tagger-undelivered in us-east-1, account 111122223333")
            for queue in kinds.find_queue(run.account, run.state.name):
                sqs.tag_queue(QueueUrl=queue, Tags={after.KEY: run.account.creator()})
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Refusals(unittest.TestCase):
    """What an account must not have, without an account."""

    def test_trails_and_many_resources(self) -> None:
        import argparse

        import run
        for trails, counts, allowed, words in (
                (["management-events"], {}, [], "has a trail (management-events)"),
                ([], {"S3 buckets": 20, "IAM roles": 6}, [], "looks used: 20 S3 buckets, 6 IAM roles"),
                ([], {"S3 buckets": 20, "IAM roles": 5}, [], ""),
                (["management-events"], {"S3 buckets": 26}, ["trail", "used"], "")):
            arguments = argparse.Namespace(allow_trail="trail" in allowed, allow_used="used" in allowed)
            there = mock.Mock(id=ACCOUNT)
            with mock.patch.multiple(account, stacks=lambda _: [], trails=lambda _: trails, used=lambda _: counts):
                if words:
                    with self.assertRaisesRegex(state.Problem, words.replace("(", r"\(").replace(")", r"\)")):
                        run.refuse(there, arguments)
                else:
                    run.refuse(there, arguments)


if __name__ == "__main__":
    unittest.main()
