"""From an HTTP answer to the output dict, or to the error's code and message.

It must not change names: the members are those of botocore's model.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import botocore.parsers
from botocore.awsrequest import HeadersDict

from .request import Call


@dataclasses.dataclass
class Answer:
    output: dict[str, Any]
    error_code: str | None = None
    error_message: str | None = None
    request_id: str | None = None


@functools.cache
def _parser(protocol: str) -> botocore.parsers.ResponseParser:
    return botocore.parsers.create_parser(protocol)


def parse(call: Call, status: int, headers: dict[str, str], body: bytes) -> Answer:
    shape = call.operation.output_shape
    if status < 300 and shape is not None and call.operation.has_streaming_output:
        return Answer({}, request_id=_request_id(headers))  # the data itself is never in a record
    document = {"status_code": status, "headers": HeadersDict(headers), "body": body}
    try:
        parsed = _parser(call.protocol).parse(document, shape)
    except botocore.parsers.ResponseParserError:
        if status < 300:
            raise
        return Answer({}, str(status), body[:300].decode("utf-8", errors="replace"), _request_id(headers))
    metadata = parsed.pop("ResponseMetadata", {})
    request_id = _request_id(headers) or metadata.get("RequestId")
    if status >= 300:
        error = parsed.get("Error", {})
        return Answer({}, str(error.get("Code") or status), error.get("Message") or "", request_id)
    return Answer(parsed, request_id=request_id)


def _request_id(headers: dict[str, str]) -> str | None:
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
