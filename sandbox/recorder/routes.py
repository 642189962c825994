"""Which operation a REST call is: matches method, path and query against the URI templates of a model.

It must not look at headers or bodies, except that S3 tells a copy from a put by a header.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from urllib.parse import unquote

from . import models


@dataclasses.dataclass(frozen=True)
class Route:
    operation: str
    method: str
    pattern: re.Pattern
    names: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    required: frozenset[str]
    weight: tuple[int, int, int]


def _compile(operation: str, method: str, template: str, required: frozenset[str]) -> Route:
    path, _, query = template.partition("?")
    names: list[str] = []
    pieces: list[str] = []
    literal = 0
    greedy = 0
    for piece in re.split(r"(\{[^}]+\})", path):
        if piece.startswith("{"):
            name = piece[1:-1]
            if name.endswith("+"):
                names.append(name[:-1])
                pieces.append("(.+)")
                greedy += 1
            else:
                names.append(name)
                pieces.append("([^/]+)")
        else:
            literal += len(piece)
            pieces.append(re.escape(piece))
    pattern = re.compile("".join(pieces).rstrip("/") + "/?$")
    pairs = tuple(tuple(part.partition("=")[::2]) for part in query.split("&") if part)
    return Route(operation, method, pattern, tuple(names), pairs, required, (len(pairs), literal, -greedy))


@functools.cache
def _routes(service: str) -> tuple[Route, ...]:
    found = []
    model = models.service(service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        members = operation.input_shape.members if operation.input_shape else {}
        wanted = operation.input_shape.required_members if operation.input_shape else ()
        required = frozenset(
            members[member].serialization.get("name", member)
            for member in wanted if members[member].serialization.get("location") == "querystring")
        found.append(_compile(name, operation.http["method"], operation.http["requestUri"], required))
    # The most specific first: more literal query keys, more required ones, more literal text, no greedy part.
    found.sort(key=lambda route: (route.weight[0], len(route.required), *route.weight[1:]), reverse=True)
    return tuple(found)


def match(service: str, method: str, path: str, query: dict[str, list[str]],
          headers: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    """The operation and the values of the path's placeholders; the path is still percent-encoded."""
    for route in _routes(service):
        if route.method != method:
            continue
        if any(key not in query or (value and value not in query[key]) for key, value in route.query):
            continue
        if not route.required <= query.keys():
            continue
        hit = route.pattern.match(path)
        if not hit:
            continue
        if service == "s3" and route.operation in ("CopyObject", "UploadPartCopy"):
            if "x-amz-copy-source" not in headers:
                continue
        return route.operation, {name: unquote(value) for name, value in zip(route.names, hit.groups())}
    return None
