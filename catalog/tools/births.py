#!/usr/bin/env python3
"""Lists the ways to be born that the catalog does not have, and why not; and what other taggers' lists have.

    pip install --require-hashes -r catalog/tools/requirements.txt
    python catalog/tools/births.py            # every call that takes tags or answers with a taggable ARN, and has no entry
    python catalog/tools/births.py --check    # every event of the field's lists has an entry or a reason

A call counts when its request takes tags, as those of creations do, and its name is none of changing or tagging.
What was decided against stands in ../reference/refused.tsv with a reason; the events of the field's lists stand in
../reference/field.tsv. Nothing is written: entries are made by hand or by entries.py.
"""
from __future__ import annotations

import re
import sys

import entries

# Calls that act on what is there, whatever else they take.
ACTS = re.compile(r"^(Tag|Untag|AddTags|CreateTags|CreateOrUpdateTags|ChangeTags|SetTags|Update|Modify|Delete|Get|List|Describe|Batch(Get|Update|Delete)"
                  r"|Remove|Search|Put\w+Tagging|UpdateTags|DeleteTags)")


def rows(name: str) -> list[list[str]]:
    text = (entries.REFERENCE / name).read_text()
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def takes_tags(service, operation: str) -> bool:
    """Whether the request has a member for tags of what is made."""
    for member, ref in service.input(operation).get("members", {}).items():
        if re.fullmatch(r"(?i)(resource)?tags?(list|map|specifications?|set)?|\w+tags|tags?ToAdd", member) and not re.search(
                r"(?i)keys|filter|copytags|propagat|require|include", member):
            return service.shape(ref)["type"] in ("list", "map", "structure")
    return False


def main() -> None:
    proposer = entries.Proposer()
    there = {(source.removesuffix(".amazonaws.com"), event) for source, event in proposer.events}
    # An event source and a model may be named otherwise; the refusals use the model's name, or the source's.
    refused = {(service, event): reason for service, event, reason in rows("refused.tsv")}
    # What CloudFormation lists and nobody could derive yet has its reason in exempt.toml.
    exempt = {(s.removesuffix(".amazonaws.com"), call.split(":")[1]) for facts in entries.TYPES.values()
                for call in facts.get("calls", []) for s in facts["event-sources"]} - there
    wrong, seen, waiting = [], set(), set()
    for tagger, source, event in rows("field.tsv"):
        plain = re.sub(r"20\d\d_?\d\d_?\d\d$", "", event)
        if (source, plain) in there:
            continue
        if (source, plain) in refused:
            seen.add((source, plain))
        elif (source, plain) in exempt:
            waiting.add((source, plain))
        else:
            wrong.append(f"catalog/reference/field.tsv: {tagger} has {source} {event}: write an entry, or a line of refused.tsv")
    wrong += [f"catalog/reference/refused.tsv: {s} {e} has an entry; remove the line" for s, e in refused if (s, e) in there]
    if "--check" in sys.argv:
        print(*wrong, f"{len(rows('field.tsv'))} events of the field's lists, {len(seen)} of them refused, "
              f"{len(waiting)} exempt, {len(wrong)} complaints", sep="\n")
        sys.exit(1 if wrong else 0)

    sources: dict[str, set] = {}
    for facts in entries.TYPES.values():
        for call in facts.get("calls", []):
            sources.setdefault(call.split(":")[0], set()).update(s.removesuffix(".amazonaws.com") for s in facts["event-sources"])
    for source, models in entries.MODELS_OF.items():
        for model in models:
            sources.setdefault(model, set()).add(source.removesuffix(".amazonaws.com"))
    of_type = {call for facts in entries.TYPES.values() for call in facts.get("calls", [])}
    left = 0
    for name in proposer.table.models.services():
        service = proposer.service(name)
        places = sources.get(name, set()) | {name}
        for operation in sorted(service.operations):
            if ACTS.match(operation) or not takes_tags(service, operation) or any((p, operation) in there for p in places):
                continue
            reason = next((refused[p, operation] for p in places if (p, operation) in refused), None)
            if reason is None and f"{name}:{operation}" in of_type:
                reason = "its type is exempt: exempt.toml"
            left += reason is None
            print(name, operation, reason or "not decided", sep="\t")
    print(f"{left} not decided", file=sys.stderr)


if __name__ == "__main__":
    main()
