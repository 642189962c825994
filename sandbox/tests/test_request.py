"""Understanding requests: what botocore's serializers write for a call, the recorder reads back as that call.

Every operation of the listed services is tried with a made-up input for its required and some optional
members, so all wire protocols are covered without a list of cases.
"""

from __future__ import annotations

import datetime
import unittest
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import support  # noqa: F401  (puts the sandbox on the path)
from botocore import serialize
from recorder import models, request

SERVICES = ("sqs", "dynamodb", "kms", "secretsmanager", "ssm", "logs", "events", "stepfunctions", "ecs", "ecr", "kinesis",
            "cloudtrail", "acm", "iam", "sts", "sns", "rds", "elasticache", "elbv2", "elb", "autoscaling", "redshift",
            "cloudformation", "ec2", "lambda", "apigateway", "apigatewayv2", "eks", "efs", "batch", "backup", "iot",
            "route53", "cloudfront", "s3control", "s3", "cloudwatch", "opensearch", "sesv2", "glue")
# Calls whose input is read only in part, each with its reason.
PARTIAL = {
    "s3": "S3's records are made from the wire, not from the input: only the operation matters",
    "s3control": "the account is in the host name's prefix or a header",
}
# Pairs that look the same on the wire; S3's old names are the ones that CloudTrail writes.
SAME_ON_WIRE = {("s3", "GetBucketLifecycleConfiguration"): "GetBucketLifecycle",
                ("s3", "PutBucketLifecycleConfiguration"): "PutBucketLifecycle",
                ("s3", "GetBucketNotificationConfiguration"): "GetBucketNotification",
                ("s3", "PutBucketNotificationConfiguration"): "PutBucketNotification",
                ("s3", "ListDirectoryBuckets"): "ListBuckets"}
TIME = datetime.datetime(2026, 11, 24, 8, 30, tzinfo=datetime.timezone.utc)


def example(shape, depth: int = 0) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {"a": "b"}
        result = {}
        union = getattr(shape, "is_tagged_union", False)
        for name, child in shape.members.items():
            deep = child.type_name in ("structure", "list", "map")
            if depth > 2 and deep and name not in shape.required_members and len(shape.members) > 1:
                continue
            if child.serialization.get("streaming"):
                continue
            if depth > 6:
                continue
            result[name] = example(child, depth + 1)
            if union:
                break
        return result
    if kind == "list":
        return [example(shape.member, depth + 1)]
    if kind == "map":
        key = shape.key.enum[0] if getattr(shape.key, "enum", None) else "key"
        return {key: example(shape.value, depth + 1)}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "text-1"
    if kind in ("integer", "long"):
        return 3
    if kind in ("float", "double"):
        return 1.5
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return TIME
    return b"blob"


def wire(service: str, name: str, value: dict) -> tuple[str, str, dict, dict, bytes]:
    model = models.service(service)
    made = serialize.create_serializer(model.resolved_protocol, include_validation=False).serialize_to_request(
        value, models.operation(service, name))
    parts = urlsplit(made["url_path"])
    query = parse_qs(parts.query, keep_blank_values=True)
    for key, item in (made["query_string"] or {}).items() if isinstance(made["query_string"], dict) else ():
        query[key] = [text if isinstance(text, str) else str(text)
                      for text in (item if isinstance(item, list) else [item])]
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    elif isinstance(body, str):
        body = body.encode()
    headers = {key.lower(): str(text) for key, text in made["headers"].items()}
    return made["method"], parts.path, query, headers, body or b""


def comparable(value: Any, shape) -> Any:
    """What can be told apart on the wire: no empty parts, no blobs' encoding, no form of a time."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        parts = {name: comparable(item, shape.members[name]) for name, item in value.items() if name in shape.members}
        return {name: item for name, item in parts.items() if item not in ({}, [], None)}
    if kind == "list" and isinstance(value, list):
        items = [comparable(item, shape.member) for item in value if item is not None]
        return [item for item in items if item not in ({}, [])]
    if kind == "map" and isinstance(value, dict):
        return {key: comparable(item, shape.value) for key, item in value.items()}
    if kind in ("timestamp", "blob"):
        return kind
    return str(value).lower() if kind == "boolean" else str(value)


class RoundTrip(unittest.TestCase):
    def test_every_operation_is_understood(self) -> None:
        for service in SERVICES:
            for name in sorted(models.operation_names(service)):
                with self.subTest(f"{service} {name}"):
                    operation = models.operation(service, name)
                    if operation.has_event_stream_input or name == "UploadPartCopy":
                        continue  # data events
                    shape = operation.input_shape
                    value = example(shape) if shape else {}
                    method, path, query, headers, body = wire(service, name, value)
                    call = request.parse(method, path, query, headers, body, models.signing_name(service))
                    self.assertIsNotNone(call, f"expected {name}, found nothing for {method} {path} {query}")
                    self.assertEqual((call.service, call.operation.name),
                                     (service, SAME_ON_WIRE.get((service, name), name)))
                    if shape and service not in PARTIAL:
                        self.assertEqual(comparable(value, shape), comparable(call.input, shape))


class Signature(unittest.TestCase):
    def test_where_the_signature_is(self) -> None:
        scope = "AKIAX/20261124/eu-west-1/sqs/aws4_request"
        for label, headers, query in (
                ("header", {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}, {}),
                ("query", {}, {"X-Amz-Credential": [scope]})):
            with self.subTest(label):
                found = request.signature(headers, query)
                self.assertEqual((found.access_key, found.region, found.scope), ("AKIAX", "eu-west-1", "sqs"))
        self.assertIsNone(request.signature({"authorization": "Bearer x"}, {}))


if __name__ == "__main__":
    unittest.main()
