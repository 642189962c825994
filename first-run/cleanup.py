"""Takes away what a run made, and looks whether it is gone. It goes by the run's name and the product's own names.

What was there before the run (`State.kept`) is left alone. It can be run again, and goes on after a failure.
"""

from __future__ import annotations

from typing import Any, Callable

import botocore.exceptions

import kinds
from account import GLOBAL, ROLE, STACK, Account, gone, poll, stacks
from context import Run
from state import State

LOGS = "/aws/lambda/auto-resource-tagger"
SECONDS = 90.0


def clean(run: Run) -> list[str]:
    """Removes everything; what could not be removed, in words."""
    failed: list[str] = []

    def attempt(what: str, action: Callable[[], Any]) -> None:
        try:
            action()
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            failed.append(f"{what}: {error}")
    account, name = run.account, run.state.name
    if stacks(account):
        more = ["--organization"] if run.unit and "organization" in run.state.begun else []
        said = account.run("destroy", "--yes", "--discard-dead-letters", *more)
        if said.code:
            failed.append(f"tagger destroy: {said.trouble()}")
    for what, found, delete in things(account, run.state):
        attempt(what, lambda: [delete(account, item) for item in found(account)])
    # Lists show for a while what was deleted.
    poll(SECONDS, lambda: not left(account, run.state), every=10)
    failed += [f"{what} is still there" for what in left(account, run.state)]
    run.state.cleaned = not failed
    return failed


def things(account: Account, state: State) -> list[tuple[str, Callable, Callable]]:
    """What a run may have made beside the stacks: in words, how it is found, how it is deleted."""
    name = state.name
    emulator_lacks = {"tag-beanstalk-application"} if account.emulator else set()
    listed = [(kind.id, lambda a, find=kind.find: find(a, name), kind.delete)
              for kind in reversed(kinds.KINDS) if kind.id not in emulator_lacks]
    remove_queue = lambda a, i: a.client("sqs").delete_queue(QueueUrl=i)  # noqa: E731
    for part in ("alarms", "policy"):
        listed.append((f"queue {name}-{part}", lambda a, q=f"{name}-{part}": kinds.find_queue(a, q), remove_queue))
    listed.append((f"bucket {name}-code", lambda a: kinds.find_bucket(a, f"{name}-code"), kinds.delete_bucket))
    listed.append((f"role {name}-deployer", lambda a: kinds.find_role(a, f"{name}-deployer"), kinds.delete_role))
    listed.append((f"policies {name}", lambda a: kinds.find_policies(a, name),
                   lambda a, i: a.client("iam").delete_policy(PolicyArn=i)))
    for bucket in own_buckets(account):
        if bucket not in state.kept:
            listed.append((f"bucket {bucket}", lambda a, b=bucket: there(a, b), kinds.delete_bucket))
    listed.append(("log groups", lambda a: [g for g in log_groups(a) if g not in state.kept],
                   lambda a, i: a.client("logs").delete_log_group(logGroupName=i)))
    return listed


def own_buckets(account: Account) -> list[str]:
    """The buckets that the product makes and, one of them, keeps."""
    return [f"cloudtrail-logs-{account.id}-{account.region}", f"{STACK}-code-{account.id}-{account.region}"]


def there(account: Account, bucket: str) -> list[str]:
    return [bucket] if gone(lambda: account.client("s3").head_bucket(Bucket=bucket), "404") is not None else []


def log_groups(account: Account) -> list[str]:
    groups = kinds.pages(account.client("logs"), "describe_log_groups", "logGroups", logGroupNamePrefix=LOGS)
    return [group["logGroupName"] for group in groups]


def before(account: Account) -> list[str]:
    """What a clean-up must leave alone, since it is there before the run."""
    return [name for bucket in own_buckets(account) for name in there(account, bucket)] + log_groups(account)


def left(account: Account, state: State) -> list[str]:
    """What is still there of this run and of the product."""
    found = stacks(account)
    for what, find, _ in things(account, state):
        found += [f"{what} {item}" for item in find(account)]
    sqs, iam = account.client("sqs"), account.client("iam")
    for region in (account.region, GLOBAL):
        found += account.client("sqs", region).list_queues(QueueNamePrefix=STACK).get("QueueUrls", [])
        found += [rule["Name"] for rule in kinds.pages(account.client("events", region), "list_rules", "Rules",
                                                       NamePrefix="auto-")]
    found += sqs.list_queues(QueueNamePrefix=state.name).get("QueueUrls", [])
    found += [role["RoleName"] for role in kinds.pages(iam, "list_roles", "Roles")
              if role["RoleName"].startswith((ROLE, "AutoResourceTaggerForwarder", state.name))]
    trails = account.client("cloudtrail").describe_trails()["trailList"]
    return sorted(set(found + [f"the trail {trail['Name']}" for trail in trails if trail["Name"] == STACK]))


