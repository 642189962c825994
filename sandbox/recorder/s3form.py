"""S3's form in CloudTrail records: headers, sub-resources and the body as they were sent.

`bucketName` and `Host` are always there, a sub-resource is a member with an empty text (`"tagging": ""`),
the body stands under its root's own name, in capitals. Responses of management calls are null.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from . import xmljson
from .request import Call

# Headers that say how the request was signed or sent, not what was asked.
_TRANSPORT = ("x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent", "x-amz-checksum",
              "x-amz-sdk-checksum", "x-amz-trailer", "x-amz-decoded-content-length", "x-amz-te")


def host(bucket: str | None, region: str) -> str:
    """The host name that the same call has on AWS: the client's own one is this computer."""
    server = "s3.amazonaws.com" if region == "us-east-1" else f"s3.{region}.amazonaws.com"
    return f"{bucket}.{server}" if bucket else server


def request(call: Call, headers: dict[str, str], body: bytes, region: str) -> dict[str, Any]:
    bucket = call.uri.get("Bucket")
    result: dict[str, Any] = {}
    if bucket:
        result["bucketName"] = bucket
    result["Host"] = host(bucket, region)
    for key, values in call.query.items():
        if key != "x-id" and not key.startswith("X-Amz-"):
            result[key] = values[-1]
    for name, value in headers.items():
        if name.startswith("x-amz-") and not name.startswith(_TRANSPORT):
            result[name] = value
    if body:
        if call.operation.name == "PutBucketPolicy":
            try:
                result["bucketPolicy"] = json.loads(body)
            except ValueError:
                result["bucketPolicy"] = body.decode("utf-8", errors="replace")
        else:
            try:
                name, value = xmljson.document(body)
                result[name] = value
            except ElementTree.ParseError:
                pass  # S3 refuses such a body; the record then has no body either
    return result
