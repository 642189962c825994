"""CloudFormation's own call for a resource: its input from the properties, its answer from what the emulator made.

By botocore's models: a property becomes the member of the same name, the resource's name, id and ARN stand where the
model has such a member. What no property says is left out, as the recorder does everywhere. It must not ask the
emulator anything, nor know who called.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import uuid
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from botocore.model import OperationModel, Shape

from . import models, stacktypes
from .request import Call
from .response import Answer

Tags = dict[str, str]


@dataclasses.dataclass
class Resource:
    """What CloudFormation made, or is about to delete."""
    type: str
    properties: dict[str, Any]
    physical_id: str
    attributes: dict[str, Any]
    tags: Tags = dataclasses.field(default_factory=dict)
    account: str = ""
    region: str = ""


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@functools.cache
def service_of(kind: str) -> str | None:
    """botocore's service of a type; None for one that is not AWS's."""
    parts = kind.split("::")
    if len(parts) != 3 or parts[0] != "AWS":
        return None
    name = stacktypes.SERVICE_OF_TYPE.get(kind) or stacktypes.SERVICE.get(parts[1]) or parts[1].lower()
    return name if name in models.metadata() else None


@functools.cache
def operations_of(kind: str) -> tuple[str | None, str | None]:
    """(what creates it, what deletes it), each None where there is no such call."""
    service = service_of(kind)
    if service is None or kind in stacktypes.NO_RECORD:
        return None, None
    if kind in stacktypes.CALLS:
        return stacktypes.CALLS[kind]
    by_name = {name.lower(): name for name in models.operation_names(service)}
    last = kind.rsplit("::", 1)[1].lower()
    # ElastiCache's are `CreateCacheCluster` for `CacheCluster`, IoT's `DeleteThing` for `Thing`: both by the name alone.
    return by_name.get("create" + last), by_name.get("delete" + last)


def creation(resource: Resource) -> tuple[Call, Answer, bytes] | None:
    """The call that made it, its answer, and the answer's body where the form needs one."""
    return _call(resource, operations_of(resource.type)[0])


def deletion(resource: Resource) -> tuple[Call, Answer, bytes] | None:
    return _call(resource, operations_of(resource.type)[1])


def _call(resource: Resource, name: str | None) -> tuple[Call, Answer, bytes] | None:
    service = service_of(resource.type)
    if name is None or service is None:
        return None
    if service in stacktypes.OWN_TAGS_ONLY:
        own = {key: value for key, value in resource.tags.items() if not key.startswith("aws:")}
        resource = dataclasses.replace(resource, tags=own)
    operation = models.operation(service, name)
    protocol = "ec2" if service == "ec2" else models.metadata()[service]["protocol"]
    creates = name == operations_of(resource.type)[0]
    value = _Input(resource, service, operation, creates).value()
    uri = {member: str(value[member]) for member, shape in _members(operation.input_shape)
           if shape.serialization.get("location") == "uri" and member in value}
    call = Call(service, operation, protocol, value, uri, subresource(operation), {})
    output = _Output(resource, operation, value).value() if creates and operation.output_shape else {}
    body = _ec2_body(operation, output) if service == "ec2" else b""
    return call, Answer(output), body


def _members(shape: Shape | None) -> list[tuple[str, Shape]]:
    return list(shape.members.items()) if shape is not None else []


def subresource(operation: OperationModel) -> dict[str, list[str]]:
    """S3's `?policy` and its like."""
    _, _, query = operation.http.get("requestUri", "").partition("?")
    return {part.partition("=")[0]: [part.partition("=")[2]] for part in query.split("&") if part}


# --------------------------------------------------------------------------------------------------- values and shapes

def converted(value: Any, shape: Shape) -> Any:
    """A property's value as the model's shape; None where it does not fit."""
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure":
        members = shape.members
        if isinstance(value, list) and {"Quantity", "Items"} <= members.keys():
            return {"Quantity": len(value), "Items": converted(value, members["Items"])}
        if getattr(shape, "is_document_type", False):
            return value
        return matched(value, shape) if isinstance(value, dict) else None
    if kind == "list":
        if not isinstance(value, list):
            return None
        items = [converted(item, shape.member) for item in value]
        return [item for item in items if item is not None] or None
    if kind == "map":
        if not isinstance(value, dict):
            return None
        items = {key: converted(item, shape.value) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not None}
    if kind == "blob":
        return None
    if kind == "boolean":
        return str(value).lower() == "true"
    if kind in ("integer", "long"):
        return int(value) if re.fullmatch(r"-?\d+", str(value)) else None
    if kind in ("float", "double"):
        try:
            return float(value)
        except (TypeError, ValueError):
            return None
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def matched(properties: dict[str, Any], shape: Shape, names: dict[str, str] | None = None) -> dict[str, Any]:
    """The members that the properties say, by name."""
    by_name = {plain((names or {}).get(name, name)): value for name, value in properties.items()}
    result = {}
    for member, child in shape.members.items():
        value = converted(by_name.get(plain(member)), child)
        if value is not None:
            result[member] = value
    return result


def tag_member(shape: Shape | None) -> tuple[str, Shape] | None:
    """The member that takes a resource's tags."""
    for member, child in _members(shape):
        name = plain(member)
        if name == "tagspecifications" or (name == "taglist" or name.endswith("tags")) and _form(child):
            return member, child
    return None


def _form(shape: Shape) -> tuple[str, str] | str | None:
    """How tags are written: the names of an entry's two members, "map", or "items"."""
    if shape.type_name == "map":
        return "map"
    if shape.type_name == "structure" and list(shape.members) == ["Items"]:
        return "items"
    if shape.type_name == "list" and shape.member.type_name == "structure":
        names = {plain(name): name for name in shape.member.members}
        for key, value in (("key", "value"), ("tagkey", "tagvalue")):
            if key in names and value in names:
                return names[key], names[value]
    return None


def written_tags(tags: Tags, shape: Shape) -> Any:
    form = _form(shape)
    if form == "map":
        return dict(tags)
    if form == "items":
        return {"Items": written_tags(tags, shape.members["Items"])}
    return [{form[0]: key, form[1]: value} for key, value in tags.items()] if form else None


def last(text: str) -> str:
    """The name in an ARN or an address."""
    return re.split(r"[/:]", str(text))[-1]


# ------------------------------------------------------------------------------------------------------------ the input

class _Input:
    def __init__(self, resource: Resource, service: str, operation: OperationModel, creates: bool) -> None:
        self._resource, self._service, self._operation, self._creates = resource, service, operation, creates

    def value(self) -> dict[str, Any]:
        shape = self._operation.input_shape
        if shape is None:
            return {}
        properties = {name: value for name, value in self._resource.properties.items()
                      if not plain(name).endswith("tags")}
        result = matched(properties, shape, stacktypes.MEMBER.get(self._resource.type))
        if self._creates:
            self._wrap(properties, shape, result)
        for member in shape.required_members:
            if member not in result or not self._creates:
                found = self._own(member, shape.members[member])
                if found is not None:
                    result.setdefault(member, found)
        if not self._creates:
            return {member: value for member, value in result.items() if member in shape.required_members}
        for member, child in shape.members.items():
            if member not in result and (child.metadata.get("idempotencyToken") or plain(member) == "callerreference"):
                result[member] = str(uuid.uuid4())
        self._tag(shape, result)
        return result

    def _wrap(self, properties: dict[str, Any], shape: Shape, result: dict[str, Any]) -> None:
        """Some calls take all in one structure: `CreateJobInput` no, `ConnectionInput` yes."""
        for member in shape.required_members:
            child = shape.members[member]
            if member not in result and child.type_name == "structure":
                inner = matched(properties, child)
                if inner:
                    result[member] = inner

    def _own(self, member: str, shape: Shape) -> Any:
        """What a required member says of the resource itself."""
        resource, name = self._resource, plain(member)
        if shape.type_name == "list" and shape.member.type_name == "string":
            return [last(resource.physical_id)]
        if shape.type_name == "structure" and self._creates:
            inner = {name: self._own(name, shape.members[name]) for name in shape.required_members}
            return {name: value for name, value in inner.items() if value is not None} or None
        if shape.type_name != "string":
            return None
        if name.endswith("token") or name == "callerreference":
            return str(uuid.uuid4())
        if name.endswith("accountid"):
            return resource.account
        if name.endswith(("arn", "url")):
            value = own_arn(resource) if name.endswith("arn") else resource.physical_id
            return value or resource.physical_id
        by_name = {plain(key): value for key, value in resource.attributes.items()}
        known = by_name.get(name)
        if name.endswith("name") and resource.type in stacktypes.MADE_UP_NAME:
            known = resource.tags.get("aws:cloudformation:logical-id")
        return str(known) if isinstance(known, str) and known else name_of(resource)

    def _tag(self, shape: Shape, result: dict[str, Any]) -> None:
        tags = self._resource.tags
        found = tag_member(shape)
        if self._service in stacktypes.NO_TAGS or not tags:
            return
        if found is None:  # CloudFront has them one level deeper.
            for member, child in shape.members.items():
                inner = tag_member(child) if child.type_name == "structure" and member in result else None
                if inner:
                    result[member][inner[0]] = written_tags(tags, inner[1])
            return
        member, child = found
        if plain(member) == "tagspecifications":
            word = stacktypes.EC2_TAGGED.get(self._resource.type) or re.sub(
                r"(?<=[a-z])(?=[A-Z])", "-", self._resource.type.rsplit("::", 1)[1]).lower()
            result[member] = [{"ResourceType": word, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}]
        else:
            result[member] = written_tags(tags, child)


def own_arn(resource: Resource) -> str | None:
    """Its ARN, from the physical id or an attribute."""
    if resource.physical_id.startswith("arn:"):
        return resource.physical_id
    kind = plain(resource.type.rsplit("::", 1)[1])
    found = [(plain(name), value) for name, value in resource.attributes.items()
             if isinstance(value, str) and value.startswith("arn:") and plain(name).endswith("arn")]
    for name, value in found:
        if name[:-3] == "" or name[:-3] in kind or kind in name[:-3]:
            return value
    form = stacktypes.ARN.get(resource.type)
    return form and form.format(region=resource.region, account=resource.account, name=name_of(resource))


def name_of(resource: Resource) -> str:
    """The name under which its service knows it."""
    identity = resource.physical_id
    if resource.type in stacktypes.ID_IS_ARN:
        return identity.split("/")[1] if identity.count("/") > 1 else identity
    return last(identity) if identity.startswith(("arn:", "http")) else identity


# ----------------------------------------------------------------------------------------------------------- the answer

class _Output:
    """An answer's members that are known: the resource's own id, name and ARN, its attributes, and the input again."""

    def __init__(self, resource: Resource, operation: OperationModel, value: dict[str, Any]) -> None:
        self._resource, self._operation = resource, operation
        self._kind = plain(resource.type.rsplit("::", 1)[1])
        self._known = {plain(name): item for name, item in resource.attributes.items()
                       if isinstance(item, (str, int, float, bool)) and item != ""}
        # What stands at the top counts before what stands one level deeper.
        self._input = {plain(name): item for name, item in value.items()}
        for item in value.values():
            for name, inner in item.items() if isinstance(item, dict) else ():
                self._input.setdefault(plain(name), inner)

    def value(self) -> dict[str, Any]:
        return self._structure(self._operation.output_shape, 0)

    def _structure(self, shape: Shape, depth: int) -> dict[str, Any]:
        result = {}
        tags = tag_member(shape)
        for member, child in shape.members.items():
            if tags and tags[0] == member and child.type_name == "list":
                written = written_tags(self._resource.tags, child)
                value = written or None
            else:
                value = self._member(member, child, depth, only=len(shape.members) == 1)
            if value is not None:
                result[member] = value
        return result

    def _member(self, member: str, shape: Shape, depth: int, only: bool) -> Any:
        name = plain(member)
        if shape.type_name == "structure":
            if depth < 2 and (only or self._is_own(name) or depth == 0 and name in (plain(shape.name), self._kind)):
                return self._structure(shape, depth + 1) or None
            return converted(self._input.get(name), shape) if name in self._input else None
        if shape.type_name == "list" and shape.member.type_name == "structure" and depth == 0 and self._is_own(name):
            inner = self._structure(shape.member, depth + 1)
            return [inner] if inner else None
        if shape.type_name == "string":
            own = self._identity(name)
            if own is not None:
                return own
        if name in self._known:
            return converted(self._known[name], shape)
        return converted(self._input[name], shape) if name in self._input else None

    def _is_own(self, name: str) -> bool:
        """`Vpc`, `TableDescription`, `KeyMetadata`, `LoadBalancers`: what an answer calls the resource."""
        bare = re.sub(r"(description|metadata|details?|summary|status|info|s)$", "", name)
        return self._kind == bare or len(bare) > 2 and self._kind.endswith(bare)

    def _identity(self, name: str) -> str | None:
        """What a member says that is named for the resource: `arn`, `KeyId`, `QueueUrl`."""
        resource = self._resource
        found = re.fullmatch(r"(.*?)(arn|id|url|identifier)", name)
        if not found or found[1] and not self._is_own(found[1]):
            return None
        if found[2] == "arn":
            return own_arn(resource)
        if name in self._known:
            return str(self._known[name])
        if resource.type in stacktypes.ID_IS_ARN:
            return resource.physical_id
        if found[2] == "url":
            return resource.physical_id if resource.physical_id.startswith("http") else None
        # What has a name that its creator chose has another id, which is not known.
        named = name_of(resource) in (value for key, value in self._input.items() if key.endswith("name"))
        return None if named else name_of(resource)


def _ec2_body(operation: OperationModel, output: dict[str, Any]) -> bytes:
    """The answer on the wire: EC2's records show parts of it as they stand there."""
    root = Element(operation.name + "Response", xmlns="http://ec2.amazonaws.com/doc/2016-11-15/")
    SubElement(root, "requestId").text = str(uuid.uuid4())
    shape = operation.output_shape
    if shape is None or not shape.members or "Return" in shape.members:
        SubElement(root, "return").text = "true"
    if shape is not None:
        _xml(output, shape, root)
    return tostring(root)


def _xml(value: dict[str, Any], shape: Shape, into: Element) -> None:
    for member, item in value.items():
        child = shape.members[member]
        element = SubElement(into, child.serialization.get("name", member))
        if child.type_name == "structure":
            _xml(item, child, element)
        elif child.type_name == "list":
            for entry in item:
                inner = SubElement(element, "item")
                if child.member.type_name == "structure":
                    _xml(entry, child.member, inner)
                else:
                    inner.text = str(entry)
        else:
            element.text = str(item).lower() if isinstance(item, bool) else str(item)
