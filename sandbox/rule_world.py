"""What is there: rules ask the emulator's services, or, where there is only a template, its other resources.

The emulator's stores are read in the account and region that the caller of a rule has set; nothing is changed, except
that deletions of queues are noted from `note_deletions` on.
"""

from __future__ import annotations

import time
from typing import Any

# (account, region, queue's name): when it was deleted, on the monotonic clock.
_deleted: dict[tuple[str, str, str], float] = {}

_EC2_STORES = {
    "i": "_instances", "vol": "_volumes", "snap": "_snapshots", "ami": "_images", "vpc": "_vpcs", "subnet": "_subnets",
    "sg": "_security_groups", "eni": "_network_interfaces", "igw": "_internet_gateways", "rtb": "_route_tables",
    "nat": "_nat_gateways", "eipalloc": "_addresses", "lt": "_launch_templates", "acl": "_network_acls",
    "vpce": "_vpc_endpoints", "pcx": "_vpc_peering", "dopt": "_dhcp_options", "eigw": "_egress_igws", "pl": "_prefix_lists",
    "vgw": "_vpn_gateways", "cgw": "_customer_gateways", "vpn": "_vpn_connections", "fl": "_flow_logs", "fleet": "_fleets"}


class Emulator:
    """What the emulator has, in the account and region of the request."""

    def queue(self, reference: Any) -> dict[str, Any] | None:
        from ministack.services import sqs

        if not isinstance(reference, str) or ("/" not in reference and ":sqs:" not in reference):
            return None
        url = sqs._queue_name_to_url.get(reference.replace(":", "/").rpartition("/")[2])
        found = sqs._queues.get(url) if url else None
        return found["attributes"] if found else None

    def timeout(self, function: Any) -> int | None:
        from ministack.services import lambda_svc

        if not isinstance(function, str):
            return None
        parts = function.split(":")
        name = parts[6] if function.startswith("arn:") and len(parts) > 6 else parts[-1] if len(parts) > 2 else parts[0]
        found = lambda_svc._functions.get(name)
        return int(found["config"].get("Timeout", 3)) if found else None

    def trust(self, role: Any) -> dict | None:
        from ministack.services import iam
        from rule_checks import document

        found = iam._roles.get(role.rpartition("/")[2]) if isinstance(role, str) else None
        return document(found.get("AssumeRolePolicyDocument")) if found else None

    def is_missing(self, kind: str, name: Any) -> bool:
        from ministack.services import ec2, iam, s3

        if kind == "role":
            return name not in iam._roles
        if kind == "user":
            return name not in iam._users
        if kind == "bucket":
            return s3._bucket_owner_account(name) is None
        if kind == "queue":
            return isinstance(name, str) and self._is_here(name) and self.queue(name) is None
        store = getattr(ec2, _EC2_STORES.get(kind, ""), None)
        return store is not None and name not in store and name not in ec2._tags

    def _is_here(self, arn: str) -> bool:
        from ministack.core.responses import get_account_id, get_region

        return arn.split(":")[3:5] == [get_region(), get_account_id()]

    def deleted_ago(self, queue: Any) -> float | None:
        from ministack.core.responses import get_account_id, get_region

        at = _deleted.get((get_account_id(), get_region(), queue)) if isinstance(queue, str) else None
        return None if at is None else time.monotonic() - at

    def inline_policies(self, role: Any) -> dict[str, Any]:
        from ministack.services import iam

        found = iam._roles.get(role) if isinstance(role, str) else None
        return dict(found.get("InlinePolicies") or {}) if found else {}

    def targets(self, rule: Any, bus: Any) -> set[str]:
        from ministack.services import eventbridge

        key = eventbridge._rule_key(rule, bus or "default")
        return {target.get("Id") for target in eventbridge._targets.get(key) or []}

    def tags(self, resource: Any) -> dict[str, str]:
        from ministack.services import ec2, s3, sqs

        if not isinstance(resource, str):
            return {}
        if resource in s3._buckets:
            return dict(s3._bucket_tags.get(resource) or {})
        if resource.startswith("http"):
            name = resource.rpartition("/")[2]
            found = sqs._queues.get(sqs._queue_name_to_url.get(name) or "") or {}
            return dict(found.get("tags") or {})
        return {tag["Key"]: tag.get("Value", "") for tag in ec2._tags.get(resource) or []}

    def bucket_owner(self, name: Any) -> str | None:
        from ministack.services import s3

        return s3._bucket_owner_account(name) if isinstance(name, str) else None

    def reserved_concurrency(self, but: Any) -> int:
        from ministack.services import lambda_svc

        return sum(int(found.get("concurrency") or 0) for name, found in list(lambda_svc._functions.items()) if name != but)


def note_deletions() -> None:
    """From now on the time is noted at which a queue goes, by whichever way."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import sqs

    store = sqs._queue_name_to_url
    kind = type(store)

    class Noting(kind):
        __slots__ = ()

        def pop(self, name, *default):
            if name in self:
                _deleted[get_account_id(), get_region(), name] = time.monotonic()
            return kind.pop(self, name, *default)

        def pop_scoped(self, account, region, name, *default):
            _deleted[account, region, name] = time.monotonic()
            return kind.pop_scoped(self, account, region, name, *default)

    store.__class__ = Noting  # other modules hold the same object


class Template:
    """The other resources of a template, by their logical names; nothing else is known."""

    def __init__(self, resources: dict[str, dict]) -> None:
        self._resources = resources

    def _named(self, reference: Any, kind: str) -> dict[str, Any] | None:
        if not isinstance(reference, dict):
            return None
        of = reference.get("Fn::GetAtt") or reference.get("Ref")
        logical = of[0] if isinstance(of, list) else str(of).split(".")[0]
        found = self._resources.get(logical) or {}
        return found.get("Properties") or {} if found.get("Type") == kind else None

    def queue(self, reference: Any) -> dict[str, Any] | None:
        return self._named(reference, "AWS::SQS::Queue")

    def timeout(self, function: Any) -> int | None:
        found = self._named(function, "AWS::Lambda::Function")
        return None if found is None or isinstance(found.get("Timeout"), dict) else int(found.get("Timeout", 3))

    def trust(self, role: Any) -> dict | None:
        return (self._named(role, "AWS::IAM::Role") or {}).get("AssumeRolePolicyDocument")

    def is_missing(self, kind: str, name: Any) -> bool:
        return False

    def deleted_ago(self, queue: Any) -> float | None:
        return None

    def inline_policies(self, role: Any) -> dict[str, Any]:
        return {}

    def targets(self, rule: Any, bus: Any) -> set[str]:
        return set()

    def tags(self, resource: Any) -> dict[str, str]:
        return {}

    def bucket_owner(self, name: Any) -> str | None:
        return None

    def reserved_concurrency(self, but: Any) -> int:
        return 0
