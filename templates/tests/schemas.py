"""Writes sandbox/properties.json: which properties CloudFormation's types must and may have, of the registry's schemas.

They are those that cfn-lint ships (cfnlint/data/schemas), of the types that the sandbox's emulator makes.

    python templates/tests/schemas.py > sandbox/properties.json
"""

from __future__ import annotations

import json
import sys

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

REGION = "us-east-1"


def types() -> list[str]:
    """Those that the emulator makes, and those that the sandbox adds."""
    import os

    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "sandbox"))
    from ministack.services.cloudformation import provisioners

    import patches

    patches.apply()
    return sorted(kind for kind in provisioners._RESOURCE_HANDLERS if kind.startswith("AWS::"))


def made() -> str:
    found = {}
    for kind in types():
        try:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
        except Exception:  # the registry has no such type: it is older than the registry
            continue
        # Properties that only an answer has are not accepted.
        answers = {path.rpartition("/")[2] for path in schema.get("readOnlyProperties", []) if path.count("/") == 2}
        required = sorted(schema.get("required", []))
        if schema.get("additionalProperties", False) is False:
            found[kind] = {"required": required, "may": sorted(set(schema.get("properties", {})) - set(required) - answers)}
    return json.dumps(found, indent=0, separators=(",", ":")).replace('",\n"', '","').replace("[\n", "[").replace("\n]", "]") + "\n"


if __name__ == "__main__":
    sys.stdout.write(made())
