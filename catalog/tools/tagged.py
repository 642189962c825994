#!/usr/bin/env python3
"""Holds the ARN form of every type against AWS's service authorization reference: can a resource of that form have tags?

A resource that takes tags has the condition key aws:ResourceTag there. What the reference leaves open stands in
../reference/tag_forms.tsv: `settled`, with the document that says so, or `open`, which docs/resources.md marks.
The package iam-floyd carries the reference as Python; only facts are read, its code is not run.

    pip download --no-deps --require-hashes -r catalog/tools/protection.txt -d /tmp/floyd
    python catalog/tools/tagged.py /tmp/floyd/iam_floyd-*.whl           # each type that the reference does not list as taggable
    python catalog/tools/tagged.py /tmp/floyd/iam_floyd-*.whl --check   # each of them has a row in tag_forms.tsv
"""
from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
import zipfile
from pathlib import Path

CATALOG = Path(__file__).resolve().parent.parent
FORMS = "reference/tag_forms.tsv"


def plain(form: str) -> str:
    """A form without the names of its variables."""
    return re.sub(r"\$\{\w+\}", "${}", form)


def resources(source: str) -> dict[str, bool]:
    """The forms of a service's resources, and whether each has the key aws:ResourceTag."""
    found: dict[str, bool] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("on_"):
            continue
        texts = [text for text in ast.walk(node) if isinstance(text, ast.JoinedStr)]
        if not texts:
            continue
        parts = [part.value if isinstance(part, ast.Constant) else "${}" for part in texts[-1].values]
        # A resource of two forms is one text here, and the second has its variables as the reference writes them.
        for form in plain("".join(parts).replace("$${}", "${}")).split(", "):
            found[form] = found.get(form, False) or "if_aws_resource_tag(" in (ast.get_docstring(node) or "")
    return found


def unlisted(known: dict[str, bool], forms: dict[str, list[str]], types: set[str]) -> list[str]:
    """The types of which no form is one of a resource with tags."""
    return sorted(kind for kind in types if not any(known.get(plain(form)) for form in forms.get(kind, [])))


def complaints(open_types: list[str], types: set[str], rows: list[list[str]]) -> list[str]:
    """What is missing in the table, or stands there for nothing."""
    told = [row[0] for row in rows]
    wrong = [f"catalog/{FORMS}: {kind} is missing: the reference lists no tags of its form; find a document, or write `open`"
             for kind in open_types if kind not in told]
    wrong += [f"catalog/{FORMS}: no entry has {kind}; remove the row" for kind in told if kind not in types]
    for kind, state, *rest in rows:
        if state not in ("settled", "open") or len(rest) != 2 or not rest[1].startswith("https://"):
            wrong.append(f"catalog/{FORMS}: {kind}: write `settled` or `open`, why, and a link, with tabs between them")
    return wrong


def main() -> None:
    known: dict[str, bool] = {}
    with zipfile.ZipFile(sys.argv[1]) as files:
        for name in files.namelist():
            if re.fullmatch(r"iam_floyd/statement/_\w+\.py", name):
                for form, tags in resources(files.read(name).decode()).items():
                    known[form] = known.get(form, False) or tags
    forms = json.loads((CATALOG / "reference/entry_formats.json").read_text())
    types = {entry["type"] for file in CATALOG.glob("*.toml") for entry in tomllib.loads(file.read_text()).get("resource", [])}
    left = unlisted(known, forms, types)
    if "--check" not in sys.argv:
        print(*left, sep="\n")
        return
    rows = [line.split("\t") for line in (CATALOG / FORMS).read_text().splitlines() if line and not line.startswith("#")]
    wrong = complaints(left, types, rows)
    print(*wrong, f"{len(types)} types held against the reference, {len(left)} not listed there, {len(wrong)} complaints", sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
