"""Where records go: the event bus of their region, the bucket of each trail that logs, and `records.jsonl`.

Everything is written in-process, so that a delivery is not itself a recorded call. It must not change a
record, and it works off the request's path: one thread, in the order in which the calls were answered.
"""

from __future__ import annotations

import contextvars
import datetime
import gzip
import json
import logging
import os
import random
import string
import time
import uuid
from typing import Any, Callable

from . import tagevents

log = logging.getLogger("sandbox.deliver")

FLUSH_SECONDS = 5.0


def _as(account: str, region: str, action: Callable[[], Any]) -> Any:
    """Run with the emulator's idea of "the current account and region" set to these."""
    from ministack.core import responses

    def inside() -> Any:
        responses._request_account_id.set(account)
        responses._request_region.set(region)
        return action()

    return contextvars.copy_context().run(inside)


class Delivery:
    def __init__(self, state: str) -> None:
        self._lines = open(os.path.join(state, "records.jsonl"), "a", encoding="utf-8")
        self._waiting: dict[tuple[str, str, str, str], list[dict]] = {}
        self._flushed = time.monotonic()
        self._tag_events = tagevents.TagEvents()
        self.events = 0
        self.files = 0

    def deliver(self, record: dict[str, Any]) -> None:
        self._lines.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._lines.flush()
        if not record["readOnly"]:
            # AWS sends read-only management events to a bus only when a rule asks for them.
            self._to_bus(record)
            self._tag_changes(record)
        self._to_history(record)
        self._to_trails(record)

    def _to_bus(self, record: dict[str, Any]) -> None:
        from ministack.services import eventbridge

        account, region = record["recipientAccountId"], record["awsRegion"]
        event = {
            "EventId": str(uuid.uuid4()), "Source": "aws." + record["eventSource"].split(".")[0],
            "DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps(record), "EventBusName": "default",
            "Time": int(_epoch(record["eventTime"])), "Resources": [], "Account": account, "Region": region}

        def dispatch() -> None:
            view = eventbridge._pattern_event_view(event)
            eventbridge._dispatch_event(event, view)
            eventbridge._archive_event(event, view)

        _as(account, region, dispatch)
        self.events += 1

    def _tag_changes(self, record: dict[str, Any]) -> None:
        from ministack.services import eventbridge

        account, region = record["recipientAccountId"], record["awsRegion"]

        def dispatch() -> None:
            for told in self._tag_events.after(account, region):
                event = {"EventId": str(uuid.uuid4()), "Source": "aws.tag", "DetailType": "Tag Change on Resource",
                         "EventBusName": "default", "Time": int(_epoch(record["eventTime"])), "Account": account,
                         "Region": region, **told}
                eventbridge._dispatch_event(event, eventbridge._pattern_event_view(event))

        _as(account, region, dispatch)

    def _to_history(self, record: dict[str, Any]) -> None:
        """LookupEvents answers with these, as CloudTrail's event history does."""
        from ministack.services import cloudtrail

        def keep() -> None:
            cloudtrail._get_event_queue().append(history_entry(record))

        _as(record["recipientAccountId"], record["awsRegion"], keep)

    def _to_trails(self, record: dict[str, Any]) -> None:
        from ministack.services import cloudtrail

        for (account, home, name), trail in list(cloudtrail._trails.all_items()):
            if account != record["recipientAccountId"] or not trail.get("IsLogging"):
                continue
            if home != record["awsRegion"] and not trail.get("IsMultiRegionTrail"):
                continue
            if record["readOnly"] and _writes_only(cloudtrail._event_selectors.get_scoped(account, home, name)):
                continue
            key = (account, record["awsRegion"], trail.get("S3BucketName", ""), trail.get("S3KeyPrefix") or "")
            self._waiting.setdefault(key, []).append(record)

    def tick(self) -> None:
        if time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        self._flushed = time.monotonic()
        waiting, self._waiting = self._waiting, {}
        for (account, region, bucket, prefix), records in waiting.items():
            try:
                _as(account, region, lambda: self._write(account, region, bucket, prefix, records))
            except Exception:
                log.exception("no log file could be written to bucket %s", bucket)

    def _write(self, account: str, region: str, bucket: str, prefix: str, records: list[dict]) -> None:
        from ministack.services import s3

        now = datetime.datetime.now(datetime.timezone.utc)
        unique = "".join(random.choices(string.ascii_letters + string.digits, k=16))
        key = (f"{prefix + '/' if prefix else ''}AWSLogs/{account}/CloudTrail/{region}/{now:%Y/%m/%d}/"
               f"{account}_CloudTrail_{region}_{now:%Y%m%dT%H%MZ}_{unique}.json.gz")
        body = gzip.compress(json.dumps({"Records": records}, separators=(",", ":")).encode())
        answer = s3._put_object(bucket, key, body, {"content-type": "application/json", "content-encoding": "gzip"})
        if answer[0] >= 300:
            log.warning("no log file: bucket %s answered %s", bucket, answer[0])
        else:
            self.files += 1

    def close(self) -> None:
        self.flush()
        self._lines.close()


def _writes_only(selectors: Any) -> bool:
    return bool(selectors) and all(selector.get("ReadWriteType") == "WriteOnly" for selector in selectors)


def _epoch(text: str) -> float:
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def _names(record: dict[str, Any]) -> list[dict[str, str]]:
    """What the event history knows a record by, beside what it lists itself: its buckets, and the session that it took.

    CloudFormation's stacks are not among the types for which AWS says so:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events-supported-resource-types.html
    """
    request, answer = record.get("requestParameters") or {}, record.get("responseElements") or {}
    arn = str(request.get("resourceArn", ""))
    found = [("AWS::S3::Bucket", name) for name in
             {request.get("bucketName"), arn.rsplit(":", 1)[-1] if arn.startswith("arn:aws:s3:::") else None}]
    if record["eventName"].startswith("AssumeRole"):
        session = answer.get("assumedRoleUser") or {}
        found += [("AWS::IAM::AccessKey", (answer.get("credentials") or {}).get("accessKeyId")),
                  *(("AWS::STS::AssumedRole", name) for name in
                    (session.get("arn"), session.get("assumedRoleId"), request.get("roleSessionName")))]
    return [{"ResourceType": kind, "ResourceName": name} for kind, name in found if name]


def history_entry(record: dict[str, Any]) -> dict[str, Any]:
    """The record as LookupEvents wraps it."""
    identity = record["userIdentity"]
    name = identity.get("userName") or str(identity.get("arn", "")).rsplit("/", 1)[-1]
    if identity.get("type") == "Root":
        name = "root"
    return {
        "EventId": record["eventID"], "EventName": record["eventName"],
        "ReadOnly": "true" if record["readOnly"] else "false", "AccessKeyId": identity.get("accessKeyId", ""),
        "EventTime": int(_epoch(record["eventTime"])), "EventSource": record["eventSource"], "Username": name,
        "Resources": [{"ResourceType": item["type"], "ResourceName": item["ARN"]}
                      for item in record.get("resources", [])] + _names(record),
        "CloudTrailEvent": json.dumps(record)}
