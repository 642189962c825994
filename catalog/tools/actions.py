#!/usr/bin/env python3
"""Derives which of the function's IAM actions exist: those of ../../templates/policy.json that AWS's service authorization
reference lists, which the package iam-floyd carries as Python.  Only facts are read; its code is not run.

    pip download --no-deps --require-hashes -r catalog/tools/protection.txt -d /tmp/floyd
    python catalog/tools/actions.py /tmp/floyd/iam_floyd-*.whl > catalog/reference/actions.txt
    python catalog/tools/actions.py /tmp/floyd/iam_floyd-*.whl --check

`cargo xtask codegen` holds the policy against the list, so an action with a slip in its name is found without the package.
"""
from __future__ import annotations

import json
import re
import sys
import zipfile

from protection import CATALOG, PINNED, service

ACTIONS = CATALOG / "reference/actions.txt"


def listed(wheel: str) -> set[str]:
    """Every action of the reference."""
    out = set()
    with zipfile.ZipFile(wheel) as package:
        for name in package.namelist():
            if re.fullmatch(r"iam_floyd/statement/_\w+\.py", name):
                prefix, levels, _ = service(package.read(name).decode())
                out |= {f"{prefix}:{action}" for action in levels}
    return out


def main() -> None:
    policy = json.loads((CATALOG.parent / "templates/policy.json").read_text())
    wanted = {a for statement in policy["Statement"] for a in statement["Action"]}
    text = (
        "# The actions of templates/policy.json that AWS's service authorization reference lists.\n"
        f"# Made by catalog/tools/actions.py from iam-floyd {PINNED}; do not edit by hand.\n"
        + "".join(f"{action}\n" for action in sorted(wanted & listed(sys.argv[1])))
    )
    if "--check" not in sys.argv:
        sys.stdout.write(text)
    elif ACTIONS.read_text() != text:
        sys.exit(f"{ACTIONS.relative_to(CATALOG.parent)} drifted: generate it anew")


if __name__ == "__main__":
    main()
