"""CloudFormation's resources are held against the same rules: they are made inside the emulator, past strict.py.

A resource that breaks a rule fails with the words of its handler on AWS, so the stack is rolled back; a template that
cannot be right is refused before there is a stack. Nothing here may know about the product.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import patches_cloudformation
import rules
from rule_checks import Subject
from rule_world import Emulator

_LABELS = {"SQS": "Sqs", "SNS": "Sns", "IAM": "Iam", "Lambda": "Lambda", "Events": "EventBridge", "S3": "S3",
           "Logs": "CloudWatchLogs", "CloudWatch": "CloudWatch", "CloudTrail": "CloudTrail"}
_PSEUDO = frozenset("AWS::" + name for name in (
    "AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix"))


def _hold(kind: str, properties: dict[str, Any]) -> None:
    """Raise what the resource's handler says on AWS."""
    from ministack.core.responses import get_account_id, get_region

    subject = Subject(kind, _given(properties), Emulator(), get_account_id(), get_region())
    for rule, _, message in rules.broken(subject):
        label = _LABELS.get(kind.split("::")[1], kind.split("::")[1])
        raise patches_cloudformation._of_service(label, rule.status, message, rule.handler)


def _given(properties: dict[str, Any]) -> dict[str, Any]:
    """Without the tags that CloudFormation itself adds to each resource."""
    tags = properties.get("Tags")
    if isinstance(tags, list):
        kept = [tag for tag in tags if not str(tag.get("Key", "")).startswith("aws:cloudformation:")]
    elif isinstance(tags, dict):
        kept = {key: value for key, value in tags.items() if not key.startswith("aws:cloudformation:")}
    else:
        return properties
    return {**properties, "Tags": kept}


# ------------------------------------------------------------------------------------------------------ properties

@functools.cache
def _schemas() -> dict[str, dict[str, list[str]]]:
    """By type: the properties that it must have, and those that it may have. See templates/tests/schemas.py."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "properties.json"), encoding="utf-8") as file:
        return json.load(file)


def property_problems(kind: str, properties: dict[str, Any]) -> list[str]:
    """https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html"""
    schema = _schemas().get(kind)
    if schema is None:
        return []
    missing = [name for name in schema["required"] if properties.get(name) is None]
    unknown = sorted(set(properties) - set(schema["required"]) - set(schema["may"]))
    return ([f"#: required key [{name}] not found" for name in missing]
            + [f"#: extraneous key [{name}] is not permitted" for name in unknown])


def _hold_properties(kind: str, logical: str, properties: dict[str, Any]) -> None:
    problems = property_problems(kind, properties)
    if problems:
        raise ValueError(f"Properties validation failed for resource {logical} with message:\n[{', '.join(problems)}]")


# -------------------------------------------------------------------------------------------------------- templates

def _references(value: Any) -> Iterator[str]:
    """Names that Ref, Fn::GetAtt and Fn::Sub stand for."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
        return
    if not isinstance(value, dict):
        return
    for name, content in value.items():
        if name == "Ref" and len(value) == 1 and isinstance(content, str):
            yield content
        elif name == "Fn::GetAtt" and len(value) == 1:
            first = content[0] if isinstance(content, list) and content else content
            if isinstance(first, str):
                yield first.split(".")[0]
        elif name == "Fn::Sub" and len(value) == 1:
            text, own = (content[0], content[1] if len(content) > 1 else {}) if isinstance(content, list) else (content, {})
            for hit in re.findall(r"\$\{(?!!)\s*([^}]+?)\s*\}", text if isinstance(text, str) else ""):
                if hit not in own:
                    yield hit.split(".")[0]
            yield from _references(own)
        else:
            yield from _references(content)


def _conditions(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _conditions(item)
    elif isinstance(value, dict):
        branch = value.get("Fn::If")
        if isinstance(branch, list) and branch and isinstance(branch[0], str):
            yield branch[0]
        for content in value.values():
            yield from _conditions(content)


def template_problem(template: dict[str, Any]) -> str | None:
    """What CloudFormation says to references that lead nowhere, before there is a stack."""
    if template.get("Transform"):
        return None  # a macro may add what is missing
    resources = {name: found for name, found in (template.get("Resources") or {}).items() if isinstance(found, dict)}
    known = set(resources) | set(template.get("Parameters") or {}) | _PSEUDO
    conditions = set(template.get("Conditions") or {})
    for block in ("Resources", "Outputs"):
        named: set[str] = set()
        asked: set[str] = set()
        for found in (template.get(block) or {}).values():
            if not isinstance(found, dict):
                continue
            body = {name: part for name, part in found.items() if name != "Metadata"}
            named.update(_references(body))
            asked.update(_conditions(body))
            if block == "Resources":
                depends = found.get("DependsOn") or []
                named.update([depends] if isinstance(depends, str) else depends)
            if isinstance(found.get("Condition"), str):
                asked.add(found["Condition"])
        if asked - conditions:
            return f"Template format error: Unresolved condition dependency {min(asked - conditions)} in the {block} block of the template"
        if named - known:
            return (f"Template format error: Unresolved resource dependencies [{', '.join(sorted(named - known))}] "
                    f"in the {block} block of the template")
    return None


def _templates_are_held() -> None:
    from ministack.services.cloudformation import changesets, engine, handlers

    original = engine._validate_template_statics

    def statics(template: dict) -> None:
        problem = template_problem(template)
        if problem:
            raise ValueError(problem)
        original(template)

    engine._validate_template_statics = statics
    resolve = engine._resolve_parameters

    def parameters(template: dict, given: list[dict], *rest, **named):
        unknown = [one.get("Key", "") for one in given
                   if one.get("Key") and one["Key"] not in (template.get("Parameters") or {})]
        if unknown:
            raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
        return resolve(template, given, *rest, **named)

    for module in (handlers, changesets):
        module._resolve_parameters = parameters


def _resources_are_held() -> None:
    from ministack.services.cloudformation import stacks

    create, update = stacks._provision_resource, stacks._update_resource

    def provision(kind: str, logical: str, properties: dict, stack: str):
        _hold_properties(kind, logical, properties)
        _hold(kind, properties)
        return create(kind, logical, properties, stack)

    def change(kind: str, physical: str, old: dict, new: dict, stack: str, logical: str | None = None, *rest):
        if old != new:
            _hold_properties(kind, logical or physical, new)
            _hold(kind, new)
        return update(kind, physical, old, new, stack, logical, *rest)

    stacks._provision_resource, stacks._update_resource = provision, change


def apply() -> None:
    _resources_are_held()
    _templates_are_held()
