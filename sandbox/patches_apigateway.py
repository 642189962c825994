"""UpdateRestApi as on AWS: media types and endpoint types are members of lists, and an empty minimum size is none.

The emulator answers what no SDK can read (a size of "") and keeps `image~1png`; chalice and Terraform send both.
https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateRestApi-Patch
Nothing here may know about the product.
"""

from __future__ import annotations

from typing import Any


def _plain(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.lstrip("/").split("/")]


def _in_list(items: list[str], operation: str, name: str, value: str) -> list[str]:
    """A list whose members are the last part of the path; `replace` names the old one there."""
    kept = [item for item in items if item != name]
    if operation == "add":
        return [*kept, name]
    return [*kept, value] if operation == "replace" else kept


def _patched(api: dict[str, Any], operation: dict[str, Any]) -> bool:
    """Carry it out where the emulator does not as AWS does; False for all others."""
    what, value = operation.get("op", "replace"), str(operation.get("value") or "")
    path = _plain(operation.get("path", ""))
    if path[0] == "binaryMediaTypes" and len(path) == 2:
        api["binaryMediaTypes"] = _in_list(api.get("binaryMediaTypes") or [], what, path[1], value)
    elif path[:2] == ["endpointConfiguration", "types"] and len(path) == 3:
        configuration = api.setdefault("endpointConfiguration", {})
        configuration["types"] = _in_list(configuration.get("types") or [], what, path[2], value)
    elif path == ["minimumCompressionSize"] and (what == "remove" or not value):
        api.pop("minimumCompressionSize", None)
    elif path == ["minimumCompressionSize"]:
        api["minimumCompressionSize"] = int(value)
    elif path == ["disableExecuteApiEndpoint"]:
        api["disableExecuteApiEndpoint"] = value.lower() == "true"
    else:
        return False
    return True


def apply() -> None:
    from ministack.services import apigateway_v1

    original = apigateway_v1._update_rest_api

    def update(identity: str, data: dict[str, Any]):
        api = apigateway_v1._rest_apis.get(identity)
        if api is None:
            return original(identity, data)
        try:
            rest = [operation for operation in data.get("patchOperations") or [] if not _patched(api, operation)]
        except ValueError:
            return apigateway_v1._v1_error("BadRequestException", "Invalid patch value", 400)
        return original(identity, {**data, "patchOperations": rest})

    apigateway_v1._update_rest_api = update
