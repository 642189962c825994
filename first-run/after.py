"""The steps with the product deployed: canary, one of each kind, alarms, reconciling, the trail, the tag, and again."""

from __future__ import annotations

import json
import time
from typing import Any

import botocore.exceptions

import kinds
from account import FORWARDER, GLOBAL, ROLE, STACK, code, gone, poll, stacks
from before import ROOT_MAY_NOT, delete_deployer, deployer
from context import Run
from outcome import NOT_TRIED

KEY = "CreatedBy"
TOPIC = "auto-resource-tagger-alarms"
LONGEST_PATTERN = 2048
# How long a message of an alarm, a new rule, and a tag that is put back may need.
MAIL_SECONDS, RULE_SECONDS, RESTORE_SECONDS = 120, 60, 1500
# A denial becomes a dead letter at the first try after two minutes: until then it may be a role that IAM does not know yet.
DENIED_SECONDS = 240


def deploy(run: Run) -> None:
    said = run.account.run("deploy", "--yes", *run.deploy)
    failed = []
    for name, region in ((STACK, run.account.region), (FORWARDER, GLOBAL)):
        events = gone(lambda: kinds.pages(run.account.client("cloudformation", region), "describe_stack_events",
                                          "StackEvents", StackName=name), "ValidationError") or []
        failed += [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in events
                   if "FAILED" in event["ResourceStatus"]]
    run.outcome.settle("deploy", said.code == 0 and not failed, f"{said.seconds:.0f} s, no failed resource"
                       if said.code == 0 and not failed else "; ".join([said.trouble(), *failed]))
    longest = 0
    for region in (run.account.region, GLOBAL):
        rules = kinds.pages(run.account.client("events", region), "list_rules", "Rules", NamePrefix="auto-")
        longest = max([longest, *(len(rule.get("EventPattern", "")) for rule in rules)])
    run.outcome.settle("patterns", 0 < longest <= LONGEST_PATTERN, f"{longest} characters")
    if said.code:
        raise RuntimeError("the deployment failed")


def canary(run: Run) -> None:
    said = run.account.run("doctor", "--canary", "--wait", str(run.wait))
    checks = [line for line in said.lines if "check" in line]
    last = [line for line in checks if line["check"] == "canary"][-1:]
    fine = bool(last) and last[0]["verdict"] == "ok"
    run.outcome.settle("canary", fine, last[0]["message"] if last else said.trouble())
    wrong = [f"{line['check']}: {line['message']}" for line in checks
             if line["verdict"] in ("bad", "unknown") and line["check"] != "canary"]
    run.outcome.settle("doctor", bool(checks) and not wrong, "; ".join(wrong) or f"{len(checks)} checks")
    limit = run.account.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    run.outcome.settle("concurrency", limit >= 10, str(limit))


def resources(run: Run) -> None:
    """One of each kind, and how long it took until it had its creator's tag."""
    made: dict[str, float] = {}
    for kind in kinds.KINDS:
        if run.outcome.only_on_aws(kind.id):
            run.outcome.leave(kind.id, "")
            continue
        try:
            kind.make(run.account, run.state.name)
            made[kind.id] = time.monotonic()
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            run.outcome.leave(kind.id, f"could not be made: {error}")
    waiting = {kind.id: kind for kind in kinds.KINDS if kind.id in made and kind.id != "kms-locked"}
    seen: dict[str, kinds.Tags] = {}

    def look() -> bool:
        for name, kind in list(waiting.items()):
            seen[name] = {k: v for i in kind.find(run.account, run.state.name) for k, v in kind.tags(run.account, i).items()}
            if KEY in seen[name]:
                judge(run, name, seen[name], time.monotonic() - made[name])
                del waiting[name]
        return not waiting
    poll(run.wait, look)
    for name in waiting:
        run.outcome.settle(name, False, f"no {KEY} after {run.wait} s; tags: {seen.get(name)}")
    letters(run)
    s3_control(run)


def judge(run: Run, name: str, tags: kinds.Tags, seconds: float) -> None:
    fine = tags[KEY] == run.account.creator()
    if name == "tag-ec2-volume":
        fine = fine and tags.get(kinds.MARK) == run.state.name
    shown = ", ".join(f"{key}={value}" for key, value in sorted(tags.items()) if key in (KEY, kinds.MARK))
    run.outcome.settle(name, fine, f"{shown} after {seconds:.0f} s at most")


def letters(run: Run) -> None:
    """The dead letters: the locked key's, and no other."""
    def locked(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [group for group in groups if group["service"] == "kms" and group["class"] == "denied"]

    def groups() -> list[dict[str, Any]]:
        return [line for line in run.account.run("redrive").lines if line.get("step") == "group"]
    poll(max(run.wait, DENIED_SECONDS), lambda: locked(groups()))
    found = groups()
    run.outcome.settle("kms-locked", bool(locked(found)), "; ".join(f"{group['class']} by {group['by']}, {group['code']}"
                       for group in locked(found)) or "no dead letter of KMS")
    others = [group["message"].splitlines()[0] for group in found if group not in locked(found)]
    run.outcome.settle("dead-letters", not others, "; ".join(others) or "none")


def s3_control(run: Run) -> None:
    """By the event history, which shows a call some minutes late."""
    if run.outcome.only_on_aws("s3-control"):
        return run.outcome.leave("s3-control", "")
    bucket = f"{run.state.name}-{run.account.id}"

    def calls() -> list[str]:
        events = kinds.pages(run.account.client("cloudtrail"), "lookup_events", "Events",
                             LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": bucket}])
        return sorted({event["EventName"] for event in events if ROLE in event.get("CloudTrailEvent", "")
                       and event["EventName"] in ("TagResource", "PutBucketTagging")})
    found = poll(run.wait, calls, every=30)
    if not found:
        return run.outcome.leave("s3-control", f"the event history has neither call after {run.wait} s")
    run.outcome.settle("s3-control", found == ["TagResource"], ", ".join(found))


class Mail:
    """A queue that hears of the alarms' topic, since a script does not read mail."""

    def __init__(self, run: Run) -> None:
        self._sqs, name = run.account.client("sqs"), f"{run.state.name}-alarms"
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        queue, topic = kinds.arn(run.account, "sqs", name), kinds.arn(run.account, "sns", TOPIC)
        policy = {"Version": "2012-10-17", "Statement": [{
            "Sid": "FromTheTopic", "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)})
        run.account.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def wait(self, words: str, seconds: float) -> str:
        """The first message with these words, or nothing. Others are dropped."""
        def receive() -> str:
            answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
            texts = [message["Body"] for message in answer.get("Messages", [])]
            for message in answer.get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            return next((text for text in texts if words in text), "")
        return poll(seconds, receive, every=0)


def alarms(run: Run) -> None:
    ringing = [alarm["AlarmName"] for region in (run.account.region, GLOBAL)
               for alarm in kinds.pages(run.account.client("cloudwatch", region), "describe_alarms", "MetricAlarms",
                                        AlarmNamePrefix=f"{STACK}-", StateValue="ALARM")]
    others = [name for name in ringing if name != f"{STACK}-dead-letters"]
    run.outcome.settle("alarm-quiet", not others, ", ".join(ringing) or "none")
    mail = None
    # The home region's alarm sends its own message; the forwarder's comes by a rule, in that rule's words.
    for name, region, words in (("alarm-home", run.account.region, run.state.name),
                                ("alarm-elsewhere", GLOBAL, f"ALARM {STACK}-undelivered in {GLOBAL}")):
        if run.outcome.only_on_aws(name):
            run.outcome.leave(name, "")
            continue
        mail = mail or Mail(run)
        alarm = {"AlarmName": f"{STACK}-undelivered", "StateReason": f"tried by {run.state.name}"}
        run.account.client("cloudwatch", region).set_alarm_state(StateValue="ALARM", **alarm)
        text = mail.wait(words, MAIL_SECONDS)
        run.account.client("cloudwatch", region).set_alarm_state(StateValue="OK", **alarm)
        run.outcome.settle(name, bool(text), "a message" if text else f"no message within {MAIL_SECONDS} s")


def reconcile(run: Run) -> None:
    answer = run.account.client("lambda").invoke(
        FunctionName=f"{STACK}-reconcile", Payload=json.dumps({"tagger": "reconcile"}).encode())
    text = answer["Payload"].read().decode()
    marks = (run.account.run("status").end.get("reconcile") or {}).get("regions") or {}
    wanted = {run.account.region, GLOBAL}
    fine = not answer.get("FunctionError") and wanted <= set(marks)
    run.outcome.settle("reconcile", fine, f"marks for {', '.join(sorted(marks)) or 'no region'}" if fine else text[:400])


def trail(run: Run) -> None:
    """Stops the tagger's own trail for a moment. Another's is left alone."""
    cloudtrail = run.account.client("cloudtrail")
    if not any(found["Name"] == STACK for found in cloudtrail.describe_trails()["trailList"]):
        return run.outcome.leave("trail-stopped", "the events come from a trail that was there, which is not stopped")
    mail = Mail(run)
    cloudtrail.stop_logging(Name=STACK)
    try:
        text = mail.wait("TRAIL StopLogging", run.wait)
    finally:
        cloudtrail.start_logging(Name=STACK)
    run.outcome.settle("trail-stopped", bool(text), "a message" if text else f"no message within {run.wait} s")


def tag_restored(run: Run) -> None:
    """Takes the queue's tag away; the product waits a quarter of an hour before it looks."""
    if run.outcome.only_on_aws("tag-restored"):
        return run.outcome.leave("tag-restored", "")
    said = run.account.run("deploy", "--yes", *run.deploy, "--set", "TagChanges=restore")
    if said.code:
        return run.outcome.settle("tag-restored", False, said.trouble())
    sqs = run.account.client("sqs")
    queue = kinds.find_queue(run.account, run.state.name)[0]
    # A rule that was made just now may not match yet.
    time.sleep(RULE_SECONDS)
    sqs.untag_queue(QueueUrl=queue, TagKeys=[KEY])
    begun = time.monotonic()
    back = poll(RESTORE_SECONDS, lambda: sqs.list_queue_tags(QueueUrl=queue).get("Tags", {}).get(KEY), every=RESTORE_SECONDS / 75)
    run.outcome.settle("tag-restored", back == run.account.creator(),
                       f"{KEY}={back} after {time.monotonic() - begun:.0f} s" if back else f"not within {RESTORE_SECONDS} s")


def deploy_again(run: Run) -> None:
    said = run.account.run("deploy", "--yes", *run.deploy)
    run.outcome.settle("deploy-again", said.code == 0 and said.end.get("changed") is False,
                       said.end.get("message", "") if said.code == 0 else said.trouble())


def update(run: Run) -> None:
    said = run.account.run("deploy", "--yes", *run.deploy, "--set", "LogRetentionDays=14")
    run.outcome.settle("update", said.code == 0 and said.end.get("changed") is True,
                       f"{said.seconds:.0f} s" if said.code == 0 else said.trouble())
    said = run.account.run("deploy", "--yes", *run.deploy, "--set", "ReconcileTimeout=1800")
    run.outcome.settle("reconcile-longer", said.code == 0, "done" if said.code == 0 else said.trouble())


def by_policy(run: Run) -> None:
    """As a role that has the documented policy and no more: look, update, destroy."""
    asked = {"policy-look": (("status",), ("doctor",)),
             "policy-update": (("deploy", "--yes", *run.deploy, "--set", "LogRetentionDays=30"),),
             "policy-destroy": (("destroy", "--yes", "--discard-dead-letters"),)}
    if run.account.caller.endswith(":root"):
        for name in asked:
            run.outcome.leave(name, ROOT_MAY_NOT)
        return
    credentials = deployer(run)
    for name, calls in asked.items():
        found = [run.account.run(*words, credentials=credentials) for words in calls]
        # What `tagger doctor` finds is not asked here, and there is a dead letter to find.
        wrong = [f"{said.trouble()} {said.denied()}" for said in found
                 if said.denied() or (said.code and name != "policy-look")]
        run.outcome.settle(name, not wrong, "; ".join(wrong) or "nothing denied")
    delete_deployer(run)


def destroy(run: Run) -> None:
    """What the step before has not destroyed."""
    said = run.account.run("destroy", "--yes", "--discard-dead-letters")
    left = stacks(run.account)
    run.outcome.settle("destroy", said.code == 0 and not left,
                       f"{said.seconds:.0f} s" if said.code == 0 and not left else "; ".join([said.trouble(), *left]))


def deploy_after_destroy(run: Run) -> None:
    # SQS refuses a queue's name for 60 seconds after a queue of that name was deleted.
    time.sleep(run.pause)
    if run.account.caller.endswith(":root"):
        run.outcome.leave("policy-deploy", ROOT_MAY_NOT)
    else:
        said = run.account.run("deploy", "--yes", *run.deploy, credentials=deployer(run))
        fine = said.code == 0 and not said.denied()
        run.outcome.settle("policy-deploy", fine, "nothing denied" if fine else f"{said.trouble()} {said.denied()}")
        delete_deployer(run)
    # Where that failed, whoever runs this goes on with it.
    said = run.account.run("deploy", "--yes", *run.deploy)
    run.outcome.settle("deploy-after-destroy", said.code == 0,
                       f"{said.seconds:.0f} s" if said.code == 0 else said.trouble())


def organization(run: Run) -> None:
    """With --organization: one unit with an account that has no trail of its own."""
    if not run.unit:
        for name in ("organization", "member"):
            run.outcome.leave(name, "needs an organization: --organization ou-…", NOT_TRIED)
        return
    said = run.account.run("deploy", "--organization", "--targets", run.unit, "--yes", *run.deploy)
    run.outcome.settle("organization", said.code == 0, f"{said.seconds:.0f} s" if said.code == 0 else said.trouble())
    members = kinds.pages(run.account.client("organizations"), "list_accounts_for_parent", "Accounts", ParentId=run.unit)
    if said.code or not members:
        return run.outcome.leave("member", "the unit has no account" if not members else "the deployment failed")
    try:
        in_member(run, members[0]["Id"])
    except botocore.exceptions.ClientError as error:
        run.outcome.leave("member", f"{code(error)} in {members[0]['Id']}: {error}")


def in_member(run: Run, member: str) -> None:
    role = f"arn:{run.account.partition()}:iam::{member}:role/OrganizationAccountAccessRole"
    given = run.account.client("sts").assume_role(RoleArn=role, RoleSessionName=run.state.name)["Credentials"]
    sqs = run.account.client_as(given, "sqs")
    queue = sqs.create_queue(QueueName=run.state.name)["QueueUrl"]
    begun = time.monotonic()
    try:
        value = poll(run.wait, lambda: sqs.list_queue_tags(QueueUrl=queue).get("Tags", {}).get(KEY))
    finally:
        sqs.delete_queue(QueueUrl=queue)
    trail = run.account.run("status").end.get("trail")
    run.outcome.settle("member", value == run.state.name, f"{KEY}={value} after {time.monotonic() - begun:.0f} s, trail "
                       f"{trail}" if value else f"no tag after {run.wait} s, trail {trail}")
