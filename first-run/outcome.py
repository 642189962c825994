"""The doubts that only an account settles, and what became of each: rows, as Markdown and JSON.

It must not call AWS. `docs/first-run-on-aws.md` has the table of doubts from `table()`, held by tests/test_outcome.py.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict, dataclass
from typing import Any

AS_EXPECTED = "as expected"
OTHERWISE = "NOT as expected"
NOT_SETTLED = "not settled"
ONLY_ON_AWS = "only on AWS"
NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Doubt:
    """A question with the answer that AWS's documents give; `emulator` says why no emulator can answer it."""

    id: str
    step: str
    doubt: str
    expected: str
    emulator: str = ""


@dataclass
class Row:
    """What was seen of a doubt: the words of the verdict, when (UTC), and with which versions."""

    id: str
    seen: str
    verdict: str
    when: str
    versions: str


NO_ALARM_EVENTS = "the emulator sends no `CloudWatch Alarm State Change`, by which a forwarder tells of its alarm"
NO_STACK_IN_CHANGE_SETS = "the emulator holds ExecuteChangeSet against no stack, so a policy that names the stack is refused"
NO_TAG_EVENTS = "the emulator sends no `Tag Change on Resource`; templates/tests/test_stack.py sends them itself"

DOUBTS = (
    Doubt("tls", "tls", "every host that the function calls has a certificate below the five roots", "every host",
          "there is no AWS host to ask; tests/test_tls.py asks hosts of its own"),
    Doubt("queue-policy-one", "queue-policies", "a queue's policy with one queue in a statement", "accepted"),
    Doubt("queue-policy-star", "queue-policies", "a queue's policy with `*` as its resource", "accepted"),
    Doubt("queue-policy-two", "queue-policies", "a queue's policy with two queues in a statement", "refused"),
    Doubt("template-tagger", "templates", "CloudFormation takes `tagger.yaml`", "needs CAPABILITY_NAMED_IAM"),
    Doubt("template-forwarder", "templates", "CloudFormation takes `forwarder.yaml`", "needs CAPABILITY_NAMED_IAM"),
    Doubt("template-organization", "templates", "CloudFormation takes `organization.yaml`", "needs no capability"),
    Doubt("dry-run", "dry-run", "a dry run shows the plan and leaves nothing", "no stack in REVIEW_IN_PROGRESS"),
    Doubt("dry-run-policy", "dry-run-policy", "the documented policy is enough for a dry run", "nothing denied"),
    Doubt("deploy", "deploy", "home stack and forwarder are made", "no failed resource"),
    Doubt("patterns", "deploy", "the longest pattern of a deployed rule", "at most 2,048 characters",
          "the emulator writes patterns with spaces between their parts"),
    Doubt("canary", "canary", "from a new trail to the first tag", "at most 900 s"),
    Doubt("doctor", "canary", "`tagger doctor` after a deployment", "nothing bad, nothing unknown"),
    Doubt("concurrency", "canary", "concurrent executions of the account", "10 or more"),
    Doubt("tag-s3-bucket", "resources", "S3 bucket", "has its creator's tag"),
    Doubt("tag-sqs-queue", "resources", "SQS queue", "has its creator's tag"),
    Doubt("tag-dynamodb-table", "resources", "DynamoDB table", "has its creator's tag"),
    Doubt("tag-ec2-volume", "resources", "EC2 volume that was given a tag when it was made", "has both tags"),
    Doubt("tag-rest-api", "resources", "API Gateway, REST API", "has its creator's tag"),
    Doubt("tag-http-api", "resources", "API Gateway, HTTP API", "has its creator's tag"),
    Doubt("tag-http-stage", "resources", "API Gateway, stage of the HTTP API", "has its creator's tag"),
    Doubt("tag-athena-workgroup", "resources", "Athena workgroup", "has its creator's tag"),
    Doubt("tag-kms-key", "resources", "KMS key", "has its creator's tag"),
    Doubt("tag-iam-role", "resources", "IAM role, by the forwarder of us-east-1", "has its creator's tag"),
    Doubt("tag-beanstalk-application", "resources", "Elastic Beanstalk application", "has its creator's tag",
          "the emulator has no Elastic Beanstalk"),
    Doubt("tag-appsync-api", "resources", "AppSync API", "has its creator's tag"),
    Doubt("tag-log-group", "resources", "log group", "has its creator's tag"),
    Doubt("tag-sns-topic", "resources", "SNS topic", "has its creator's tag"),
    Doubt("tag-ssm-parameter", "resources", "SSM parameter", "has its creator's tag"),
    Doubt("kms-locked", "resources", "a KMS key whose policy leaves the tagger out", "a dead letter, `denied`"),
    Doubt("dead-letters", "resources", "other dead letters", "none"),
    Doubt("s3-control", "resources", "the bucket was tagged by S3 Control's TagResource", "no PutBucketTagging",
          "the emulator's S3 has one way to tag only"),
    Doubt("alarm-home", "alarms", "an alarm of the home region reaches the topic", "a message"),
    Doubt("alarm-elsewhere", "alarms", "an alarm of us-east-1 reaches the home region's topic", "a message",
          NO_ALARM_EVENTS),
    Doubt("alarm-quiet", "alarms", "no alarm rings by creating alone", "none in ALARM but -dead-letters",
          "the emulator has no metrics of queues and functions, so no alarm can ring"),
    Doubt("reconcile", "reconcile", "a run over the event history gets to its end", "no error, a mark for each region"),
    Doubt("trail-stopped", "trail", "who stops the trail is named in the topic", "a message `TRAIL StopLogging by …`"),
    Doubt("tag-restored", "tag-restored", "a removed tag comes back with `TagChanges=restore`", "within 25 minutes",
          NO_TAG_EVENTS),
    Doubt("deploy-again", "deploy-again", "a second `tagger deploy`", "changes nothing"),
    Doubt("update", "update", "an update: `--set LogRetentionDays=14`", "done"),
    Doubt("reconcile-longer", "update", "Lambda takes a timeout of 1,800 s: `--set ReconcileTimeout=1800`", "done"),
    Doubt("policy-look", "by-policy", "the documented policy is enough for `tagger status` and `tagger doctor`",
          "nothing denied", "the emulator asks for lambda:PutFunctionConcurrency where AWS asks for GetFunctionConcurrency"),
    Doubt("policy-update", "by-policy", "the documented policy is enough for an update", "nothing denied",
          NO_STACK_IN_CHANGE_SETS),
    Doubt("policy-destroy", "by-policy", "the documented policy is enough for `tagger destroy`", "nothing denied"),
    Doubt("destroy", "destroy", "`tagger destroy`", "no stack is left"),
    Doubt("policy-deploy", "deploy-after-destroy", "the documented policy is enough for `tagger deploy`", "nothing denied",
          NO_STACK_IN_CHANGE_SETS),
    Doubt("deploy-after-destroy", "deploy-after-destroy", "`tagger deploy` after `tagger destroy`",
          "the bucket and the names that are still there are not in the way"),
    Doubt("organization", "organization", "StackSets take parameters that are left at their empty defaults", "done"),
    Doubt("member", "organization", "what is made in a member account gets its creator's tag", "has its creator's tag"),
    Doubt("left-behind", "clean-up", "what is left of this run", "nothing"),
)


class Outcome:
    """The rows of a run. A row that is there already is replaced."""

    def __init__(self, versions: str, emulator: bool, rows: list[dict[str, Any]]) -> None:
        self.versions, self.emulator = versions, emulator
        self.rows = {row["id"]: Row(**row) for row in rows}
        self._doubts = {doubt.id: doubt for doubt in DOUBTS}

    def settle(self, name: str, fine: bool, seen: str) -> None:
        """An answer; on an emulator, where none counts that it cannot give, the reason instead."""
        doubt = self._doubts[name]
        if self.emulator and doubt.emulator:
            self._put(name, doubt.emulator, ONLY_ON_AWS)
        else:
            self._put(name, seen, AS_EXPECTED if fine else OTHERWISE)

    def leave(self, name: str, why: str, verdict: str = NOT_SETTLED) -> None:
        """No answer, and why."""
        doubt = self._doubts[name]
        if self.emulator and doubt.emulator:
            self._put(name, doubt.emulator, ONLY_ON_AWS)
        else:
            self._put(name, why, verdict)

    def leave_rest(self, step: str, why: str) -> None:
        """No answer to what a step has not settled."""
        for doubt in DOUBTS:
            if doubt.step == step and doubt.id not in self.rows:
                self.leave(doubt.id, why)

    def forget(self, step: str) -> None:
        """Before a step runs again."""
        for doubt in DOUBTS:
            if doubt.step == step:
                self.rows.pop(doubt.id, None)

    def only_on_aws(self, name: str) -> bool:
        """Whether waiting for an answer is in vain here."""
        return self.emulator and bool(self._doubts[name].emulator)

    def verdicts(self, verdict: str) -> list[str]:
        return [name for name, row in self.rows.items() if row.verdict == verdict]

    def _put(self, name: str, seen: str, verdict: str) -> None:
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.rows[name] = Row(name, " ".join(seen.split()), verdict, when, self.versions)
        print(f"   {verdict}: {self._doubts[name].doubt}: {seen}", flush=True)

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(self.rows[doubt.id]) for doubt in DOUBTS if doubt.id in self.rows]

    def markdown(self, head: str) -> str:
        """The table to paste, with a row for each doubt, asked or not."""
        return f"{head}\n\n{table(self.rows)}"


def table(rows: dict[str, Row]) -> str:
    lines = ["| doubt | step | expected | seen | verdict | when | versions |", "|---|---|---|---|---|---|---|"]
    for doubt in DOUBTS:
        row = rows.get(doubt.id)
        found = [row.seen, row.verdict, row.when, row.versions] if row else ["", "", "", ""]
        cells = [doubt.doubt, doubt.step, doubt.expected, *found]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def to_text(outcome: Outcome, about: dict[str, Any]) -> str:
    doubts = {doubt.id: doubt for doubt in DOUBTS}
    rows = [{**row, "doubt": doubts[row["id"]].doubt, "step": doubts[row["id"]].step,
             "expected": doubts[row["id"]].expected} for row in outcome.as_json()]
    return json.dumps({**about, "rows": rows}, indent=1, ensure_ascii=False) + "\n"
