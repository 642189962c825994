"""A call of the AWS SDK as the CloudTrail record that it leaves, by the sandbox's recorder.

The recorder in front of the sandbox sees calls on the wire; here two of botocore's hooks see the same bytes on the
caller's side, so that one recorder serves every emulator. It must not look at what the SDK made of the answer.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from recorder import record, request

ACCOUNT = "111122223333"
USER = "alice"
IDENTITY = {"type": "IAMUser", "principalId": "AIDACKCEVSQ6C2EXAMPLE", "arn": f"arn:aws:iam::{ACCOUNT}:user/{USER}",
            "accountId": ACCOUNT, "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": USER}


class Recording:
    """The last call of a client, as it was on the wire."""

    def __init__(self, client: Any) -> None:
        self._sent: Any = None
        self._answer: dict[str, Any] = {}
        client.meta.events.register_last("before-send", self._sending)
        client.meta.events.register_first("before-parse", self._answered)

    def _sending(self, request: Any, **_: Any) -> None:
        self._sent = request

    def _answered(self, response_dict: dict[str, Any], **_: Any) -> None:
        self._answer = response_dict

    def record(self) -> dict[str, Any] | None:
        """The record of that call; None for what CloudTrail does not record."""
        parts = urlsplit(self._sent.url)
        headers = {name.lower(): _text(value) for name, value in self._sent.headers.items()}
        headers.setdefault("host", parts.netloc)
        signature = request.signature(headers, {})
        if signature is None:
            raise record.Unexplained("the call was not signed")
        body = self._answer["body"]
        return record.build(record.Exchange(
            time=time.time(), method=self._sent.method, path=parts.path, query=parts.query, headers=headers,
            body=_bytes(self._sent.body), client="203.0.113.12", signature=signature, identity=dict(IDENTITY),
            account=ACCOUNT, status=self._answer["status_code"],
            response_headers={name.lower(): value for name, value in self._answer["headers"].items()},
            response_body=body if isinstance(body, bytes) else b""))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)
