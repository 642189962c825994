#!/usr/bin/env python3
"""Derives which tagging actions do not tell IAM their tag keys, so that no policy can see which key they write.

The source is AWS's service authorization reference, which the package iam-floyd carries as Python: each action has its
access levels, and each condition key the actions that it applies to.  Only facts are read; its code is not run.

    pip download --no-deps --require-hashes -r catalog/tools/protection.txt -d /tmp/floyd
    python catalog/tools/protection.py /tmp/floyd/iam_floyd-*.whl > catalog/protection/unseen.txt
    python catalog/tools/protection.py /tmp/floyd/iam_floyd-*.whl --check
"""
from __future__ import annotations

import ast
import re
import sys
import zipfile
from pathlib import Path

CATALOG = Path(__file__).resolve().parent.parent
UNSEEN = CATALOG / "protection/unseen.txt"
PINNED = re.search(r"iam-floyd==(\S+)", (CATALOG / "tools/protection.txt").read_text()).group(1)


def service(source: str) -> tuple[str, dict[str, str], set[str]]:
    """The prefix, the access level of each action, and the actions that aws:TagKeys applies to."""
    prefix, levels, told, actions = "", {}, set(), {}
    for node in ast.walk(ast.parse(source)):
        if (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
                and node.targets[0].attr == "service_prefix" and isinstance(node.value, ast.Constant)):
            prefix = node.value.value
        if not isinstance(node, ast.FunctionDef):
            continue
        text = ast.get_docstring(node) or ""
        if node.name == "if_aws_tag_keys":
            told = set(re.findall(r"\.(to_\w+)\(\)", text))
        if node.name.startswith("to_"):
            calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "to"]
            level = re.search(r"Access Level: (.*)", text)
            if calls and level:
                actions[node.name] = calls[0].args[0].value
                levels[calls[0].args[0].value] = level.group(1)
    return prefix, levels, {actions[name] for name in told if name in actions}


def derive(wheel: str) -> str:
    version = re.search(r"iam_floyd-([0-9.]+)-", Path(wheel).name)
    if not version or version.group(1) != PINNED:
        sys.exit(f"{wheel}: this is made from iam-floyd {PINNED}")
    tagging, unseen, services, others = 0, set(), set(), 0
    with zipfile.ZipFile(wheel) as files:
        for name in sorted(files.namelist()):
            if not re.fullmatch(r"iam_floyd/statement/_\w+\.py", name):
                continue
            prefix, levels, told = service(files.read(name).decode())
            mine = {action for action, level in levels.items() if "Tagging" in level.split(", ")}
            others += len(told - mine)
            if mine:
                tagging += len(mine)
                services.add(prefix)
                unseen |= {f"{prefix}:{action}" for action in mine - told}
    head = f"""\
# Tagging actions that do not tell IAM their keys (aws:TagKeys), so that a policy cannot see which tag they write.
# Made by catalog/tools/protection.py from iam-floyd {PINNED}, which is made from AWS's service authorization
# reference: https://docs.aws.amazon.com/service-authorization/latest/reference/
# tagging actions: {tagging}, in {len(services)} services; of these {tagging - len(unseen)} tell their keys, {len(unseen)} do not
# other actions that tell them, most of them creations: {others}
"""
    return head + "".join(f"{action}\n" for action in sorted(unseen))


if __name__ == "__main__":
    made = derive(sys.argv[1])
    if "--check" not in sys.argv:
        print(made, end="")
    elif made != UNSEEN.read_text():
        sys.exit(f"{UNSEEN} is not what iam-floyd {PINNED} gives")
