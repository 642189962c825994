"""Which of the role's describing calls show more than whether a resource is there: `../protection/shown.txt`.

By botocore's models: the answer has a member that AWS marks as sensitive, or one whose name says that text, settings or secrets of
the resource's owner stand in it. The function keeps nothing of it; whoever has its credentials, from inside its functions, can read it.

    python catalog/tools/shown.py            # write the list
    python catalog/tools/shown.py --check    # is it what the policy and the models give?
"""
from __future__ import annotations

import json
import pathlib
import re
import sys
from collections import defaultdict
from typing import Any

import botocore.session

ROOT = pathlib.Path(__file__).resolve().parents[2]
POLICY = ROOT / "templates" / "policy.json"
TARGET = ROOT / "catalog" / "protection" / "shown.txt"
# IAM's names of services that botocore has under another one.
BOTOCORE = {"states": "stepfunctions", "sms-voice": "pinpoint-sms-voice-v2", "chime": "chime-sdk-media-pipelines", "iam": "iam", "tag": "resourcegroupstaggingapi"}
# Actions that are not called as they are named.
CALLS = {"s3:ListAllMyBuckets": "ListBuckets"}
# HTTP's verbs on /tags, the history (which is what the product is about), and what is written.
NOT_DESCRIBING = re.compile(r"^(apigateway:|cloudtrail:LookupEvents$|logs:(CreateLogStream|PutLogEvents)$)")
TELLING = re.compile(
    r"^(environment(variables)?|outputs?|parameters|defaultarguments|hyperparameters|definition|.*definitiondocument|pipelinedefinition|"
    r".*password|.*secret|userdata|policydocument|assumerolepolicydocument|connectionproperties|.*configurationoptions|code|content)$", re.I)
# Structures of these names say how something went, or where something is, and hold no text of the owner.
PLAIN = re.compile(r"(reason|error|issues|details|state|status|health|record|summary)[^.]*\.code$", re.I)


def members(shape: Any, path: str = "", seen: frozenset[str] = frozenset()) -> list[tuple[str, Any]]:
    """Each member below a shape with its path; a shape within itself is gone through once."""
    if shape.name in seen:
        return []
    seen |= {shape.name}
    if shape.type_name == "structure":
        found = []
        for name, member in shape.members.items():
            below = f"{path}.{name}" if path else name
            found += [(below, member), *members(member, below, seen)]
        return found
    if shape.type_name in ("list", "map"):
        inner = shape.member if shape.type_name == "list" else shape.value
        below = path + ("[]" if shape.type_name == "list" else "{}")
        return [(below, inner), *members(inner, below, seen)]
    return []


def telling(path: str, shape: Any) -> bool:
    last = re.split(r"[.]", path)[-1].rstrip("[]{}")
    if last.lower() in ("tags", "nexttoken"):
        return False
    if shape.metadata.get("sensitive"):
        return True
    # A structure is told of by what is in it.
    return shape.type_name != "structure" and bool(TELLING.match(last)) and not PLAIN.search(path)


def shown(actions: list[str], session: Any) -> dict[str, list[str]]:
    services = defaultdict(list)
    for name in session.get_available_services():
        model = session.get_service_model(name)
        for known in {name, model.signing_name, model.endpoint_prefix}:
            services[known].append(model)
    found: dict[str, list[str]] = {}
    for action in actions:
        service, call = action.split(":")
        call = CALLS.get(action, call)
        models = services.get(BOTOCORE.get(service, ""), []) + services.get(service, [])
        model = next((model for model in models if call in model.operation_names), None)
        if model is None:
            raise SystemExit(f"{action}: botocore knows no such call; give its service's name there in BOTOCORE")
        output = model.operation_model(call).output_shape
        # What is in a map or a list that is told of is not told again.
        paths = [path for path, member in members(output) if not path.endswith(("{}", "{}[]")) and telling(path, member)] if output else []
        if paths:
            found[action] = paths
    return found


def describing() -> list[str]:
    statements = json.loads(POLICY.read_text())["Statement"]
    actions = {action for statement in statements for action in statement["Action"]}
    return sorted(action for action in actions if "Tag" not in action.split(":")[1] and action != "tag:GetResources" and not NOT_DESCRIBING.match(action))


def text(actions: list[str], session: Any) -> str:
    found = shown(actions, session)
    lines = [f"# Made by catalog/tools/shown.py. {len(found)} of {len(actions)} describing calls show settings, text or secrets of a resource's owner."]
    lines += [f"{action}\t{', '.join(paths[:4])}{f', and {len(paths) - 4} more' if len(paths) > 4 else ''}" for action, paths in found.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    made = text(describing(), botocore.session.Session())
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != made:
            raise SystemExit(f"{TARGET.relative_to(ROOT)} is not what policy and models give; run: python catalog/tools/shown.py")
        return
    TARGET.write_text(made)


if __name__ == "__main__":
    main()
