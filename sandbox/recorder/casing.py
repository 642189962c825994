"""CloudTrail's form of a call's input and output: `requestParameters` and `responseElements`.

The rule is "first letter in lower case"; every exception is data in `oddities`. Sensitive members never
get through. It must not look at who called or when.
"""

from __future__ import annotations

import datetime
from typing import Any

from botocore.model import Shape

from . import ec2form, oddities, s3form
from .request import Call
from .response import Answer

_OMIT = object()


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def request_parameters(call: Call, headers: dict[str, str], body: bytes, region: str) -> dict[str, Any] | None:
    if call.service == "ec2":
        return ec2form.request(call.operation, call.input, _hider(call.service))
    if call.service == "s3":
        return s3form.request(call, headers, body, region)
    shape = call.operation.input_shape
    if shape is None:
        return None
    result = _structure(call.input, shape, call, "req")
    if call.service in oddities.BODY_IN_INPUT:
        result = _body_in_input(call, shape, result)
    return result or None


def response_elements(call: Call, answer: Answer, body: bytes) -> dict[str, Any] | None:
    key = (call.service, call.operation.name)
    if call.service in ("s3", "s3control") or key in oddities.RESPONSE_NULL:
        return None
    if call.service == "ec2":
        return ec2form.response(call.operation, answer.output, body, _hider(call.service))
    shape = call.operation.output_shape
    if shape is None:
        return None
    output = answer.output
    if call.service in oddities.FLAT_RESPONSE and len(shape.members) == 1:
        (name, only), = shape.members.items()
        if only.type_name == "structure":
            output, shape = output.get(name) or {}, only
    result = _structure(output, shape, call, "resp")
    if key in oddities.RESPONSE_ONLY:
        result = {name: value for name, value in result.items() if name in oddities.RESPONSE_ONLY[key]}
    return result or None


def event_name(service: str, operation: str) -> str:
    name = oddities.EVENT_NAME.get((service, operation), operation)
    return name + oddities.VERSION_IN_NAME.get((service, operation), "")


def hidden(service: str, member: str, shape: Shape) -> Any:
    """What stands in place of a sensitive member: a text, _OMIT for nothing at all, None when it is not sensitive."""
    if not shape.metadata.get("sensitive") and (service, member) not in oddities.ALSO_SENSITIVE:
        return None
    if service in oddities.SENSITIVE_OMITTED:
        return _OMIT
    return oddities.SENSITIVE_TEXT.get(service, oddities.HIDDEN)


def _hider(service: str):
    return lambda member, shape: hidden(service, member, shape)


def _body_in_input(call: Call, shape: Shape, result: dict[str, Any]) -> dict[str, Any]:
    """API Gateway: what came in the body stands one level deeper than what came in the path."""
    outside, inside = dict(oddities.BODY_IN_INPUT_EXTRA), {}
    for member, child in shape.members.items():
        name = lower_first(member)
        if name in result:
            (outside if child.serialization.get("location") else inside)[name] = result[name]
    if inside:
        outside[lower_first(call.operation.name) + "Input"] = inside
    return outside


def _structure(value: dict[str, Any], shape: Shape, call: Call, side: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for member, item in value.items():
        child = shape.members.get(member)
        if child is None or item is None:
            continue
        name = lower_first(member)
        name = oddities.RENAME.get((call.service, call.operation.name, side, name),
                                   oddities.RENAME.get((call.service, "*", side, name), name))
        instead = hidden(call.service, member, child)
        if instead is None:
            instead = _value(item, child, call, side)
        if instead is not _OMIT:
            result[name] = instead
    return result


def _value(value: Any, shape: Shape, call: Call, side: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return value
        return value if getattr(shape, "is_document_type", False) else _structure(value, shape, call, side)
    if kind == "list" and isinstance(value, list):
        if shape.member.metadata.get("sensitive"):
            instead = hidden(call.service, "", shape.member)
            return _OMIT if instead is _OMIT else [instead for _ in value]
        return [item for item in (_value(entry, shape.member, call, side) for entry in value) if item is not _OMIT]
    if kind == "map" and isinstance(value, dict):
        instead = hidden(call.service, "", shape.value)
        if instead is _OMIT:
            return _OMIT
        return {key: (instead if instead is not None else _value(item, shape.value, call, side))
                for key, item in value.items()}
    if kind == "timestamp":
        return _time(value, call.service)
    if kind == "blob" or isinstance(value, (bytes, bytearray)):
        return _OMIT  # CloudTrail shows no content here
    return value


def _time(value: Any, service: str) -> Any:
    if isinstance(value, (int, float)):
        value = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    if not isinstance(value, datetime.datetime):
        return value
    value = value.astimezone(datetime.timezone.utc)
    if service in oddities.TIME_EPOCH_SECONDS:
        return round(value.timestamp(), 3)
    if service in oddities.TIME_ISO:
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    comma = "" if service in oddities.TIME_WITHOUT_COMMA else ","
    hour = value.hour % 12 or 12
    return f"{value:%b} {value.day}, {value.year}{comma} {hour}:{value:%M:%S} {'AM' if value.hour < 12 else 'PM'}"
