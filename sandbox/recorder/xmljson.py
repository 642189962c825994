"""XML as CloudTrail writes it for S3's bodies and for EC2's newer calls.

Elements become members under their own names, repeated ones a list, a single one no list, an empty one "",
and a text that reads as a number or a boolean becomes one (so an account id is a number: records have that).
It must not know any service.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree


def typed(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
        return int(text)
    if re.fullmatch(r"-?(0|[1-9]\d*)\.\d+", text):
        return float(text)
    return text


def local_name(element: ElementTree.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def convert(element: ElementTree.Element) -> Any:
    children = list(element)
    if not children:
        return typed((element.text or "").strip())
    value: dict[str, Any] = {}
    for child in children:
        name, item = local_name(child), convert(child)
        if name not in value:
            value[name] = item
        elif isinstance(value[name], list):
            value[name].append(item)
        else:
            value[name] = [value[name], item]
    return value


def document(body: bytes, namespace: str | None = None) -> tuple[str, Any]:
    """(name of the root, its content), with the namespace as the member `xmlns`."""
    root = ElementTree.fromstring(body)
    found = re.match(r"\{(.*)\}", root.tag)
    value = convert(root)
    uri = namespace or (found[1] if found else None)
    if uri and isinstance(value, dict):
        value = {"xmlns": uri, **value}
    elif uri and value == "":
        value = {"xmlns": uri}
    return local_name(root), value
