"""Records made from the shapes of an operation, for the samples of entries that no recorded or documented one exists for."""
from __future__ import annotations

import hashlib
import re

import operations
from names import kebab, lower

ACCOUNT, REGION = "111122223333", "us-east-1"
WHO = {
    "type": "AssumedRole", "principalId": "AROAIDPPEZS35WEXAMPLE:deploy",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/deploy", "accountId": ACCOUNT,
    "accessKeyId": "ASIAI44QH8DHBEXAMPLE",
    "sessionContext": {
        "sessionIssuer": {"type": "Role", "principalId": "AROAIDPPEZS35WEXAMPLE",
                          "arn": f"arn:aws:iam::{ACCOUNT}:role/deployer", "accountId": ACCOUNT, "userName": "deployer"},
        "attributes": {"creationDate": "2026-11-24T09:58:12Z", "mfaAuthenticated": "false"}},
}


def drawn(text: str) -> str:
    """An id that is the same each time."""
    d = hashlib.sha256(text.encode()).hexdigest()
    return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-8{d[17:20]}-{d[20:32]}"


def variables(form: str) -> list[str]:
    """What a format has beside partition, region and account."""
    return [v for v in re.findall(r"\$\{(\w+)\}", form) if v not in ("Partition", "Region", "Account")]


def arn_of(form: str) -> str:
    """An ARN of the format, of the first where it is two in one text."""
    given = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT}
    form = form.split(", ")[0]
    return re.sub(r"\$\{(\w+)\}", lambda m: given.get(m[1]) or f"example-{kebab(m[1])}", form).replace("*", "example")


def drop(record: dict, path: str) -> None:
    """Takes a member out of the record, if it is there."""
    *steps, last = path.split(".")
    inner = record
    for step in steps:
        inner = inner.get(step, {})
    inner.pop(last, None)


def put(record: dict, path: str, value) -> None:
    """Puts the value where the path of a template looks for it; `[]` is a list of one."""
    *steps, last = path.split("|")[0].split(".")
    inner = record
    for step in steps:
        name = step.removesuffix("[]")
        if step.endswith("[]"):
            inner = inner.setdefault(name, [{}])
            inner = inner[0]
        else:
            inner = inner.setdefault(name, {})
    inner[last.removesuffix("[]")] = [value] if last.endswith("[]") else value


class Synthesis:
    """A record made from the shapes of an operation, with another ARN in every member that is not the type's own."""

    def __init__(self, g: dict) -> None:
        self.g, self.service = g, g["service"]

    def place(self, record: dict) -> None:
        """Puts the type's own ARN, or what its ARN is made of, where the first template looks for it."""
        template = self.g["arns"][0]
        paths = re.findall(r"\{((?:request|response)[^}]+)\}", template)
        if template.startswith("arn:"):
            own = variables(self.g["form"])
            names = own if len(own) == len(paths) else [p.split("|")[0].split(".")[-1] for p in paths]
            values = [f"example-{kebab(n)}" for n in names]
        else:
            values = [arn_of(self.g["form"])]
        for path, value in zip(paths, values, strict=True):
            fixed = self.g.get("when", {}).get(path, "*")
            put(record, path, value if fixed == "*" else fixed)
        for path in re.findall(r"\{((?:request|response)[^}]+)\}", self.g.get("id", "")):
            put(record, path, "example-name")
        for path in self.g.get("unless", []):
            drop(record, path)

    def members(self, shape: dict, path: str, required: bool, depth: int) -> dict:
        found = {}
        members = sorted(shape.get("members", {}).items(), key=lambda m: ("arn" not in m[0].lower(), m[0]))
        for member, ref in members:
            wire = self.service.wire(member, ref)
            if ref.get("location") in ("header", "statusCode", "headers"):
                continue
            inner = self.service.shape(ref)
            here = f"{path}.{lower(wire)}"
            plain = member.lower()
            if inner.get("sensitive"):
                continue
            elif inner["type"] == "string" and plain.endswith(("arn", "arns")):
                found[lower(wire)] = f"arn:aws:decoy:{REGION}:{ACCOUNT}:{here}"
            elif inner["type"] == "list" and self.service.shape(inner["member"])["type"] == "string" and "arn" in plain:
                found[lower(wire)] = [f"arn:aws:decoy:{REGION}:{ACCOUNT}:{here}"]
            elif inner["type"] == "string" and (plain.endswith(("id", "name")) or member in shape.get("required", ())) and (
                    len(found) < 8):
                found[lower(wire)] = inner["enum"][0] if inner.get("enum") else f"other-{kebab(member)}"
            elif inner["type"] == "structure" and depth < 2 and (not required or member in shape.get("required", ())):
                below = self.members(inner, here, required, depth + 1)
                if below:
                    found[lower(wire)] = below
        return found

    def sample(self, versioned: bool) -> dict:
        g, service = self.g, self.service
        operation = service.operations[g["event"]]
        name = g["event"]
        if versioned:
            uri = re.match(r"/(20\d\d)-(\d\d)-(\d\d)/", operation["http"]["requestUri"])
            name += "".join(uri.groups()) if service.name.startswith("lambda") else service.meta["apiVersion"].replace("-", "_")
        answer = service.output(g["event"])
        if service.kind == "query" and len(answer["members"]) == 1:
            answer = service.shape(*answer["members"].values())
        record = {
            "eventVersion": "1.11", "userIdentity": WHO, "eventTime": "2026-11-24T10:15:30Z", "eventSource": g["source"],
            "eventName": name, "awsRegion": REGION, "sourceIPAddress": "203.0.113.10", "userAgent": "aws-cli/2.31.0",
            "requestParameters": self.members(service.input(g["event"]), "requestParameters", True, 0),
            "responseElements": self.members(answer, "responseElements", False, 0),
            "requestID": drawn(f"request {g['source']} {g['event']}"), "eventID": drawn(f"{g['source']} {g['event']}"),
            "readOnly": False, "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }
        self.place(record)
        return {"origin": "synthetic", "source": g["link"], "record": record}
