"""Stacks as on AWS: a service role stays with its stack, and a nested stack says in which ones it is.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html: CloudFormation uses the role for
every later operation on the stack, whoever calls it. The emulator forgets it. Nothing here may know about the product.
"""

from __future__ import annotations

import json
import re
from typing import Any
from xml.sax.saxutils import escape


def _assumable(arn: str) -> bool:
    """Whether there is such a role, which CloudFormation may assume."""
    from ministack.core.responses import get_account_id
    from ministack.services import iam

    role = iam._roles.get_scoped(get_account_id(), None, arn.rsplit("/", 1)[-1])
    return bool(role) and "cloudformation.amazonaws.com" in json.dumps(role.get("AssumeRolePolicyDocument"))


def _service_roles_stay() -> None:
    from ministack.services import cloudformation
    from ministack.services.cloudformation import changesets, handlers, helpers

    table = cloudformation._ACTION_HANDLERS

    def with_role(action: str, keep):
        original = table[action]

        def handle(parameters):
            arn = helpers._p(parameters, "RoleARN")
            if arn and not _assumable(arn):
                return helpers._error("ValidationError", f"Role {arn} is invalid or cannot be assumed")
            answer = original(parameters)
            if answer[0] < 300:
                keep(parameters, arn)
            return answer

        table[action] = handle

    def of_stack(parameters, arn: str) -> None:
        stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
        if stack is not None and arn:
            stack["RoleARN"] = arn

    def of_change_set(parameters, arn: str) -> None:
        _, found = changesets._find_change_set(helpers._p(parameters, "ChangeSetName"), helpers._p(parameters, "StackName"))
        if found and arn:
            found["RoleARN"] = arn

    def executed(parameters, _arn: str) -> None:
        _, found = changesets._find_change_set(helpers._p(parameters, "ChangeSetName"), helpers._p(parameters, "StackName"))
        if found and found.get("RoleARN"):
            of_stack({"StackName": [found["StackName"]]}, found["RoleARN"])

    # What these start runs when they have answered, so that the role is known by then.
    for action in ("CreateStack", "UpdateStack", "DeleteStack"):
        with_role(action, of_stack)
    with_role("CreateChangeSet", of_change_set)
    with_role("ExecuteChangeSet", executed)


def _more_of(stack: dict[str, Any]) -> str:
    """The members of a described stack that the emulator leaves out."""
    from ministack.services.cloudformation import _stacks

    members = {"RoleARN": stack.get("RoleARN", ""), "ParentId": stack.get("ParentId", "")}
    root = stack
    while root.get("_parent_stack_name") in _stacks:
        root = _stacks[root["_parent_stack_name"]]
    if root is not stack:
        members["RootId"] = root["StackId"]
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items() if value)


def _stacks_are_described_fully() -> None:
    from ministack.services import cloudformation

    original = cloudformation._ACTION_HANDLERS["DescribeStacks"]

    def describe(parameters):
        status, headers, body = original(parameters)
        if status >= 300:
            return status, headers, body
        by_id = {stack["StackId"]: stack for stack in cloudformation._stacks.values()}
        text = re.sub(r"<StackId>([^<]*)</StackId>", lambda found: found[0] + _more_of(by_id.get(found[1], {})),
                      body.decode() if isinstance(body, bytes) else body)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    cloudformation._ACTION_HANDLERS["DescribeStacks"] = describe


def apply() -> None:
    _service_roles_stay()
    _stacks_are_described_fully()
