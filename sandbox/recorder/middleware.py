"""The ASGI application around the emulator: passes every call through, and hands a copy to the recorder's thread.

It must never change a call or an answer, and no mistake of the recorder may reach the caller: everything that
can fail runs in the thread, is logged with the call's name, and is counted. `GET /_sandbox/recorder` tells the
counts: `pending` is 0 when every call that was begun has been answered, recorded and delivered.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import queue
import random
import threading
import time
from typing import Any, Callable
from urllib.parse import parse_qs

from . import dataevents, identity, models, record, request
from .deliver import Delivery

log = logging.getLogger("sandbox.recorder")

LARGEST_BODY = 64 * 1024 * 1024
_DATA_TARGETS = frozenset().union(*(
    dataevents.DATA_OPERATIONS[service] for service in ("sqs", "dynamodb", "kinesis", "firehose", "events")))
_DATA_SCOPES = frozenset({"sqs", "dynamodb", "kinesis", "firehose", "events"})


# Makes the record of a call that did not come over the wire, and says in words which it is.
Told = tuple[Callable[[], dict[str, Any] | None], str]


class Recorder:
    """`delay` is how many seconds a record may be late; each waits for a part of it, so that they come in any order."""

    def __init__(self, app, state: str, account: str, region: str, delay: float = 0.0) -> None:
        self._app = app
        self._account, self._region = account, region
        self._delay = delay
        self._queue: queue.Queue[record.Exchange | Told | None] = queue.Queue()
        # What waits for its time: (when, number, record, what it is for the log).
        self._late: list[tuple[float, int, dict[str, Any], str]] = []
        self._numbers = itertools.count()
        self._delivery = Delivery(state)
        self._started = 0
        self.counts = {"records": 0, "data_events": 0, "unexplained": 0, "errors": 0}
        self._done = 0
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path == "/_sandbox/recorder":
            await self._status(send)
            return
        exchange = None if path.startswith("/_ministack") else self._begin(scope)
        if exchange is None:
            await self._app(scope, receive, send)
            return
        await self._observed(exchange, scope, receive, send)

    def _begin(self, scope) -> record.Exchange | None:
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            text = scope.get("query_string", b"").decode("latin-1")
            signature = request.signature(headers, parse_qs(text) if "X-Amz-Credential" in text else {})
            if signature is None and _may_be_unsigned(scope["method"], scope["path"], headers):
                # Who it is stands in the token, so it is read when the call is understood.
                signature, caller = request.Signature("", self._region, "sts"), identity.UNSIGNED
            elif signature is None or _is_obviously_data(signature.scope, scope, headers):
                return None
            else:
                caller = identity.resolve(signature.access_key, self._account)
            if caller is None:
                return None
            raw = scope.get("raw_path") or scope["path"].encode()
            return record.Exchange(
                time=time.time(), method=scope["method"], path=raw.decode("latin-1").split("?")[0], query=text,
                headers=headers, body=b"", client=(scope.get("client") or ("127.0.0.1",))[0], signature=signature,
                identity=caller, account=caller.get("accountId") or self._account, status=0, response_headers={},
                response_body=b"")
        except Exception:
            self._failed(f"{scope.get('method')} {scope.get('path')}")
            return None

    async def _observed(self, exchange: record.Exchange, scope, receive, send) -> None:
        sent: list[bytes] = []
        answered: list[bytes] = []
        size = 0

        async def observed_receive():
            nonlocal size
            message = await receive()
            if message["type"] == "http.request":
                body = message.get("body", b"")
                size += len(body)
                if size <= LARGEST_BODY:
                    sent.append(body)
            return message

        async def observed_send(message):
            nonlocal size
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.response_headers = {name.decode("latin-1").lower(): value.decode("latin-1")
                                             for name, value in message.get("headers", [])}
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
                if size <= LARGEST_BODY:
                    answered.append(message.get("body", b""))
            await send(message)

        self._started += 1
        token = identity.caller.set(exchange.identity)
        try:
            await self._app(scope, observed_receive, observed_send)
        finally:
            identity.caller.reset(token)
            exchange.body, exchange.response_body = b"".join(sent), b"".join(answered)
            exchange.call = scope.get("sandbox.call")
            self._queue.put(exchange)

    def tell(self, make: Callable[[], dict[str, Any] | None], what: str) -> None:
        """Record what a service called by itself; `make` runs in the recorder's thread."""
        self._started += 1
        self._queue.put((make, what))

    def _work(self) -> None:
        try:
            models.metadata()  # so that the first call does not wait for it
        except Exception:
            self._failed("loading the service models")
        while True:
            try:
                item = self._queue.get(timeout=self._until_next())
            except queue.Empty:
                item = False
            if item is None:
                self._deliver_due(float("inf"))
                self._guarded(self._delivery.close, "writing the last log files")
                return
            if item:
                self._record(item)
            self._deliver_due(time.monotonic())
            self._guarded(self._delivery.tick, "writing log files")

    def _until_next(self) -> float:
        return min(1.0, max(0.0, self._late[0][0] - time.monotonic())) if self._late else 1.0

    def _record(self, item: record.Exchange | Told) -> None:
        """Make the record now, while the emulator still knows the resource, and deliver it when its time has come."""
        made, what = self._build(item)
        if made is None:
            self._done += 1
            return
        other = record.counterpart(made)
        self._started += 1 if other else 0
        for each in filter(None, (made, other)):
            due = time.monotonic() + (random.uniform(0, self._delay) if self._delay else 0.0)
            heapq.heappush(self._late, (due, next(self._numbers), each, what))

    def _build(self, item: record.Exchange | Told) -> tuple[dict[str, Any] | None, str]:
        exchange = item if isinstance(item, record.Exchange) else None
        if exchange is not None and not exchange.status:
            return None, ""  # the client went away before there was an answer
        what = _describe(exchange) if exchange is not None else item[1]
        try:
            made = record.build(exchange) if exchange is not None else item[0]()
        except record.Unexplained as reason:
            self.counts["unexplained"] += 1
            log.info("no record: no model explains %s", reason)
            return None, what
        except Exception:
            self._failed(what)
            return None, what
        if made is None and exchange is not None:
            self.counts["data_events"] += 1
        return made, what

    def _deliver_due(self, until: float) -> None:
        while self._late and self._late[0][0] <= until:
            _, _, made, what = heapq.heappop(self._late)
            try:
                self._delivery.deliver(made)
                self.counts["records"] += 1
            except Exception:
                self._failed(what)
            self._done += 1

    def _guarded(self, action, what: str) -> None:
        try:
            action()
        except Exception:
            self._failed(what)

    def _failed(self, what: str) -> None:
        self.counts["errors"] += 1
        log.exception("recorder failed at %s", what)

    async def _status(self, send) -> None:
        counts: dict[str, Any] = {**self.counts, "events": self._delivery.events, "files": self._delivery.files,
                                  "pending": self._started - self._done}
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(counts).encode()})

    def close(self) -> None:
        """Record what has been answered, write the last log files."""
        self._queue.put(None)
        self._thread.join(timeout=6)


def _describe(exchange: record.Exchange) -> str:
    target = exchange.headers.get("x-amz-target", "")
    return f"{exchange.signature.scope} {exchange.method} {exchange.path} {target} ({exchange.status})"


def _may_be_unsigned(method: str, path: str, headers: dict[str, str]) -> bool:
    """Whether it has the form of the calls of STS that are made with a token in place of a signature."""
    return method == "POST" and path == "/" and "x-www-form-urlencoded" in headers.get("content-type", "")


def _is_obviously_data(scope_name: str, scope, headers: dict[str, str]) -> bool:
    """Spares the copying of large or frequent data; what is not obvious is decided by the record."""
    if scope_name == "s3":
        parts = scope["path"].strip("/").split("/", 1)
        return len(parts) == 2 and bool(parts[1]) and parts[0] != "v20180820"
    if scope_name in _DATA_SCOPES:
        return headers.get("x-amz-target", "").rpartition(".")[2] in _DATA_TARGETS
    return False
