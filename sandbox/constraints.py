"""Whether a call's input keeps what AWS's API model says of it: required members, types, ranges, lengths, patterns, enums.

Pure: a shape of botocore's model and a value give what is wrong, in the words of AWS's services. What a model says and
AWS does not hold callers to is data, in leniency.py. Who refuses, and with which error code, is in refusals.py.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

import leniency
import patterns

# A pattern is tried on this many characters at most: some take exponential time, and a document is not a name.
LONGEST_TRIED = 10_000
_NUMBERS = ("integer", "long", "float", "double")


@dataclasses.dataclass(frozen=True)
class Violation:
    """One thing that is wrong. `kind`: required, type, range, length, pattern or enum."""
    kind: str
    path: str  # as AWS writes it: tags.1.member.key
    name: str  # the member's own name in the model
    value: Any
    constraint: str

    def says(self) -> str:
        """As most services say it: https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html has the form."""
        shown = "null" if self.kind == "required" else f"'{_shown(self.value)}'"
        return f"Value {shown} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) + "}"
    return str(value)


def violations(service: str, operation: str, shape: Shape | None, value: Any) -> list[Violation]:
    """All that is wrong with the input of a call, in the order of the model."""
    if shape is None or not isinstance(value, dict):
        return []
    return [found for found in _structure(shape, value, "")
            if not leniency.is_excused(service, operation, found.kind, found.path)]


def _member_path(path: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _structure(shape: Shape, value: dict, path: str) -> Iterator[Violation]:
    payload = shape.serialization.get("payload")
    for name, member in shape.members.items():
        at = _member_path(path, name)
        if value.get(name) is None:
            # A client fills in an idempotency token, and a body may be empty.
            if name in shape.required_members and not member.metadata.get("idempotencyToken") and name != payload:
                yield Violation("required", at, name, None, "Member must not be null")
            continue
        yield from _any(member, value[name], at, name)


def _any(shape: Shape, value: Any, path: str, name: str) -> Iterator[Violation]:
    kind = shape.type_name
    if shape.serialization.get("jsonvalue") or getattr(shape, "is_document_type", False) or kind == "timestamp":
        return
    if kind in ("structure", "map") and not isinstance(value, dict) or kind == "list" and not isinstance(value, list):
        yield Violation("type", path, name, value, f"Member must be a {kind}")
    elif kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _length(shape, value, len(value), path, name)
        for number, item in enumerate(value, 1):
            if item is not None:
                yield from _any(shape.member, item, f"{path}.{number}.member", name)
    elif kind == "map":
        yield from _map(shape, value, path, name)
    elif kind in _NUMBERS:
        yield from _number(shape, value, path, name)
    elif kind == "blob":
        yield from _length(shape, value, _bytes(value), path, name)
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield Violation("type", path, name, value, "Member must be a boolean")
    elif kind == "string":
        yield from _string(shape, value, path, name)


def _map(shape: Shape, value: dict, path: str, name: str) -> Iterator[Violation]:
    yield from _length(shape, value, len(value), path, name)
    for key, item in value.items():
        for found in _string(shape.key, key, path, name):
            yield dataclasses.replace(
                found, value=value, constraint=f"Map keys must satisfy constraint: [{found.constraint}]")
        if item is not None:
            yield from _any(shape.value, item, f"{path}.{key}.member", name)


def _bytes(value: Any) -> int | None:
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    try:
        return len(base64.b64decode(value, validate=False)) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None


def _number(shape: Shape, value: Any, path: str, name: str) -> Iterator[Violation]:
    special = shape.type_name in ("float", "double") and value in ("NaN", "Infinity", "-Infinity")
    if special:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield Violation("type", path, name, value, f"Member must be a {shape.type_name}")
        return
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < float(least):
        yield Violation("range", path, name, value, f"Member must have value greater than or equal to {least}")
    if most is not None and value > float(most):
        yield Violation("range", path, name, value, f"Member must have value less than or equal to {most}")


def _length(shape: Shape, value: Any, length: int | None, path: str, name: str) -> Iterator[Violation]:
    if length is None:
        return
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and length < int(least):
        yield Violation("length", path, name, value, f"Member must have length greater than or equal to {least}")
    if most is not None and length > int(most):
        yield Violation("length", path, name, value, f"Member must have length less than or equal to {most}")


def _string(shape: Shape, value: Any, path: str, name: str) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield Violation("type", path, name, value, "Member must be a string")
        return
    # AWS counts what Java calls characters: one of them in two halves counts twice.
    yield from _length(shape, value, len(value.encode("utf-16-le", "surrogatepass")) // 2, path, name)
    pattern = shape.metadata.get("pattern")
    if pattern and len(value) <= LONGEST_TRIED and not matches(pattern, value):
        yield Violation("pattern", path, name, value, f"Member must satisfy regular expression pattern: {pattern}")
    if shape.enum and value not in shape.enum:
        yield Violation("enum", path, name, value,
                        f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")


@functools.lru_cache(maxsize=8192)
def _compiled(pattern: str) -> tuple[re.Pattern, bool] | None:
    return patterns.compiled(pattern)


def matches(pattern: str, value: str) -> bool:
    """Whether a value has a pattern of a model; True where the pattern cannot be expressed in Python."""
    known = _compiled(pattern)
    if known is None:
        return True
    compiled, anchored = known
    return bool(compiled.search(value) if anchored else compiled.fullmatch(value))
