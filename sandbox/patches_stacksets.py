"""Organizations with members, and AWS::CloudFormation::StackSet with service-managed permissions, in a stack.

It makes real stacks in the accounts of the emulator's Organizations, each in that account's own context. There are no
calls for StackSets themselves (`ListStackInstances` and so on), accounts that join later get nothing, and stacks are made
one after the other, whatever the preferences say. Nothing here may know about the product.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
import uuid
from typing import Any, Callable, Iterator

import patches_cloudformation

# By StackSet: the stacks it has made, by account and region.
_instances: dict[str, dict[tuple[str, str], str]] = {}


def organization_of(account: str) -> str | None:
    """The management account of the organization in which an account is a member, or which it manages."""
    from ministack.services import organizations

    managers = [manager for (manager, member) in organizations._accounts._data if member == account]
    # Whoever asks Organizations gets an organization of one; the one in which it was created counts.
    return next((manager for manager in managers if manager != account), next(iter(managers), None))


def _members(manager: str, targets: list[str]) -> Iterator[str]:
    """The accounts below units or the root, without the management account, which StackSets leave out."""
    from ministack.services import organizations

    def below(parent: str) -> Iterator[str]:
        for (owner, account), record in list(organizations._accounts._data.items()):
            if owner == manager and record.get("_ParentId") == parent and record.get("Status") == "ACTIVE":
                yield account
        for (owner, unit), record in list(organizations._ous._data.items()):
            if owner == manager and record.get("_ParentId") == parent:
                yield from below(unit)

    for target in targets:
        known = any((manager, target) in store._data for store in (organizations._roots, organizations._ous))
        if not known:
            raise patches_cloudformation.failed(f"Organizational unit {target} does not exist in the organization", "NotFound")
        yield from (account for account in below(target) if account != manager)


def _wanted(properties: dict) -> list[tuple[str, str]]:
    from ministack.core.responses import get_account_id

    manager = organization_of(get_account_id())
    if manager is None:
        raise patches_cloudformation.failed("You must enable organizations access to operate a service managed stack set",
                                            "InvalidRequest")
    if properties.get("PermissionModel") != "SERVICE_MANAGED":
        raise ValueError("the emulator makes StackSets with service-managed permissions only")
    wanted: list[tuple[str, str]] = []
    for group in properties.get("StackInstancesGroup") or []:
        targets = group.get("DeploymentTargets") or {}
        if set(targets) != {"OrganizationalUnitIds"} or group.get("ParameterOverrides"):
            raise ValueError("the emulator deploys StackSets to whole organizational units only, without overrides")
        if "" in (group.get("Regions") or [""]):
            raise patches_cloudformation.failed("A stack set needs a region", "InvalidRequest")
        accounts = list(_members(manager, targets["OrganizationalUnitIds"]))
        wanted += [(account, region) for region in group.get("Regions") or [] for account in accounts]
    return list(dict.fromkeys(wanted))


def _run(account: str, region: str, text: str, action: Callable[[], tuple]) -> tuple:
    """An operation of CloudFormation in an account and region, and the end of what it starts."""
    from ministack.core import responses

    async def to_the_end() -> tuple:
        answer = action()
        started = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*started)
        return answer

    def inside() -> tuple:
        responses._request_account_id.set(account)
        responses._request_region.set(region)
        patches_cloudformation.as_template(text)
        return asyncio.run(to_the_end())

    return contextvars.copy_context().run(inside)


def _status(account: str, region: str, stack: str) -> tuple[str, str]:
    """A stack's status, and why it is so."""
    from ministack.services import cloudformation

    found = cloudformation._stacks.get_scoped(account, region, stack) or {}
    events = cloudformation._stack_events.get_scoped(account, region, found.get("StackId", ""), [])
    reasons = [f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in events
               if event["ResourceStatus"].endswith("FAILED") and event["ResourceStatusReason"]]
    return found.get("StackStatus", "DELETE_COMPLETE"), next(iter(reasons), "")


def _deploy(account: str, region: str, stack: str, text: str, properties: dict, exists: bool) -> str:
    """Make or update one stack; returns why that failed, or nothing."""
    from ministack.services.cloudformation import handlers

    request: dict[str, list[str]] = {"StackName": [stack], "TemplateURL": [properties["TemplateURL"]]}
    for number, capability in enumerate(properties.get("Capabilities") or [], 1):
        request[f"Capabilities.member.{number}"] = [capability]
    for number, parameter in enumerate(properties.get("Parameters") or [], 1):
        for part in ("ParameterKey", "ParameterValue"):
            request[f"Parameters.member.{number}.{part}"] = [str(parameter[part])]
    for number, tag in enumerate(properties.get("Tags") or [], 1):
        for part in ("Key", "Value"):
            request[f"Tags.member.{number}.{part}"] = [tag[part]]
    operation = handlers._update_stack if exists else handlers._create_stack
    status, _, body = _run(account, region, text, lambda: operation(request))
    message = body.decode() if isinstance(body, bytes) else str(body)
    if status >= 400 and "No updates are to be performed" not in message:
        found = re.search(r"<Message>(.*?)</Message>", message, re.DOTALL)
        return found.group(1) if found else message
    ended, reason = _status(account, region, stack)
    return "" if ended in ("CREATE_COMPLETE", "UPDATE_COMPLETE") else f"{ended}: {reason}"


def _remove(account: str, region: str, stack: str) -> str:
    from ministack.services.cloudformation import handlers

    _run(account, region, "", lambda: handlers._delete_stack({"StackName": [stack]}))
    ended, reason = _status(account, region, stack)
    return "" if ended == "DELETE_COMPLETE" else f"{ended}: {reason}"


def _operate(identity: str, properties: dict) -> None:
    """Bring the stacks to what the properties say; more failures than are tolerated in a region end it."""
    made = _instances.setdefault(identity, {})
    wanted = _wanted(properties)
    text = patches_cloudformation.fetch(properties["TemplateURL"])
    if text is None:
        raise patches_cloudformation.failed(f"Template could not be fetched from {properties['TemplateURL']}", "InvalidRequest")
    name = identity.split(":")[0]
    preferences = properties.get("OperationPreferences") or {}
    failures: dict[str, list[str]] = {}
    for account, region in wanted:
        exists = (account, region) in made
        stack = made.setdefault((account, region), f"StackSet-{name}-{uuid.uuid4()}")
        reason = _deploy(account, region, stack, text, properties, exists)
        if reason:
            failures.setdefault(region, []).append(f"{account}: {reason}")
    for account, region in [place for place in made if place not in wanted]:
        reason = _remove(account, region, made[(account, region)])
        if reason:
            failures.setdefault(region, []).append(f"{account}: {reason}")
        else:
            del made[(account, region)]
    accounts = len({account for account, _ in wanted})
    tolerated = int(preferences.get("FailureToleranceCount") or
                    accounts * int(preferences.get("FailureTolerancePercentage") or 0) // 100)
    for region, reasons in failures.items():
        if len(reasons) > tolerated:
            raise patches_cloudformation.failed(f"Stack set operation failed in {region}: {'; '.join(reasons)}", "InternalFailure")


def _create(_logical: str, properties: dict, _stack: str) -> tuple[str, dict]:
    identity = f"{properties['StackSetName']}:{uuid.uuid4()}"
    try:
        _operate(identity, properties)
    except Exception:
        _delete(identity, properties)
        raise
    return identity, {"StackSetId": identity}


def _update(identity: str, old: dict, properties: dict, stack: str, logical: str) -> tuple[str, dict]:
    if old["StackSetName"] != properties["StackSetName"]:
        made = _create(logical, properties, stack)
        _delete(identity, old)
        return made
    _operate(identity, properties)
    return identity, {"StackSetId": identity}


def _delete(identity: str, _properties: dict) -> None:
    for (account, region), stack in list(_instances.get(identity, {}).items()):
        reason = _remove(account, region, stack)
        if reason:
            raise patches_cloudformation.failed(f"{account} {region}: {reason}", "GeneralServiceException")
        del _instances[identity][(account, region)]
    _instances.pop(identity, None)


def _members_have_their_organization() -> None:
    """A member sees the organization that it is in, and may ask no more; the emulator gives it one of its own."""
    from ministack.core import iam_evaluator
    from ministack.core.responses import error_response_json, get_account_id, get_region, request_scope
    from ministack.services import organizations

    def of_members(action: str, original):
        def handle(payload: dict):
            account = get_account_id()
            manager = organization_of(account)
            if manager in (None, account):
                return original(payload)
            if action != "DescribeOrganization":
                return error_response_json("AccessDeniedException", "You don't have permissions to access this resource.", 400)
            with request_scope(manager, get_region()):
                return original(payload)

        return handle

    for action, original in list(organizations._DISPATCH.items()):
        organizations._DISPATCH[action] = of_members(action, original)

    def principal_org_id(account: str) -> Any:
        manager = organization_of(account)
        return (organizations._orgs.get_scoped(manager, None, "self") or {}).get("Id") if manager else None

    iam_evaluator._principal_org_id = principal_org_id


def apply() -> None:
    from ministack.services.cloudformation import provisioners, stacks

    provisioners._RESOURCE_HANDLERS["AWS::CloudFormation::StackSet"] = {
        "create": _create, "update": _update, "update_with_logical_id": True, "delete": _delete}
    # Its stacks are made while it waits, which must not be on the server's own loop.
    on_worker = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda kind: kind == "AWS::CloudFormation::StackSet" or on_worker(kind)
    _members_have_their_organization()
