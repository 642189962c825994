"""What CloudFormation itself calls for the resources of a stack, recorded as on AWS.

By whom: the stack's service role, as the session `AWSCloudFormation`, where it has one; else whoever called CloudFormation,
by a session of his. Both with `invokedBy: cloudformation.amazonaws.com`, which also stands for the address and the agent.
Seen in public records: SetRepositoryPolicy of 2020 by `assumed-role/ServiceRole/AWSCloudFormation` (rules/
aws_cloudtrail_rules/aws_ecr_events.yml of github.com/panther-labs/panther-analysis), DeleteSecurityGroup of 2020 and
CreateContactFlowModule of 2024 by a user with a session's key, CreateBucket of 2022 by a role's session.

It looks on while the emulator makes and deletes, and must not change what it does.
"""

from __future__ import annotations

import contextvars
import copy
import hashlib
import logging
import time
from typing import Any

from . import identity, models, record, stackcalls
from .request import Call, Signature
from .response import Answer

log = logging.getLogger("sandbox.recorder")

SERVICE = "cloudformation.amazonaws.com"
SESSION = "AWSCloudFormation"

# Set while an update runs: what it calls to make a replacement is seen by the update.
_updating: contextvars.ContextVar[bool] = contextvars.ContextVar("updating_resource", default=False)


# ----------------------------------------------------------------------------------------------------- who, and whose role

def _stack(name: str) -> dict[str, Any]:
    from ministack.services.cloudformation import _stacks

    return _stacks.get(name) or {}


def role_of(stack_name: str) -> str:
    """The service role of a stack, or of the one that it is nested in; empty for none."""
    stack = _stack(stack_name)
    while stack and not stack.get("RoleARN") and stack.get("_parent_stack_name"):
        stack = _stack(stack["_parent_stack_name"])
    return stack.get("RoleARN", "")


def _who(stack_name: str, account: str) -> dict[str, Any] | None:
    role, caller = role_of(stack_name), identity.caller.get()
    if not role and caller and caller.get("accountId") != account:
        # A stack set's, with service-managed permissions: CloudFormation's own role in the member account.
        role = f"arn:aws:iam::{account}:role/stacksets-exec-{hashlib.md5(account.encode()).hexdigest()}"
    if role:
        return {**identity.service_session(account, role, SESSION), "invokedBy": SERVICE}
    return {**identity.forwarded(caller), "invokedBy": SERVICE} if caller else None


# -------------------------------------------------------------------------------------------------------------- the record

def exchange(who: dict[str, Any], service: str, account: str, region: str, agent: str = SERVICE) -> record.Exchange:
    """A call of a service as the middleware would have seen it."""
    return record.Exchange(
        time=time.time(), method="POST", path="/", query="", headers={"user-agent": agent}, body=b"", client=agent,
        signature=Signature("", region, models.signing_name(service)), identity=who, account=account, status=200,
        response_headers={}, response_body=b"")


def _made(who: dict[str, Any], resource: stackcalls.Resource, call: Call, answer: Answer, answered: bytes = b"",
          body: bytes = b"") -> dict[str, Any]:
    seen = exchange(who, call.service, resource.account, resource.region)
    seen.body, seen.response_body = body, answered
    return record.compose(seen, call, answer)


def _resource(kind: str, logical: str, properties: dict, stack_name: str, physical: str, attributes: dict | None
              ) -> stackcalls.Resource:
    from ministack.core.responses import get_account_id, get_region
    from ministack.services.cloudformation import provisioners

    stack = _stack(stack_name)
    prop = provisioners._STACK_TAG_PROPERTY.get(kind, ("Tags",))[0]
    own = {str(key): str(value) for key, value in provisioners._tag_map(properties.get(prop)).items()}
    tags = {**{tag["Key"]: tag["Value"] for tag in stack.get("Tags") or []},
            "aws:cloudformation:stack-name": stack_name, "aws:cloudformation:stack-id": stack.get("StackId", ""),
            "aws:cloudformation:logical-id": logical, **own}
    return stackcalls.Resource(kind, copy.deepcopy(properties), str(physical), copy.deepcopy(attributes or {}), tags,
                               get_account_id(), get_region())


class Stacks:
    """Watches the emulator's CloudFormation for a recorder."""

    def __init__(self, recorder) -> None:
        self._recorder = recorder
        # What is gone: the emulator deletes what an update replaced twice.
        self._gone: set[tuple[str, str, str]] = set()

    def created(self, kind: str, logical: str, properties: dict, stack_name: str, made: tuple) -> None:
        resource = _resource(kind, logical, properties, stack_name, made[0], made[1])
        self._gone.discard((resource.account, kind, resource.physical_id))
        who = _who(stack_name, resource.account)
        if who is None:
            return
        self._tell(who, resource, stackcalls.creation, "creation")
        if kind == "AWS::S3::Bucket":
            for call, body in bucket_calls(resource):
                self._recorder.tell(lambda call=call, body=body: _made(who, resource, call, Answer({}), body=body),
                                    f"CloudFormation's {call.operation.name}")

    def deleted(self, kind: str, physical: str, properties: dict, stack_name: str, logical: str) -> None:
        resource = _resource(kind, logical, properties, stack_name, physical, None)
        key = (resource.account, kind, resource.physical_id)
        who = _who(stack_name, resource.account)
        if who is not None and key not in self._gone:
            self._gone.add(key)
            self._tell(who, resource, stackcalls.deletion, "deletion")

    def _tell(self, who: dict[str, Any], resource: stackcalls.Resource, call_of, what: str) -> None:
        def make() -> dict[str, Any] | None:
            found = call_of(resource)
            return _made(who, resource, *found) if found else None

        self._recorder.tell(make, f"CloudFormation's {what} of a {resource.type}")


# S3's name for what a property is set with, where it is not the property's own.
_BUCKET_CALLS = {"Tags": "PutBucketTagging", "BucketEncryption": "PutBucketEncryption",
                 "LifecycleConfiguration": "PutBucketLifecycleConfiguration", "OwnershipControls": "PutBucketOwnershipControls",
                 "PublicAccessBlockConfiguration": "PutPublicAccessBlock", "CorsConfiguration": "PutBucketCors",
                 "WebsiteConfiguration": "PutBucketWebsite"}


def bucket_calls(resource: stackcalls.Resource) -> list[tuple[Call, bytes]]:
    """What a bucket's properties are set with after CreateBucket, the tags among them; S3 records their bodies."""
    from ministack.services.cloudformation import provisioners

    properties = {**resource.properties, "Tags": [{"Key": k, "Value": v} for k, v in resource.tags.items()]}
    calls = []
    for prop, to_xml, *_ in provisioners._S3_BUCKET_CONFIGURATIONS:
        if prop in properties:
            operation = models.operation("s3", _BUCKET_CALLS[prop])
            body = to_xml(properties[prop] or {})
            call = Call("s3", operation, "rest-xml", {}, {"Bucket": resource.physical_id}, stackcalls.subresource(operation), {})
            calls.append((call, body if isinstance(body, bytes) else body.encode()))
    return calls


# ------------------------------------------------------------------------------------------------- where it looks on

def _safely(action, *arguments: Any) -> None:
    """No mistake of the recorder may reach the emulator."""
    try:
        action(*arguments)
    except Exception:
        log.exception("no record of what CloudFormation did with %s", arguments[:2])


def watch(recorder) -> None:
    """Look on while resources are made, replaced and deleted. Must come after all patches of these functions."""
    from ministack.services.cloudformation import provisioners, stacks

    seen = Stacks(recorder)

    def creating(original):
        def provision(kind: str, logical: str, properties: dict, stack_name: str):
            made = original(kind, logical, properties, stack_name)
            if not _updating.get():
                _safely(seen.created, kind, logical, properties, stack_name, made)
            return made
        return provision

    def updating(original):
        def update(kind: str, physical: str, old: dict, properties: dict, stack_name: str, logical: str = "", *rest):
            token = _updating.set(kind != "AWS::CloudFormation::Stack")
            try:
                made = original(kind, physical, old, properties, stack_name, logical, *rest)
            finally:
                _updating.reset(token)
            # The emulator gives a resource without a name of its own the same one again.
            another = made[0] != physical or provisioners._replacing_change(kind, old, properties)
            if another and not _updating.get():
                _safely(seen.created, kind, logical, properties, stack_name, made)
            return made
        return update

    def deleting(original):
        def delete(kind: str, physical: str, properties: dict, stack_name: str | None = None, logical: str | None = None):
            original(kind, physical, properties, stack_name, logical)
            _safely(seen.deleted, kind, physical, properties, stack_name or "", logical or "")
        return delete

    for module in (provisioners, stacks):
        module._provision_resource = creating(module._provision_resource)
        module._update_resource = updating(module._update_resource)
        module._delete_resource = deleting(module._delete_resource)
