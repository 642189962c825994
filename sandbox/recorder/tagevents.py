"""`Tag Change on Resource`, which AWS's tagging sends to EventBridge and the emulator does not.

Where a rule asks for them, all tags that the emulator's tagging API knows are compared with those before each call that
writes; each resource whose tags differ becomes an event, in the form of
https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-monitor.html. It must not be asked where nobody listens, since
it looks at every resource.
"""

from __future__ import annotations

import json
from typing import Any

Tags = dict[str, dict[str, str]]


def _listens() -> bool:
    """Whether a rule of the account and region of the moment asks for such events."""
    from ministack.services import eventbridge

    return any("aws.tag" in str(rule.get("EventPattern", "")) for rule in eventbridge._rules.values())


def _tags() -> Tags:
    from ministack.services import tagging

    found: Tags = {}
    for collect in set(tagging._COLLECTORS.values()):
        for arn, tags in collect():
            found[arn] = {tag["Key"]: tag["Value"] for tag in tags} if isinstance(tags, list) else dict(tags)
    return found


def _is_there(arn: str) -> bool:
    """The tagging API names no bucket without tags, so that one is asked for by itself."""
    from ministack.services import s3

    return arn.startswith("arn:aws:s3:::") and arn.rsplit(":", 1)[-1] in s3._buckets


class TagEvents:
    """Must be asked inside of an account and region."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Tags] = {}

    def after(self, account: str, region: str) -> list[dict[str, Any]]:
        """Details of the events since it was asked last, with their resources. The first time there are none."""
        if not _listens():
            self._known.pop((account, region), None)
            return []
        now = _tags()
        before = self._known.get((account, region), now)
        self._known[account, region] = now
        events = []
        # A resource that is gone is none whose tags changed; AWS does not say what it does there.
        for arn in [*now, *(arn for arn in before if arn not in now and _is_there(arn))]:
            was, tags = before.get(arn, {}), now.get(arn, {})
            changed = sorted(key for key in was.keys() | tags.keys() if was.get(key) != tags.get(key))
            if changed:
                _, _, service, _, _, rest = arn.split(":", 5)
                events.append({"Resources": [arn], "Detail": json.dumps({
                    "changed-tag-keys": changed, "tags": tags, "service": service, "version": 1,
                    "resource-type": rest.split("/")[0] if "/" in rest else ""})})
        return events
