"""botocore's service models, found by signing name and loaded once each, on first use.

It must not hold a list of services: everything is read from the installed botocore.
"""

from __future__ import annotations

import functools
import glob
import gzip
import json
import os

import botocore
import botocore.loaders
from botocore.model import OperationModel, ServiceModel

_DATA = os.path.join(os.path.dirname(botocore.__file__), "data")
_loader = botocore.loaders.Loader(extra_search_paths=[_DATA], include_default_search_paths=False)


@functools.cache
def metadata() -> dict[str, dict]:
    """The metadata of every service's newest model; only the beginning of each file is read, so this is quick."""
    decoder = json.JSONDecoder()
    found: dict[str, dict] = {}
    for path in sorted(glob.glob(os.path.join(_DATA, "*", "*", "service-2.json.gz"))):
        with gzip.open(path) as file:
            head = file.read(8192).decode("utf-8", errors="ignore")
        start = head.find('"metadata":')
        if start >= 0:
            try:
                found[path.split(os.sep)[-3]] = decoder.raw_decode(head[start + 11:].lstrip())[0]
            except ValueError:
                continue
    return found


def signing_name(service: str) -> str:
    entry = metadata()[service]
    return entry.get("signingName") or entry["endpointPrefix"]


@functools.cache
def _by_signing_name() -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for service in metadata():
        index.setdefault(signing_name(service).lower(), []).append(service)
    for name, services in index.items():
        # The service that bears the name comes first: rds before docdb and neptune, s3 before s3control.
        services.sort(key=lambda service: (service != name, service))
    return index


def candidates(scope: str) -> list[str]:
    """The services that sign their requests with this name, the likeliest first."""
    return _by_signing_name().get(scope.lower(), [])


_loaded: set[str] = set()


@functools.cache
def service(name: str) -> ServiceModel:
    model = ServiceModel(_loader.load_service_model(name, "service-2"), service_name=name)
    _loaded.add(name)
    return model


def is_loaded(name: str) -> bool:
    """Whether asking for this model takes no time."""
    return name in _loaded


@functools.lru_cache(maxsize=4096)
def operation(name: str, operation_name: str) -> OperationModel:
    return service(name).operation_model(operation_name)


@functools.cache
def operation_names(name: str) -> frozenset[str]:
    return frozenset(service(name).operation_names)


@functools.cache
def old_ec2_operations() -> frozenset[str]:
    """EC2's operations of March 2015: CloudTrail has its own form for these, and the wire's for newer ones."""
    model = _loader.load_service_model("ec2", "service-2", api_version="2015-03-01")
    return frozenset(model["operations"])
