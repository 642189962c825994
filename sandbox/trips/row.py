"""What a row of the table is, and how its references are resolved. It must not call anything."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import jmespath

# What stands before the first point is the name of a row, the rest a JMESPath in its answer.
REFERENCE = re.compile(r"\$([A-Za-z_]\w*)\.")

@dataclasses.dataclass(frozen=True)
class Read:
    """The service's own call that tells the tags: which operation, which member takes the resource, where they are.

    Where the resource stands deeper, `parameters` has "{id}" in its place; `tags` is a JMESPath in the answer.
    """
    operation: str
    id: str = ""
    tags: str = ""
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Row:
    """One call. Without types it only prepares what later rows need."""
    service: str
    operation: str
    parameters: dict[str, Any]
    # Resource type -> where the call's own answer says what the reading call wants: a JMESPath, or a text with
    # {JMESPath} in it when it begins with "=" ({last:JMESPath}: what stands after the last slash). `look` fetches it by
    # another call of the service first; the creation's own answer is then `answer`.
    types: dict[str, str] = dataclasses.field(default_factory=dict)
    look: tuple[str, dict[str, Any]] | None = None
    read: Read | None = None
    # By which name later rows refer to the answer: "$name.JMESPath".
    name: str = ""
    # Which word TagSpecifications has for it; "" for no such member, None where the row gives no tag of its own.
    owner: str | None = ""
    # Emulator -> why it cannot be proved there, although it can be created.
    gaps: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def label(self) -> str:
        return self.name or self.operation


class Missing(Exception):
    """What a row refers to is not there: the row that makes it failed, or answers otherwise."""


def resolve(value: Any, results: dict[str, Any]) -> Any:
    """The value with every "$name.path" replaced by what that row answered."""
    if isinstance(value, dict):
        return {key: resolve(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, results) for item in value]
    if isinstance(value, str) and REFERENCE.match(value):
        name, path = value[1:].split(".", 1)
        if name not in results:
            raise Missing(f"{name} was not made")
        found = jmespath.search(path, results[name])
        if found is None:
            raise Missing(f"{name} answered without {path}")
        return found
    return value


def identifier(expression: str, answer: dict[str, Any]) -> Any:
    """What the reading call is asked about; None when the answer does not say it."""
    if not expression.startswith("="):
        return jmespath.search(expression, answer)
    missing: list[str] = []

    def fill(match: re.Match) -> str:
        found = jmespath.search(match[1].removeprefix("last:"), answer)
        if found is None:
            missing.append(match[1])
        return str(found).rsplit("/", 1)[-1] if match[1].startswith("last:") else str(found)

    text = re.sub(r"\{([^{}]+)\}", fill, expression[1:])
    return None if missing else text
