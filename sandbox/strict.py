"""The web application that refuses what AWS would refuse, between the recorder and the emulator.

A call is understood once, held against AWS's API model (constraints.py) and against what services enforce beyond it
(rules.py), and goes on unchanged, or is answered here and never reaches the emulator. The recorder, which is in front,
sees the answer as it sees every other.

It must not change a call that passes, and no mistake of its own may reach the caller: it is logged, and the call passes.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import request_scope

import constraints
import refusals
import rules
from consistency import Consistency
from recorder import identity, models, request
from rule_checks import Subject
from rule_world import Emulator

log = logging.getLogger("sandbox.strict")

# Where a call's input, understood, is handed to those behind and in front: the emulator's own keys have no dot.
CALL = "sandbox.call"


class Strict:
    def __init__(self, app, account: str, consistency: Consistency) -> None:
        self._app = app
        self._account = account
        self._consistency = consistency

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(("/_ministack", "/_sandbox")):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        text = scope.get("query_string", b"").decode("latin-1")
        signature = request.signature(headers, parse_qs(text) if "X-Amz-Credential" in text else {})
        if signature is None or _is_object(signature.scope, scope["path"], headers):
            await self._app(scope, receive, send)
            return
        body, messages = await _whole(receive)
        refusal = None
        try:
            call = await _understood(scope, headers, text, signature, body)
            if call is not None:
                scope[CALL] = call
                refusal = self._judged(call, signature)
        except Exception:
            log.exception("strict failed at %s %s", scope["method"], scope["path"])
        if refusal is None:
            await self._app(scope, _replayed(messages, receive), send)
            return
        status, answered, content = refusals.answer(scope[CALL], refusal)
        await send({"type": "http.response.start", "status": status, "headers": [
            (name.encode(), value.encode()) for name, value in (*answered.items(), ("content-length", str(len(content))))]})
        await send({"type": "http.response.body", "body": content if scope["method"] != "HEAD" else b""})

    def _judged(self, call: request.Call, signature: request.Signature) -> refusals.Refusal | None:
        """What AWS says to this call instead of carrying it out."""
        name = call.operation.name
        found = constraints.violations(call.service, name, call.operation.input_shape, call.input)
        if found:
            return refusals.of_violations(call, found)
        caller = identity.resolve(signature.access_key, self._account)
        if caller is None:
            return None  # who nobody knows is told so first
        account = caller.get("accountId") or self._account
        late = self._consistency.unseen(call.service, name, call.input, account, signature.region)
        if late:
            return refusals.Refusal(*late)
        with request_scope(account, signature.region):
            subject = Subject(f"{call.service}:{name}", call.input, Emulator(), account, signature.region)
            for rule, code, message in rules.broken(subject):
                return refusals.Refusal(code, message, rule.status)
        return None


async def _understood(scope, headers: dict[str, str], text: str, signature: request.Signature,
                      body: bytes) -> request.Call | None:
    raw = scope.get("raw_path") or scope["path"].encode()
    if headers.get("content-encoding", "") == "gzip":
        body = gzip.decompress(body)
    arguments = (scope["method"], raw.decode("latin-1").split("?")[0], parse_qs(text, keep_blank_values=True), headers,
                 body, signature.scope)
    if all(models.is_loaded(name) for name in models.candidates(signature.scope)):
        return request.parse(*arguments)
    # A model is read for a second: others are served meanwhile.
    return await asyncio.to_thread(request.parse, *arguments)


def _is_object(scope_name: str, path: str, headers: dict[str, str]) -> bool:
    """Content of S3, which may be large: it is not read here."""
    if scope_name != "s3":
        return False
    parts = path.strip("/").split("/", 1)
    return (len(parts) == 2 and bool(parts[1]) and parts[0] != "v20180820") \
        or "aws-chunked" in headers.get("content-encoding", "")


async def _whole(receive) -> tuple[bytes, list[dict[str, Any]]]:
    """The body, and the messages that brought it."""
    messages = []
    while True:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(one.get("body", b"") for one in messages), messages


def _replayed(messages: list[dict[str, Any]], receive):
    waiting = list(reversed(messages))

    async def replayed():
        return waiting.pop() if waiting else await receive()

    return replayed
