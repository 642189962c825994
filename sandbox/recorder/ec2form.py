"""EC2's two forms in CloudTrail records.

Operations of before April 2015 have a form of their own: `instancesSet.items[]`, `tagSpecificationSet`,
times as epoch milliseconds. Newer ones are written as on the wire, wrapped: `CreateNatGatewayRequest` and
`CreateNatGatewayResponse`. It must not decide what is sensitive: `casing` hands in a function for that.
"""

from __future__ import annotations

import datetime
from typing import Any, Callable
from xml.etree import ElementTree

from botocore.model import OperationModel, Shape

from . import models, oddities, xmljson

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
Hide = Callable[[str, Shape], Any]


def is_wrapped(operation: str) -> bool:
    return operation not in models.old_ec2_operations()


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def _query_name(member: str, shape: Shape) -> str:
    name = shape.serialization.get("queryName") or shape.serialization.get("name", member)
    return name[:1].upper() + name[1:]


def request(operation: OperationModel, value: dict[str, Any], hide: Hide) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    if is_wrapped(operation.name):
        return {f"{operation.name}Request": _wrapped(value, shape, hide)}
    return _old_request(operation.name, value, shape, hide)


def _wrapped(value: dict[str, Any], shape: Shape, hide: Hide) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for member, item in value.items():
        child = shape.members[member]
        name = _query_name(member, child)
        hidden = hide(member, child)
        if hidden is not None:
            result[name] = hidden
        elif child.type_name == "structure":
            result[name] = _wrapped(item, child, hide)
        elif child.type_name == "list":
            entries: list[Any] = []
            for index, entry in enumerate(item, 1):
                if child.member.type_name == "structure":
                    entries.append({**_wrapped(entry, child.member, hide), "tag": index})
                else:
                    entries.append({"content": entry, "tag": index})
            result[name] = entries[0] if len(entries) == 1 else entries
        else:
            result[name] = xmljson.typed(item) if isinstance(item, str) else item
    return result


def _old_request(operation: str, value: dict[str, Any], shape: Shape, hide: Hide) -> dict[str, Any]:
    result: dict[str, Any] = dict(oddities.EC2_DEFAULT.get(operation, {}))
    first: dict[str, Any] = {}
    for member, item in value.items():
        child = shape.members[member]
        hidden = hide(member, child)
        if hidden is not None:
            result[lower_first(child.serialization.get("name", member))] = hidden
            continue
        if operation == "RunInstances" and member in oddities.EC2_RUN_INSTANCES_ITEM:
            first[lower_first(member)] = item
            continue
        key, written = _old_member(member, item, child, hide)
        key = oddities.EC2_NAME.get((operation, member), key)
        if (operation, key) in oddities.EC2_TEXT_MEMBERS:
            written = str(written)
        if isinstance(written, dict) and isinstance(result.get(key), dict) and "items" in written:
            # Group ids and group names go into one set.
            written = {"items": result[key].get("items", []) + written["items"]}
        result[key] = written
    if first:
        result["instancesSet"] = {"items": [first]}
    return result


def _old_member(member: str, value: Any, shape: Shape, hide: Hide) -> tuple[str, Any]:
    wire = shape.serialization.get("name", member)
    upper = wire[:1].upper() + wire[1:]
    if shape.type_name == "structure":
        return lower_first(wire), _old_structure(value, shape, hide)
    if shape.type_name != "list":
        return lower_first(wire), value
    if shape.member.type_name == "structure":
        items = [_old_structure(item, shape.member, hide) for item in value]
        return oddities.EC2_LIST.get(upper, lower_first(wire)), {"items": items} if items else {}
    key, name = oddities.EC2_ITEM.get(upper, (lower_first(wire) + "Set", lower_first(wire)))
    return key, {"items": [{name: item} for item in value]} if value else {}


def _old_structure(value: dict[str, Any], shape: Shape, hide: Hide) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if shape.name == "IpPermission":
        result.update({part: {} for part in oddities.EC2_RULE_PARTS})
    for member, item in value.items():
        child = shape.members[member]
        hidden = hide(member, child)
        if hidden is not None:
            result[lower_first(child.serialization.get("name", member))] = hidden
        elif shape.name == "TagSpecification" and member == "Tags":
            result["tags"] = [_old_structure(tag, child.member, hide) for tag in item]
        else:
            key, written = _old_member(member, item, child, hide)
            result[key] = written
    return result


def response(operation: OperationModel, output: dict[str, Any], body: bytes, hide: Hide) -> dict[str, Any]:
    if is_wrapped(operation.name):
        return {f"{operation.name}Response": xmljson.document(body, NAMESPACE)[1]}
    shape = operation.output_shape
    result = _old_response(output, shape, hide) if shape is not None else {"_return": True}
    root = ElementTree.fromstring(body)
    for child in root:
        name = xmljson.local_name(child)
        if name == "return":
            result["_return"] = (child.text or "").strip() == "true"
        elif name.lower() == "requestid":
            result["requestId"] = (child.text or "").strip()
    for name in list(result):
        if (operation.name, name) in oddities.EC2_TEXT_MEMBERS:
            result[name] = str(result[name])
        if (operation.name, name) in oddities.EC2_RESPONSE_NAME:
            result[oddities.EC2_RESPONSE_NAME[(operation.name, name)]] = result.pop(name)
    return result


def _old_response(value: dict[str, Any], shape: Shape, hide: Hide) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for member, item in value.items():
        child = shape.members.get(member)
        if child is None or member == "ResponseMetadata":
            continue
        name = lower_first(child.serialization.get("name", member))
        hidden = hide(member, child)
        if hidden is not None:
            result[name] = hidden
        elif child.type_name == "structure":
            result[name] = _old_response(item, child, hide)
        elif child.type_name == "list":
            items = [_old_response(entry, child.member, hide) if child.member.type_name == "structure" else entry
                     for entry in item]
            result[name] = {("item" if name in oddities.EC2_ITEM_NOT_ITEMS else "items"): items} if items else {}
        elif isinstance(item, datetime.datetime):
            result[name] = int(item.timestamp() * 1000)
        else:
            result[name] = item
    if "return" in result:
        result["_return"] = result.pop("return")
    return result
