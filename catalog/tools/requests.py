#!/usr/bin/env python3
"""Holds every request that the function makes against AWS's API models: required members, ranges, lengths, patterns, enums.

The requests are those of wire_samples.jsonl, which the client's test (crates/aws/tests/wire.rs) holds its own against byte
for byte. Each is understood from the wire as the sandbox understands what it is sent, and tried with the ARNs and tags that
the samples of the catalog lead to (catalog/samples/**/*.plan.json), so that a wrong extra (`MaxResults: 50` where the least
is 75) or an identifier that a service would refuse is found here, and not by AWS.

    pip install --require-hashes -r catalog/tools/requirements.txt
    python catalog/tools/requests.py --check
"""
from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

CATALOG = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CATALOG.parent / "sandbox"))

import operations  # noqa: E402

import constraints  # noqa: E402  (the sandbox's, which refuses with it)
from recorder import request  # noqa: E402

# Identifiers that wire_samples.py and synthesis.py make up where they know no real one: their form says nothing.
MADE_UP = re.compile(r"thing/a b:1$|^a-1$|^one$|example-")
EXAMPLES = 25  # of ARNs tried for an operation and a type


class Target(NamedTuple):
    """What a plan wants done: to which ARN, with which tags."""
    arn: str
    tags: tuple[tuple[str, str], ...]


def targets() -> dict[str, list[Target]]:
    """By operation: what the catalog's samples lead to."""
    found: dict[str, dict[str, set[Target]]] = defaultdict(lambda: defaultdict(set))
    for path in sorted((CATALOG / "samples").rglob("*.plan.json")):
        for action in json.loads(path.read_text()).get("actions", []):
            of_type = found[action["operation"]][action["type"]]
            if len(of_type) < EXAMPLES:
                of_type.add(Target(action["arn"], tuple(sorted(action["tags"].items()))))
    return {operation: sorted(target for some in types.values() for target in some) for operation, types in found.items()}


def understood(sample: dict, service: str) -> request.Call | None:
    path, _, query = sample["path"].partition("?")
    return request.parse_as([service], sample["method"], path, parse_qs(query, keep_blank_values=True),
                            sample["headers"] | {"host": sample["host"]}, sample["body"].encode())


def with_values(value: Any, old: str, new: str, tags: dict[str, str]) -> Any:
    """The input for another identifier, and for other tags than the sample's one."""
    if isinstance(value, str):
        return new if value == old else value.replace(old, new) if old and len(old) > 8 else value
    if isinstance(value, list):
        pair = value[0] if len(value) == 1 and isinstance(value[0], dict) else {}
        key = next((name for name in pair if pair[name] == "CreatedBy"), None)
        text = next((name for name in pair if pair[name] == "alice"), None)
        if key and text and tags:
            return [with_values(pair, old, new, {}) | {key: name, text: item} for name, item in tags.items()]
        return [with_values(item, old, new, tags) for item in value]
    if isinstance(value, dict):
        if value == {"CreatedBy": "alice"} and tags:
            return dict(tags)
        return {name: with_values(item, old, new, tags) for name, item in value.items()}
    return value


def names(value: Any, identifier: str) -> bool:
    return identifier in (value if isinstance(value, list) else [value])


def problems() -> tuple[list[str], int]:
    """What is wrong, and how many requests were tried."""
    rows = {row["name"]: row for row in tomllib.loads((CATALOG / "operations.toml").read_text())["operation"]}
    wanted = targets()
    services = operations.Table(operations.Models()).services
    wrong: list[str] = []
    tried = 0
    for line in (CATALOG / "tools" / "wire_samples.jsonl").read_text().splitlines():
        sample = json.loads(line)
        where = f"{sample['operation']} {sample.get('type', sample['call'])}"
        row = rows.get(sample["operation"])
        call = understood(sample, services[sample["operation"]].name if row else "sqs")
        expected = row[sample["call"]]["operation"] if row and sample["call"] in row else None
        if call is None or expected not in (None, call.operation.name):
            wrong.append(f"{where}: no model explains {sample['method']} {sample['path']}"
                         + (f", or as {call.service} {call.operation.name}" if call else ""))
            continue
        identifier = sample["identifier"]
        real = wanted.get(sample["operation"], []) if row and row["takes"] == "arn" and sample["call"] != "describe" else []
        tries = [(target.arn, dict(target.tags) if sample["call"] == "write" else {}) for target in real]
        for arn, tags in tries or [(identifier, {})]:
            tried += 1
            given = with_values(call.input, identifier, arn, tags)
            for found in constraints.violations(call.service, call.operation.name, call.operation.input_shape, given):
                if names(found.value, arn) and MADE_UP.search(arn):
                    continue
                wrong.append(f"{where}: {call.service} {call.operation.name}: {found.says()}")
    return wrong, tried


def main() -> None:
    wrong, tried = problems()
    for line in sorted(set(wrong)):
        print(line, file=sys.stderr)
    if wrong:
        print("correct the data (operations.py, an entry's template, a sample); what a model says and AWS does not hold "
              "callers to goes into sandbox/leniency.py with its reason", file=sys.stderr)
        sys.exit(1)
    print(f"{tried} requests are as AWS's models want them")


if __name__ == "__main__":
    main()
