"""The ASGI application around the emulator: passes every call through, and hands a copy to the recorder's thread.

It must never change a call or an answer, and no mistake of the recorder may reach the caller: everything that
can fail runs in the thread, is logged with the call's name, and is counted. `GET /_sandbox/recorder` tells the
counts: `pending` is 0 when every call that was begun has been answered, recorded and delivered.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from typing import Any
from urllib.parse import parse_qs

from . import dataevents, identity, models, record, request
from .deliver import Delivery

log = logging.getLogger("sandbox.recorder")

LARGEST_BODY = 64 * 1024 * 1024
_DATA_TARGETS = frozenset().union(*(
    dataevents.DATA_OPERATIONS[service] for service in ("sqs", "dynamodb", "kinesis", "firehose", "events")))
_DATA_SCOPES = frozenset({"sqs", "dynamodb", "kinesis", "firehose", "events"})


class Recorder:
    def __init__(self, app, state: str, account: str, region: str) -> None:
        self._app = app
        self._account = account
        self._queue: queue.Queue[record.Exchange | None] = queue.Queue()
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
            if signature is None or _is_obviously_data(signature.scope, scope, headers):
                return None
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
        try:
            await self._app(scope, observed_receive, observed_send)
        finally:
            exchange.body, exchange.response_body = b"".join(sent), b"".join(answered)
            exchange.call = scope.get("sandbox.call")
            self._queue.put(exchange)

    def _work(self) -> None:
        try:
            models.metadata()  # so that the first call does not wait for it
        except Exception:
            self._failed("loading the service models")
        while True:
            try:
                exchange = self._queue.get(timeout=1.0)
            except queue.Empty:
                self._guarded(self._delivery.tick, "writing log files")
                continue
            if exchange is None:
                self._guarded(self._delivery.close, "writing the last log files")
                return
            self._record(exchange)
            self._done += 1
            self._guarded(self._delivery.tick, "writing log files")

    def _record(self, exchange: record.Exchange) -> None:
        if not exchange.status:
            return  # the client went away before there was an answer
        try:
            made = record.build(exchange)
        except record.Unexplained as reason:
            self.counts["unexplained"] += 1
            log.info("no record: no model explains %s", reason)
            return
        except Exception:
            self._failed(_describe(exchange))
            return
        if made is None:
            self.counts["data_events"] += 1
            return
        try:
            self._delivery.deliver(made)
            self.counts["records"] += 1
        except Exception:
            self._failed(_describe(exchange))

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


def _is_obviously_data(scope_name: str, scope, headers: dict[str, str]) -> bool:
    """Spares the copying of large or frequent data; what is not obvious is decided by the record."""
    if scope_name == "s3":
        parts = scope["path"].strip("/").split("/", 1)
        return len(parts) == 2 and bool(parts[1]) and parts[0] != "v20180820"
    if scope_name in _DATA_SCOPES:
        return headers.get("x-amz-target", "").rpartition(".")[2] in _DATA_TARGETS
    return False
