#!/usr/bin/env python3
"""Proposes entries of the catalog from AWS's API models, where nothing is left to guess, and says what it doubts.

    pip install --require-hashes -r catalog/tools/requirements.txt
    python catalog/tools/entries.py --write     # adds what is certain to ../<service>.toml, and a sample for every event without one
    python catalog/tools/entries.py --check     # holds every entry's paths against the models; what is made from them is up to date
    python catalog/tools/entries.py --propose AWS::X::Y     # one type: its entry, or why there is none
    python catalog/tools/entries.py --doubts    # every type without an entry, and what keeps the rules from proposing one

An entry is proposed only when
  - one call of the models creates the type (reference/types.json), no other type has that event, and its name says Create;
  - its documentation does not tell of changing or answering with what is there already;
  - exactly one member of its answer is the type's own ARN: named `arn`, or as the type or its last words, at the top or in the structure
    that is the type; and the first reading of the models (reference/types.json) found the same;
  - the service has one tagging operation that takes an ARN, adds, and has a read (operations.toml);
  - the service authorization reference has one ARN format for the type (reference/arn_formats.json).
Where the answer has no ARN, it is made from that format when the type's own id or name and what the call was given fill it.
What the rules leave open and somebody decided is an entry that was written by hand, or DECIDED.  A type that has none is in ../exempt.toml
with the reason.  What is there already is never changed.
"""
from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import operations
from decided import DECIDED, FORMAT_OF, MODELS_OF, NO_MODEL, NOT_IN_MODEL, READ, UPSERT
from names import heads, lower, norm, noun, single
from synthesis import Synthesis, variables

CATALOG = operations.CATALOG
REFERENCE = CATALOG / "reference"
TYPES = json.loads((REFERENCE / "types.json").read_text())["types"]
FORMATS = json.loads((REFERENCE / "arn_formats.json").read_text())["formats"]


def text_of(form: str) -> str:
    """A format by its name in the reference, or as it stands where the reference has none."""
    return form if form.startswith("arn:") else FORMATS[form]


class Doubt(Exception):
    """Why there is no entry."""


class Proposer:
    def __init__(self) -> None:
        self.table = operations.Table(operations.Models())
        self.services: dict[str, operations.Service] = {}
        self.load()

    def load(self) -> None:
        """Reads the entries."""
        self.files = {p.name: tomllib.loads(p.read_text()) for p in sorted(CATALOG.glob("*.toml"))}
        self.files = {n: f for n, f in self.files.items() if "event-source" in f}
        self.of_source = {f["event-source"]: n for n, f in self.files.items()}
        self.there = {e["type"] for f in self.files.values() for e in f["resource"]}
        self.events = {(f["event-source"], e["event"]): e["type"] for f in self.files.values() for e in f["resource"]}

    def service(self, name: str) -> operations.Service:
        if name not in self.services:
            self.services[name] = operations.Service(self.table.models, name)
        return self.services[name]

    def models_of(self, source: str, event: str) -> list[tuple]:
        """The models that have the event: by the services whose events come from the source."""
        if not hasattr(self, "by_source"):
            self.by_source: dict[str, set] = {}
            for facts in TYPES.values():
                for call in facts.get("calls", []):
                    for s in facts.get("event-sources", []):
                        self.by_source.setdefault(s, set()).add(call.split(":")[0])
            for s, names in MODELS_OF.items():
                self.by_source.setdefault(s, set()).update(names)
        out = []
        for name in sorted(self.by_source.get(source, ())):
            try:
                service = self.service(name)
            except ValueError:
                continue
            if event in service.operations:
                out.append((service, event))
        return out

    def propose(self, kind: str) -> dict:
        facts = TYPES[kind]
        if kind in DECIDED:
            return self.decided(kind, facts)
        if "not updatable" in facts["ground"]:
            raise Doubt("tags cannot be changed after creation, says CloudFormation")
        calls = facts.get("calls", [])
        if len(calls) != 1:
            raise Doubt("no call is known to create it" if not calls else f"several calls create it: {', '.join(calls)}")
        if len(facts["event-sources"]) != 1:
            raise Doubt("several event sources")
        name, operation = calls[0].split(":")
        source = facts["event-sources"][0]
        same = [t for t, f in TYPES.items() if t != kind and calls[0] in f.get("calls", [])]
        if same:
            raise Doubt(f"{calls[0]} also creates {', '.join(same)}")
        if (source, operation) in self.events:
            raise Doubt(f"{source} {operation} creates {self.events[source, operation]} already")
        if not operation.startswith("Create"):
            raise Doubt(f"{operation} may act on what is there")
        try:
            service = self.service(name)
            model = service.operations[operation]
        except (KeyError, ValueError):
            raise Doubt(f"botocore {operations.PINNED} has no {calls[0]}") from None
        text = re.sub(r"<[^>]+>", "", model.get("documentation", ""))
        found = UPSERT.search(text)
        if found and (name, operation) not in READ:
            around = re.sub(r"\s+", " ", text[max(0, found.start() - 90):found.end() + 90]).strip()
            raise Doubt(f"{operation} may answer with what is there: …{around}…")
        if model.get("deprecated"):
            raise Doubt("deprecated in the model")
        tag = self.tagging(name)
        form = self.format(kind, operation, facts)
        try:
            path = self.own(service, operation, kind)
        except Doubt as doubt:
            if "0 members" not in str(doubt):
                raise
            arn = self.of_vars(service, operation, kind, form, facts, str(doubt))
            return self.entry(kind, operation, source, service, tag, form, [arn])
        first = facts.get("path", [])
        if not facts.get("by-name") and [p.lower() for p in first] != [".".join(["responseElements", *map(lower, path)]).lower()]:
            raise Doubt(f"the first reading of the models has {first or 'no ARN'}, this one {'.'.join(path)}")
        dotted = ".".join(map(lower, path))
        arns = ["{responseElements." + dotted + "}"]
        payload = service.output(operation).get("payload")
        if service.kind == "query" and len(path) > 1:
            # Where the answer of a query service is one structure, records show its members without its name.
            arns.insert(0, "{responseElements." + dotted.split(".", 1)[1] + "}")
        if payload:
            # The answer is that member alone, without its name; records show it with and without.
            arns.append("{responseElements." + dotted.split(".", 1)[1] + "}")
        return self.entry(kind, operation, source, service, tag, form, arns)

    @staticmethod
    def entry(kind, operation, source, service, tag, form, arns) -> dict:
        return {
            "type": kind, "event": operation, "arns": arns, "source": source, "service": service, "tag": tag,
            "form": text_of(form), "link": f"https://docs.aws.amazon.com/goto/WebAPI/{service.meta['uid']}/{operation}",
        }

    def of_vars(self, service, operation: str, kind: str, form: str, facts: dict, doubt: str) -> str:
        """The ARN made from its format, where the answer has none: the type's own id or name, and what the call was given."""
        text = FORMATS[form]
        own_variables = variables(text)
        whole = {norm(kind.split("::")[2]), norm(noun(operation))}
        names = {name for word in (kind.split("::")[2], noun(operation)) for name in heads(word)}
        if not own_variables or not text.endswith("}") or norm(own_variables[-1]) not in {
                "resourceid", "resourcename", "id", "name", *(n + e for n in names for e in ("id", "name", "identifier"))}:
            raise Doubt(f"{doubt}; the format has {own_variables}")
        asked, answered = service.input(operation), service.output(operation)
        found: dict[str, list] = {"id": [], "name": [], "given": []}

        def walk(shape: dict, path: list[str], depth: int) -> None:
            for member, ref in shape.get("members", {}).items():
                inner, wire, plain = service.shape(ref), service.wire(member, ref), norm(member)
                if inner["type"] == "string":
                    for end in ("id", "name"):
                        if plain in {end, *(n + end for n in whole)}:
                            found[end].append([*path, wire])
                elif inner["type"] == "structure" and not depth and (plain in names or norm(ref["shape"]) in names):
                    walk(inner, [*path, wire], 1)

        walk(answered, [], 0)
        for member in asked.get("required", []):
            if norm(member) in {"name", *(n + "name" for n in whole)}:
                found["given"].append(service.wire(member, asked["members"][member]))
        is_name = norm(own_variables[-1]).endswith("name")
        paths = {}
        if len(found["id"]) == 1 and not is_name:
            own = found["id"][0]
            paths[own_variables[-1]] = ".".join(["responseElements", *map(lower, own)])
        elif is_name and not found["id"] and len(found["given"]) == 1:
            own = []
            paths[own_variables[-1]] = f"requestParameters.{lower(found['given'][0])}"
            if len(found["name"]) == 1 and "response" in str(facts.get("vars")):
                own = found["name"][0]
                paths[own_variables[-1]] = ".".join(["responseElements", *map(lower, own)])
        else:
            raise Doubt(f"{doubt}; its own id or name is at {found}")
        for variable in own_variables[:-1]:
            given = [service.wire(m, asked["members"][m]) for m in asked.get("required", []) if norm(m) == norm(variable)]
            if len(given) != 1:
                raise Doubt(f"{doubt}; nothing that the call is given is the format's {variable}")
            paths[variable] = f"requestParameters.{lower(given[0])}"
        def ends(these: dict) -> dict:
            return {v: p.split(".")[-1].lower() for v, p in these.items()}

        if ends(facts.get("vars", {})) != ends(paths) and not (facts.get("by-name") and list(paths) == own_variables[-1:] and own):
            raise Doubt(f"the first reading of the models makes its ARN of {facts.get('vars', 'nothing')}, this one of {paths}")
        return self.filled(text, paths)

    @staticmethod
    def filled(text: str, paths: dict) -> str:
        for variable, own_name in (("Partition", "partition"), ("Region", "region"), ("Account", "account")):
            text = text.replace("${" + variable + "}", "{" + own_name + "}")
        for variable, path in paths.items():
            text = text.replace("${" + variable + "}", "{" + path + "}")
        return text

    def decided(self, kind: str, facts: dict) -> dict:
        """What somebody decided, held against the models and the table."""
        d = DECIDED[kind]
        call = d.get("call") or facts["calls"][0]
        name, operation = call.split(":")
        source, = facts["event-sources"]
        service = self.service(name)
        tag = d.get("tag") or self.tagging(name)
        if (source, operation) in self.events:
            raise Doubt(f"{source} {operation} creates {self.events[source, operation]} already")
        path = d.get("path", d.get("id", "")).split(".")
        dotted = ".".join(["responseElements", *map(lower, path)])
        if not has(service, operation, dotted):
            raise Doubt(f"DECIDED: {call} has no {dotted}")
        text = FORMATS[d["format"]]
        arn = "{" + dotted + "}"
        if "id" in d:
            arn = self.filled(text, {variables(text)[-1]: dotted})
        arns = [arn]
        if service.kind == "query" and len(path) > 1:
            arns.insert(0, "{responseElements." + dotted.split(".", 2)[2] + "}")
        return self.entry(kind, operation, source, service, tag, d["format"], arns)

    def tagging(self, name: str) -> str:
        if name == "ec2":
            return "ec2:CreateTags"
        rows = [r for r in self.table.rows if self.table.services[r["name"]].name == name and r["name"] not in operations.MORE]
        usable = [r for r in rows if r["takes"] == "arn" and "read" in r and not r.get("replaces") and not r.get("needs")
                  and "variant" not in r]
        if len(rows) == len(usable) == 1:
            return usable[0]["name"]
        if not rows:
            raise Doubt(f"operations.toml has no operation of {name}'s own")
        raise Doubt(f"the tagging operations of {name} are {', '.join(r['name'] for r in rows)}")

    def own(self, service: operations.Service, operation: str, kind: str) -> list[str]:
        """The path of the type's own ARN in the answer, as the model's wire names."""
        names = {name for word in (kind.split("::")[2], noun(operation)) for name in heads(word)}
        arns: list[tuple[list[str], bool]] = []

        def walk(shape: dict, path: list[str], own: bool, depth: int) -> None:
            for member, ref in shape.get("members", {}).items():
                if ref.get("location"):
                    continue
                inner = service.shape(ref)
                wire = service.wire(member, ref)
                plain = norm(member)
                if inner["type"] == "string" and plain.endswith("arn"):
                    stem = plain.removesuffix("arn")
                    # `resourceArn` is elsewhere what the type is about: of an exclusion the network, of a log the service.
                    itself = ("", "resource") if service.name == "fsx" else ("",)
                    is_own = (stem in itself and own) or stem in names
                    arns.append(([*path, wire], bool(is_own)))
                elif inner["type"] == "structure" and depth < 2:
                    # The structure that is the type: named so, or of a shape named so, or what such a one says of itself.
                    holds = norm(member) in names or norm(ref["shape"]) in names or (own and path and plain == "metadata")
                    if holds or depth == 0:
                        walk(inner, [*path, wire], bool(holds), depth + 1)

        output = service.output(operation)
        walk(output, [], True, 0)
        own = [p for p, is_own in arns if is_own]
        if len(own) != 1:
            others = ", ".join(".".join(p) for p, _ in arns) or "none"
            raise Doubt(f"{len(own)} members are its own ARN; ARNs of the answer: {others}")
        return own[0]

    @staticmethod
    def format(kind: str, operation: str, facts: dict) -> str:
        names = [kind.split("::")[2], noun(operation)]
        keys = [k for k in facts.get("formats", []) if k in FORMATS]
        for known in ({single(norm(n)) for n in names}, {single(h) for n in names for h in heads(n)}):
            equal = [k for k in keys if single(norm(k.split(":")[1])) in known]
            if len(equal) == 1:
                break
        if len(equal) != 1:
            raise Doubt(f"its format in the service authorization reference may be that of {', '.join(keys) or 'none'}")
        return equal[0]


# ---- What is written -------------------------------------------------------------------------------------------------


def entry_text(g: dict) -> str:
    arn = json.dumps(g["arns"][0], ensure_ascii=False)
    if len(g["arns"]) > 1:
        arn = "[\n" + "".join(f"    {json.dumps(a)},\n" for a in g["arns"]) + "]"
    return (f'[[resource]]\ntype  = "{g["type"]}"\nevent = "{g["event"]}"\narn   = {arn}\ntag   = "{g["tag"]}"\n'
            f'evidence = "derived"\nsource   = "{g["link"]}"\n')


def added(text: str, new: list[dict]) -> str:
    """The file with the new entries in their places; what is there stays as it is."""
    blocks = text.rstrip("\n").split("\n\n")
    head = [b for b in blocks if "[[resource]]" not in b]
    if blocks[:len(head)] != head:
        sys.exit(f"an entry before the end of the file's head:\n{text[:300]}")

    def key(block: str) -> tuple:
        return re.search(r'^event +?= +?"(\w+)"', block, re.M)[1], bool(re.search(r"^describe", block, re.M))

    out = blocks[len(head):]
    for g in sorted(new, key=lambda g: (g["event"], g["type"])):
        at = next((i for i, b in enumerate(out) if key(b) > (g["event"], False)), len(out))
        out.insert(at, entry_text(g).rstrip("\n"))
    return "\n\n".join(head + out) + "\n"


def entry_formats(proposer: Proposer) -> str:
    """The format of every type that has an entry."""
    formats = {}
    for kind in sorted(proposer.there):
        facts = TYPES.get(kind, {})
        names = [kind.split("::")[2], *(noun(c.split(":")[1]) for c in facts.get("calls", []))]
        try:
            formats[kind] = facts.get("format") or FORMAT_OF.get(kind) or DECIDED.get(kind, {}).get("format") or Proposer.format(
                kind, f"Create{names[-1]}", facts)
        except Doubt:
            pass
    texts = {k: [t for key in as_list(v) for t in text_of(key).split(", ")] for k, v in sorted(formats.items())}
    rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in texts.items())
    return "{\n" + rows + "\n}\n"


def write(proposer: Proposer, good: list[dict]) -> None:
    of_source: dict[str, list] = {}
    for g in good:
        of_source.setdefault(g["source"], []).append(g)
    for source, new in sorted(of_source.items()):
        prefix = source.removesuffix(".amazonaws.com")
        file = CATALOG / proposer.of_source.get(source, f"{prefix}.toml")
        text = file.read_text() if file.exists() else f'event-source = "{source}"\n'
        file.write_text(added(text, new))
    proposer.load()
    formats = entry_formats(proposer)
    (REFERENCE / "entry_formats.json").write_text(formats)
    samples = missing_samples(proposer, json.loads(formats))
    for sample, record in samples.items():
        sample.parent.mkdir(parents=True, exist_ok=True)
        sample.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    print(f"{len(good)} entries and {len(samples)} samples added")


def missing_samples(proposer: Proposer, formats: dict) -> dict:
    """A record for every event that has none, with the ARN of each of its types where that type's first template looks for it."""
    out: dict = {}
    for name, file in proposer.files.items():
        for entry in file["resource"]:
            sample = CATALOG / "samples" / name.removesuffix(".toml") / f"{entry['event']}.json"
            models = proposer.models_of(file["event-source"], entry["event"])
            there = any(p for end in (".json", "-*.json") for p in sample.parent.glob(entry["event"] + end))
            if there or "describe" in entry or not models:
                continue
            # A retired model of the same name does not know what the entry looks for.
            paths = re.findall(r"\{((?:request|response)[^}|]+)", " ".join(as_list(entry["arn"])))
            service = max(models, key=lambda m: sum(has(*m, p) for p in paths))[0]
            g = {"arns": as_list(entry["arn"]), "when": entry.get("when", {}), "id": entry.get("id", ""),
                 "unless": as_list(entry.get("unless", [])), "event": entry["event"],
                 "source": file["event-source"], "service": service, "form": formats[entry["type"]][0],
                 "link": f"https://docs.aws.amazon.com/goto/WebAPI/{service.meta['uid']}/{entry['event']}"}
            if sample in out:
                Synthesis(g).place(out[sample]["record"])
            else:
                out[sample] = Synthesis(g).sample(bool(file.get("versioned")))
    return out


def check(proposer: Proposer, good: list[dict]) -> None:
    """Holds every path of every entry against the models, and what is made from them against what is there."""
    wrong = [f"{g['type']} could be added: --write" for g in good]
    formats = entry_formats(proposer)
    if (REFERENCE / "entry_formats.json").read_text() != formats:
        wrong.append("catalog/reference/entry_formats.json is not what the models give: --write")
    wrong += [f"catalog/{s.relative_to(CATALOG)} is missing: --write" for s in missing_samples(proposer, json.loads(formats))]
    seen, used = 0, set()
    for file, entries in proposer.files.items():
        for entry in entries["resource"]:
            where = (entries["event-source"], entry["event"])
            models = proposer.models_of(*where)
            if not models and where in NO_MODEL:
                continue
            if not models:
                wrong.append(f"catalog/{file}: no model has {where[0]} {where[1]}")
                continue
            texts = [t for k in ("arn", "id", "region", "except", "unless") for t in as_list(entry.get(k, []))]
            paths = [p for t in texts for p in re.findall(r"\{((?:request|response)[^}|]+)", t)]
            paths += [p for p in as_list(entry.get("unless", [])) if p.startswith("re")] + list(entry.get("when", {}))
            for path in paths:
                seen += 1
                if not any(has(service, operation, path) for service, operation in models):
                    exception = (*where, path)
                    if exception in NOT_IN_MODEL:
                        used.add(exception)
                    else:
                        wrong.append(f"catalog/{file}: {entry['type']} of {where[1]}: the model has no {path}")
    wrong += [f"NOT_IN_MODEL: {' '.join(e)} is in the model, or no entry has it" for e in NOT_IN_MODEL.keys() - used]
    print(*wrong, f"{seen} paths held against botocore {operations.PINNED}, {len(wrong)} complaints", sep="\n")
    sys.exit(1 if wrong else 0)


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def has(service: operations.Service, operation: str, path: str) -> bool:
    """Whether the operation has the path, in CloudTrail's casing: every member's first letter is a small one."""
    root, *steps = path.split(".")
    side = "input" if root == "requestParameters" else "output"
    shapes = [service.input(operation) if side == "input" else service.output(operation)]
    payload = shapes[0].get("payload")
    if payload:
        shapes.append(service.shape(shapes[0]["members"][payload]))
    elif service.kind == "query" and side == "output":
        # Where the answer of a query service is one structure, records show its members without its name.
        inner = [service.shape(r) for r in shapes[0]["members"].values()]
        shapes += inner if len(inner) == 1 else []
    return any(below(service, shape, steps) for shape in shapes)


def below(service: operations.Service, shape: dict, steps: list[str]) -> bool:
    if not steps:
        return shape["type"] not in ("structure", "map")
    step, many = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    if shape["type"] == "list":
        inner = service.shape(shape["member"])
        # EC2 and the query protocols show a list as an object with `items`.
        return below(service, inner, steps[1:] if step in ("item", "items") and many else steps)
    for member, ref in shape.get("members", {}).items():
        names = {lower(member), lower(service.wire(member, ref)), member}
        if service.kind == "ec2":
            names |= {lower(service.wire(member, ref, True)) + "Set"}
        if step not in names:
            continue
        inner = service.shape(ref)
        if inner["type"] == "list" and many:
            inner = service.shape(inner["member"])
        if below(service, inner, steps[1:]):
            return True
    return False


def main() -> None:
    proposer = Proposer()
    if "--propose" in sys.argv:
        kind = sys.argv[sys.argv.index("--propose") + 1]
        try:
            print(entry_text(proposer.propose(kind)), end="")
        except (Doubt, KeyError) as doubt:
            sys.exit(f"{kind}: {doubt}")
        return
    exempt = {e["type"] for e in tomllib.loads((CATALOG / "exempt.toml").read_text())["exempt"]}
    good, doubts = [], {}
    for kind in TYPES:
        if kind in proposer.there:
            continue
        try:
            proposal = proposer.propose(kind)
            if kind not in exempt:
                good.append(proposal)
        except Doubt as doubt:
            doubts[kind] = str(doubt)
    if "--doubts" in sys.argv:
        print(*(f"{k}\t{d}" for k, d in sorted(doubts.items())), sep="\n")
    elif "--write" in sys.argv:
        write(proposer, good)
    else:
        check(proposer, good)


if __name__ == "__main__":
    main()
