#!/usr/bin/env python3
"""Lists the ways to be born that the catalog does not have, and why not; and what other taggers' lists have.

    pip install --require-hashes -r catalog/tools/requirements.txt
    python catalog/tools/births.py            # every call that takes tags or answers with a taggable ARN, and has no entry
    python catalog/tools/births.py --check    # each of these, and every event of the field's lists, has an entry or a true reason

A call counts when its request takes tags, as those of creations do, and its name is none of changing or tagging.
What was decided against stands in ../reference/refused.tsv with a reason; the events of the field's lists stand in
../reference/field.tsv. Nothing is written: entries are made by hand or by entries.py.
"""
from __future__ import annotations

import re
import sys
import tomllib

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


class Decisions:
    """What was decided about every call: an entry, a refusal, or a type that is exempt."""

    def __init__(self, there: set, refused: dict, exempt: set, types: dict) -> None:
        # Sources without their end: the refusals use a model's name, or the source's, where the two differ.
        self.there, self.refused, self.exempt = there, refused, exempt
        self.calls = {call for kind, facts in types.items() if kind in exempt for call in facts.get("calls", [])}
        self.events = {(s.removesuffix(".amazonaws.com"), call.split(":")[1]) for kind, facts in types.items() if kind in exempt
                       for call in facts.get("calls", []) for s in facts["event-sources"]} - there

    def why_not(self, name: str, places: set, operation: str) -> str | None:
        """Why a call of this model has no entry, or None where nobody decided."""
        reason = next((self.refused[p, operation] for p in sorted(places) if (p, operation) in self.refused), None)
        if reason is None and f"{name}:{operation}" in self.calls:
            reason = "its type is exempt: exempt.toml"
        return reason

    def untrue(self) -> list[str]:
        """Refusals that another file belies."""
        wrong = []
        for (source, event), reason in self.refused.items():
            where = f"catalog/reference/refused.tsv: {source} {event}"
            if (source, event) in self.there:
                wrong.append(f"{where} has an entry; remove the line")
            kind = re.fullmatch(r"(AWS::\w+::\w+) is exempt", reason)
            if kind and kind[1] not in self.exempt:
                wrong.append(f"{where}: catalog/exempt.toml has no {kind[1]}; write an entry, or another reason")
            elsewhere = re.match(r"under ([\w-]+)\.amazonaws\.com", reason)
            if elsewhere and (elsewhere[1], event) not in self.there:
                wrong.append(f"{where}: the catalog has no {event} of {elsewhere[1]}.amazonaws.com; write an entry, or another reason")
        return wrong


def field_complaints(decisions: Decisions, field: list[list[str]]) -> tuple[list[str], int, int]:
    """Events of other taggers that nobody decided about; how many are refused, and how many exempt."""
    wrong, seen, waiting = [], set(), set()
    for tagger, source, event in field:
        plain = re.sub(r"20\d\d_?\d\d_?\d\d$", "", event)
        if (source, plain) in decisions.there:
            continue
        if (source, plain) in decisions.refused:
            seen.add((source, plain))
        elif (source, plain) in decisions.events:
            waiting.add((source, plain))
        else:
            wrong.append(f"catalog/reference/field.tsv: {tagger} has {source} {event}: write an entry, or a line of refused.tsv")
    return wrong, len(seen), len(waiting)


def places_of_models() -> dict[str, set]:
    """By model, the event sources that its events may come from, without their end."""
    sources: dict[str, set] = {}
    for facts in entries.TYPES.values():
        for call in facts.get("calls", []):
            sources.setdefault(call.split(":")[0], set()).update(s.removesuffix(".amazonaws.com") for s in facts["event-sources"])
    for source, models in entries.MODELS_OF.items():
        for model in models:
            sources.setdefault(model, set()).add(source.removesuffix(".amazonaws.com"))
    return sources


def births(proposer, decisions: Decisions):
    """Every call that takes tags and has no entry: its model, its name, and why it has none."""
    sources = places_of_models()
    for name in proposer.table.models.services():
        service = proposer.service(name)
        places = sources.get(name, set()) | {name}
        for operation in sorted(service.operations):
            if ACTS.match(operation) or not takes_tags(service, operation) or any((p, operation) in decisions.there for p in places):
                continue
            yield name, operation, decisions.why_not(name, places, operation)


def main() -> None:
    proposer = entries.Proposer()
    there = {(source.removesuffix(".amazonaws.com"), event) for source, event in proposer.events}
    refused = {(service, event): reason for service, event, reason in rows("refused.tsv")}
    exempt = {e["type"] for e in tomllib.loads((entries.CATALOG / "exempt.toml").read_text())["exempt"]}
    decisions = Decisions(there, refused, exempt, entries.TYPES)
    found = list(births(proposer, decisions))
    left = [f"{name} {operation}" for name, operation, reason in found if reason is None]
    if "--check" in sys.argv:
        wrong, seen, waiting = field_complaints(decisions, rows("field.tsv"))
        wrong += decisions.untrue()
        wrong += [f"{call} takes tags, and nobody decided: write an entry, or a line of catalog/reference/refused.tsv" for call in left]
        print(*wrong, f"{len(rows('field.tsv'))} events of the field's lists, {seen} of them refused, {waiting} exempt; "
              f"{len(found)} calls that take tags without an entry, {len(left)} not decided; {len(wrong)} complaints", sep="\n")
        sys.exit(1 if wrong else 0)
    for name, operation, reason in found:
        print(name, operation, reason or "not decided", sep="\t")
    print(f"{len(left)} not decided", file=sys.stderr)


if __name__ == "__main__":
    main()
