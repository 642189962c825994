"""Eventual consistency: what was made or changed shows, or works, only after some seconds. Off unless asked for.

    cloud.py --consistency SECONDS

AWS names no time for most of it: IAM's changes usually take some seconds, rarely a minute. What is late, and where AWS
says so, is the table LATE. A thread looks at the emulator's stores a few times a second, so a change is known to within
that; resources of stacks are late in the same way, except that a stack itself waits for its roles, as CloudFormation does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from rule_checks import as_list

LOOK_EVERY = 0.2

# What is late: name, for how long at most (None: as asked for), and the source.
LATE: dict[str, tuple[float | None, str]] = {
    "policies of roles and users": (None, "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html"
                                          "#troubleshoot_general_eventual-consistency"),
    "a role that Lambda or somebody is to assume": (None, "https://github.com/aws/aws-sdk-js/issues/3498"),
    "rules of EventBridge": (None, "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html"),
    "ids of EC2": (None, "https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html"),
    "queues": (1.0, "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"),
}


class Late:
    """Values by key, each shown some seconds after it was first seen; before the first, what a new key shows."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[Any, list[tuple[float, Any]]] = {}
        self._lock = threading.Lock()

    def shown(self, key: Any, value: Any, new: Any = None) -> Any:
        """What of this key shows now, given what it is."""
        now = self._clock()
        with self._lock:
            history = self._seen.setdefault(key, [])
            if not history or history[-1][1] != value:
                history.append((now, value))
            visible = [number for number, (seen, _) in enumerate(history) if now - seen >= self._seconds]
            if not visible:
                return new
            del history[:visible[-1]]
            return history[0][1]

    def is_new(self, key: Any) -> bool:
        """Whether a thing that is there does not show yet."""
        return self.shown(key, True, False) is False

    def forget(self, kind: str, there: set) -> None:
        """A key of this kind that is not there any more is new when it comes again."""
        with self._lock:
            for key in [key for key in self._seen if key[0] == kind and key not in there]:
                del self._seen[key]


class Consistency:
    """How late things are in a running emulator."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._late = Late(seconds)
        self._queues = Late(min(seconds, LATE["queues"][0] or seconds))

    def start(self) -> None:
        """From now on. Nothing is done where nothing is to be late."""
        if self.seconds > 0:
            self._policies_are_late()
            self._rules_are_late()
            threading.Thread(target=self._look_on, name="consistency", daemon=True).start()

    def unseen(self, service: str, operation: str, values: dict[str, Any], account: str, region: str) -> tuple[str, str] | None:
        """The error that a call meets because something it names does not show yet, if one does."""
        if self.seconds <= 0:
            return None
        if service == "lambda" and operation == "CreateFunction" and self._is_new_role(values.get("Role")):
            return "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."
        if service == "sts" and operation == "AssumeRole" and self._is_new_role(values.get("RoleArn")):
            return "AccessDenied", f"The caller is not authorized to perform: sts:AssumeRole on resource: {values['RoleArn']}"
        if service == "sqs" and isinstance(values.get("QueueUrl"), str):
            key = ("queue", account, region, values["QueueUrl"].rpartition("/")[2])
            if key in _queue_keys() and self._queues.is_new(key):
                return "QueueDoesNotExist", "The specified queue does not exist."
        if service == "ec2":
            return self._unseen_id(values, account, region)
        return None

    def _is_new_role(self, arn: Any) -> bool:
        from ministack.services import iam

        if not isinstance(arn, str) or arn.count(":") < 5:
            return False
        account, name = arn.split(":")[4], arn.rpartition("/")[2]
        there = iam._roles.get_scoped(account, None, name) is not None
        return there and self._late.is_new(("role", account, name))

    def _unseen_id(self, values: dict[str, Any], account: str, region: str) -> tuple[str, str] | None:
        from rules import EC2_IDS

        for name in _strings(values):
            kind = name.rpartition("-")[0]
            key = ("id", account, region, name)
            if kind in EC2_IDS and key in _ec2_keys() and self._late.is_new(key):
                code, called = EC2_IDS[kind]
                return code, f"The {called} ID '{name}' does not exist"
        return None

    def _look_on(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            self._look()

    def _look(self) -> None:
        """Notes what is there, so that its age is known when it is asked for."""
        from ministack.core import iam_evaluator
        from ministack.core.responses import request_scope
        from ministack.services import eventbridge, iam

        there = set()
        for account, name in list(iam._roles.to_dict()):
            there.add(("role", account, name))
            with request_scope(account, "us-east-1"):
                iam_evaluator._gather_role_policies(name, account)
        for account, name in list(iam._users.to_dict()):
            with request_scope(account, "us-east-1"):
                iam_evaluator._gather_user_policies(name, account)
        ids = _ec2_keys()
        queues = _queue_keys()
        for key in there | ids:
            self._late.is_new(key)
        for key in queues:
            self._queues.is_new(key)
        for (account, region, name), rule in list(eventbridge._rules.to_dict().items()):
            self._late.shown(("rule", account, region, f"rule {name}"), _pattern(rule.get("EventPattern")))
        self._late.forget("role", there)
        self._late.forget("id", ids)
        self._queues.forget("queue", queues)

    def _policies_are_late(self) -> None:
        from ministack.core import iam_evaluator

        def late(kind: str, gather):
            return lambda name, account: self._late.shown((kind, account, name), gather(name, account), [])

        iam_evaluator._gather_role_policies = late("policies of role", iam_evaluator._gather_role_policies)
        iam_evaluator._gather_user_policies = late("policies of user", iam_evaluator._gather_user_policies)

    def _rules_are_late(self) -> None:
        from ministack.core.responses import get_account_id, get_region
        from ministack.services import eventbridge

        original = eventbridge._matches_pattern_view

        def matches(pattern, view, owner="rule"):
            if owner.startswith("rule "):
                pattern = self._late.shown(("rule", get_account_id(), get_region(), owner), _pattern(pattern))
                if pattern is None:
                    return False
            return original(pattern, view, owner)

        eventbridge._matches_pattern_view = matches


def _pattern(pattern: Any) -> Any:
    return pattern or None


def _queue_keys() -> set:
    from ministack.services import sqs

    return {("queue", *key) for key in list(sqs._queue_name_to_url.to_dict())}


def _ec2_keys() -> set:
    from ministack.services import ec2

    stores = (ec2._instances, ec2._volumes, ec2._snapshots, ec2._images, ec2._vpcs, ec2._subnets, ec2._security_groups,
              ec2._network_interfaces, ec2._internet_gateways, ec2._route_tables, ec2._nat_gateways, ec2._addresses)
    return {("id", *key) for store in stores for key in list(store.to_dict())}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in as_list(value):
            yield from _strings(item)
