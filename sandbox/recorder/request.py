"""From an HTTP request to (service, operation, input), by botocore's models.

All wire protocols of AWS are understood: json, query, ec2, rest-json, rest-xml and rpc-v2-cbor.
It must not guess: a request that no model explains gives None.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.parsers
from botocore.model import OperationModel, Shape

from . import models, routes

_SCOPE = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/]*)/([^/]+)/aws4_request")


@dataclasses.dataclass
class Signature:
    access_key: str
    region: str
    scope: str


@dataclasses.dataclass
class Call:
    """One understood request. `protocol` is the one on the wire: the answer comes in the same."""
    service: str
    operation: OperationModel
    protocol: str
    input: dict[str, Any]
    uri: dict[str, str]
    query: dict[str, list[str]]
    form: dict[str, str]


def signature(headers: dict[str, str], query: dict[str, list[str]]) -> Signature | None:
    """Who signed it, for which service; None for an unsigned request."""
    found = _SCOPE.search(headers.get("authorization", ""))
    if found:
        return Signature(found[1], found[3], found[4])
    credential = (query.get("X-Amz-Credential") or [""])[0].split("/")
    if len(credential) == 5:
        return Signature(credential[0], credential[2], credential[3])
    return None


def parse(method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes,
          scope: str) -> Call | None:
    """The call, or None when no model of a service with this signing name explains it."""
    return parse_as(models.candidates(scope), method, path, query, headers, body)


def parse_as(services: list[str], method: str, path: str, query: dict[str, list[str]], headers: dict[str, str],
             body: bytes) -> Call | None:
    """The call, as one of these services has it."""
    target = headers.get("x-amz-target", "")
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return _rpc(services, path, body)
    if target:
        return _json(services, target, body, query)
    found = re.fullmatch(r"/service/([^/]+)/operation/([^/]+)", path)
    if found and "cbor" in headers.get("content-type", ""):
        return _rpc(services, path, body)
    form = _form(method, query, headers, body)
    if "Action" in form:
        return _query(services, form)
    return _rest(services, method, path, query, headers, body)


def _form(method: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> dict[str, str]:
    form = {key: values[-1] for key, values in query.items()}
    if method == "POST" and "x-www-form-urlencoded" in headers.get("content-type", ""):
        for key, values in parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True).items():
            form[key] = values[-1]
    return form


def _json(services: list[str], target: str, body: bytes, query: dict) -> Call | None:
    prefix, _, name = target.rpartition(".")
    for service in services:
        if models.metadata()[service].get("targetPrefix") == prefix and name in models.operation_names(service):
            operation = models.operation(service, name)
            document = json.loads(body or b"{}")
            return Call(service, operation, "json", _from_json(document, operation.input_shape), {}, query, {})
    return None


def _rpc(services: list[str], path: str, body: bytes) -> Call | None:
    name = path.rsplit("/", 1)[-1]
    for service in services:
        if "smithy-rpc-v2-cbor" in models.metadata()[service].get("protocols", ()) \
                and name in models.operation_names(service):
            operation = models.operation(service, name)
            document = botocore.parsers.RpcV2CBORParser().parse_data_item(_Peekable(body)) if body else {}
            return Call(service, operation, "smithy-rpc-v2-cbor",
                        _from_json(document, operation.input_shape), {}, {}, {})
    return None


def _Peekable(body: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(body))


def _query(services: list[str], form: dict[str, str]) -> Call | None:
    name, version = form["Action"], form.get("Version")
    known = [service for service in services if name in models.operation_names(service)]
    known.sort(key=lambda service: models.metadata()[service]["apiVersion"] != version)
    for service in known:
        operation = models.operation(service, name)
        protocol = "ec2" if models.metadata()[service]["protocol"] == "ec2" else "query"
        value = _from_form(form, "", operation.input_shape, protocol) if operation.input_shape else {}
        return Call(service, operation, protocol, value or {}, {}, {}, form)
    return None


def _rest(services: list[str], method: str, path: str, query: dict[str, list[str]], headers: dict[str, str],
          body: bytes) -> Call | None:
    host = headers.get("host", "").split(":")[0]
    if "s3" in services:
        if path.startswith("/v20180820/"):
            services = ["s3control"]
        elif host.endswith(".127.0.0.1") or ".s3." in host or host.endswith(".localhost"):
            # A virtual-hosted bucket: the template of the model has it in the path.
            bucket = re.sub(r"\.(127\.0\.0\.1|localhost|s3[.-].*)$", "", host)
            path = f"/{bucket}{path}"
            services = ["s3"]
    for service in services:
        protocol = models.metadata()[service]["protocol"]
        if not protocol.startswith("rest-"):
            continue
        found = routes.match(service, method, path, query, headers)
        if found:
            name, uri = found
            operation = models.operation(service, name)
            value = _from_rest(operation, protocol, uri, query, headers, body)
            return Call(service, operation, protocol, value, uri, query, {})
    return None


def _from_rest(operation: OperationModel, protocol: str, uri: dict[str, str], query: dict[str, list[str]],
               headers: dict[str, str], body: bytes) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    value: dict[str, Any] = {}
    for member, child in shape.members.items():
        place, name = child.serialization.get("location"), child.serialization.get("name", member)
        if place == "uri" and name in uri:
            value[member] = _scalar(uri[name], child)
        elif place == "querystring" and name in query:
            value[member] = ([_scalar(item, child.member) for item in query[name]]
                             if child.type_name == "list" else _scalar(query[name][-1], child))
        elif place == "querystring" and child.type_name == "map":
            named = {other.serialization.get("name") for other in shape.members.values()}
            named |= parse_qs(operation.http["requestUri"].partition("?")[2], keep_blank_values=True).keys()
            free = {key: values[-1] for key, values in query.items() if key not in named}
            if free:
                value[member] = free
        elif place == "header" and name.lower() in headers:
            value[member] = _scalar(headers[name.lower()], child)
        elif place == "headers":
            found = {key[len(name):]: text for key, text in headers.items() if key.startswith(name.lower())}
            if found:
                value[member] = found
    payload = shape.serialization.get("payload")
    if not body:
        return value
    if payload and shape.members[payload].type_name in ("blob", "string"):
        value[payload] = body if shape.members[payload].type_name == "blob" else body.decode("utf-8", "replace")
    elif protocol == "rest-json":
        document = json.loads(body)
        if payload:
            value[payload] = _from_json(document, shape.members[payload])
        else:
            value.update(_from_json(document, shape))
    else:
        parser = botocore.parsers.RestXMLParser()
        inner = shape.members[payload] if payload else shape
        document = parser._parse_shape(inner, parser._parse_xml_string_to_dom(body))
        if payload:
            value[payload] = document
        else:
            value.update(document or {})
    return value


def _from_json(document: Any, shape: Shape | None) -> Any:
    """The document with the model's member names instead of the wire's; what the model does not know is dropped."""
    if document is None or shape is None:
        return {} if shape is None else None
    if shape.type_name == "structure":
        if getattr(shape, "is_document_type", False) or not isinstance(document, dict):
            return document
        value = {}
        for member, child in shape.members.items():
            wire = child.serialization.get("name", member)
            if child.serialization.get("location"):
                continue
            present = wire if wire in document else member
            if document.get(present) is not None:
                value[member] = _from_json(document[present], child)
        return value
    if shape.type_name == "list" and isinstance(document, list):
        return [_from_json(item, shape.member) for item in document]
    if shape.type_name == "map" and isinstance(document, dict):
        return {key: _from_json(item, shape.value) for key, item in document.items()}
    return document


def _scalar(text: str, shape: Shape) -> Any:
    if shape.type_name == "boolean":
        return text.lower() == "true"
    if shape.type_name in ("integer", "long"):
        return int(text) if re.fullmatch(r"-?\d+", text) else text
    if shape.type_name in ("float", "double"):
        try:
            return float(text)
        except ValueError:
            return text
    return unquote(text) if shape.serialization.get("location") == "querystring" and "%" in text else text


def _wire_name(member: str, shape: Shape, protocol: str) -> str:
    if protocol == "ec2":
        name = shape.serialization.get("queryName")
        if name:
            return name
        name = shape.serialization.get("name", member)
        return name[:1].upper() + name[1:]
    return shape.serialization.get("name", member)


def _indexes(form: dict[str, str], prefix: str) -> list[int]:
    found = {key[len(prefix):].split(".", 1)[0] for key in form if key.startswith(prefix)}
    return sorted(int(index) for index in found if index.isdigit())


def _from_form(form: dict[str, str], prefix: str, shape: Shape, protocol: str) -> Any:
    """The value at this prefix of a flattened form, or None when there is nothing."""
    if shape.type_name == "structure":
        if prefix and not any(key.startswith(prefix + ".") for key in form):
            return None
        value = {}
        for member, child in shape.members.items():
            name = _wire_name(member, child, protocol)
            if child.type_name == "list" and protocol == "query" and child.serialization.get("flattened"):
                name = child.member.serialization.get("name") or name
            item = _from_form(form, f"{prefix}.{name}" if prefix else name, child, protocol)
            if item is not None:
                value[member] = item
        return value
    if shape.type_name == "list":
        if form.get(prefix) == "":
            return []  # how an empty list is sent
        inner = prefix + "."
        if protocol == "query" and not _indexes(form, inner):
            inner = f"{prefix}.{shape.member.serialization.get('name', 'member')}."
        items = [_from_form(form, f"{inner}{index}", shape.member, protocol) for index in _indexes(form, inner)]
        return items or None
    if shape.type_name == "map":
        inner = prefix + "." if shape.serialization.get("flattened") else prefix + ".entry."
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        found = {form.get(f"{inner}{index}.{key_name}", ""):
                 _from_form(form, f"{inner}{index}.{value_name}", shape.value, protocol)
                 for index in _indexes(form, inner)}
        return found or None
    return _scalar(form[prefix], shape) if prefix in form else None
