"""A refusal as AWS sends it: which error code a service has for what is wrong, and the answer on the wire.

It must not decide anything: constraints.py and rules.py do.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from xml.sax.saxutils import escape

from botocore.model import OperationModel

from constraints import Violation
from recorder import models
from recorder.request import Call


@dataclasses.dataclass(frozen=True)
class Refusal:
    """What AWS answers instead of doing what it was asked."""
    code: str
    message: str
    status: int = 400


# Services put the framework's finding into an error that they have: the first of these that the operation declares.
# InvalidParameterException: https://github.com/winston/winston-cloudwatch/issues/55 (logs), BadRequestException:
# https://github.com/rebuy-de/aws-nuke/issues/1074 (appconfig).
_DECLARED = ("ValidationException", "ValidationError", "InvalidParameterException", "InvalidRequestException",
             "BadRequestException", "InvalidInputException", "InvalidArgumentException", "InvalidParameterValueException")
# Services that answer with the framework's own error although they declare another one.
# docs: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html (lambda), CommonErrors of each.
_FRAMEWORK = frozenset({"lambda", "kms", "secretsmanager", "ssm", "events", "dynamodb", "kinesis", "stepfunctions",
                        "config", "codebuild", "codepipeline", "firehose", "wafv2", "organizations", "cloudtrail"})


def _code(call: Call) -> str:
    protocol = models.metadata()[call.service]["protocol"]
    if protocol == "query":
        return "ValidationError"
    declared = {shape.metadata.get("error", {}).get("code") or shape.name for shape in call.operation.error_shapes}
    if call.service not in _FRAMEWORK:
        for code in _DECLARED:
            if code in declared:
                return code
    return "ValidationException"


def of_violations(call: Call, found: list[Violation]) -> Refusal:
    """The answer to a call whose input is not as the model has it."""
    first = found[0]
    if call.service == "ec2":
        return _of_ec2(call.operation, first)
    if call.service == "s3":
        return _of_s3(first)
    if call.service == "sqs":
        return _of_sqs(first)
    if call.protocol in ("json", "rest-json", "smithy-rpc-v2-cbor") and any(one.kind == "type" for one in found):
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
        wrong = next(one for one in found if one.kind == "type")
        return Refusal("SerializationException", f"{wrong.constraint}: {wrong.path}")
    number = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
    return Refusal(_code(call), number + "; ".join(one.says() for one in found[:10]))


def _of_ec2(operation: OperationModel, wrong: Violation) -> Refusal:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""
    head = wrong.path.split(".")[0]
    member = (operation.input_shape.members.get(head) or operation.input_shape.members.get(head[:1].upper() + head[1:])
              if operation.input_shape else None)
    name = (member.serialization.get("name") if member else None) or head
    name = name[:1].lower() + name[1:]
    if wrong.kind == "required":
        return Refusal("MissingParameter", f"The request must contain the parameter {name}")
    if wrong.kind == "range":
        bound = wrong.constraint.rsplit(" ", 1)[-1]
        than = "greater than" if "greater" in wrong.constraint else "less than"
        # https://github.com/aws/aws-sdk-ruby/pull/2575
        return Refusal("InvalidParameterValue",
                       f"Value ( {wrong.value} ) for parameter {name} is invalid. Expecting a value {than} {bound}.")
    return Refusal("InvalidParameterValue", f"Value ({wrong.value}) for parameter {name} is invalid. {wrong.constraint}")


def _of_s3(wrong: Violation) -> Refusal:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
    if wrong.kind == "required" or "." in wrong.path:
        return Refusal("MalformedXML", "The XML you provided was not well-formed or did not validate against our "
                                       "published schema")
    return Refusal("InvalidArgument", f"Invalid Argument: {wrong.path}")


def _of_sqs(wrong: Violation) -> Refusal:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html"""
    if wrong.kind == "required":
        return Refusal("MissingParameter", f"The request must contain the parameter {wrong.name}.")
    return Refusal("InvalidParameterValue", f"Value {wrong.value} for parameter {wrong.name} is invalid. "
                                            f"Reason: {wrong.constraint}.")


# ------------------------------------------------------------------------------------------------------ on the wire

def _text(value: str) -> bytes:
    """A string of CBOR."""
    content = value.encode()
    size = len(content)
    if size < 24:
        return bytes([0x60 | size]) + content
    return (bytes([0x78, size]) if size < 256 else b"\x79" + size.to_bytes(2, "big")) + content


def _query_code(call: Call, code: str) -> str:
    """Where a service had the query protocol before, its errors keep their old names in a header."""
    for shape in call.operation.error_shapes:
        if shape.name == code:
            return shape.metadata.get("error", {}).get("code") or code
    return code


def answer(call: Call, refusal: Refusal) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer, in the protocol that the caller speaks."""
    request = str(uuid.uuid4())
    code, message = escape(refusal.code), escape(refusal.message)
    headers = {"x-amzn-requestid": request}
    if call.protocol == "ec2":
        body = ('<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
                f"<Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{request}</RequestID></Response>")
        return refusal.status, headers | {"content-type": "text/xml;charset=UTF-8"}, body.encode()
    if call.protocol == "query" or call.protocol == "rest-xml" and call.service not in ("s3", "s3control"):
        space = models.metadata()[call.service].get("xmlNamespace") or models.service(call.service).metadata.get("xmlNamespace", "")
        body = (f'<ErrorResponse xmlns="{escape(str(space))}"><Error><Type>Sender</Type><Code>{code}</Code>'
                f"<Message>{message}</Message></Error><RequestId>{request}</RequestId></ErrorResponse>")
        return refusal.status, headers | {"content-type": "text/xml"}, body.encode()
    if call.protocol == "rest-xml":
        body = (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
                f"<RequestId>{request}</RequestId><HostId>{uuid.uuid4().hex}</HostId></Error>")
        if call.service == "s3control":
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse>{body.splitlines()[1]}<RequestId>{request}</RequestId></ErrorResponse>'
        return refusal.status, headers | {"x-amz-request-id": request, "content-type": "application/xml"}, body.encode()
    if call.protocol == "smithy-rpc-v2-cbor":
        content = b"\xa2" + b"".join(map(_text, ("__type", refusal.code, "message", refusal.message[:60_000])))
        return refusal.status, headers | {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, content
    if call.protocol == "json":
        if "awsQueryCompatible" in models.metadata()[call.service]:
            headers["x-amzn-query-error"] = f"{_query_code(call, refusal.code)};Sender"
        version = models.metadata()[call.service].get("jsonVersion", "1.1")
        body = json.dumps({"__type": refusal.code, "message": refusal.message})
        return refusal.status, headers | {"content-type": f"application/x-amz-json-{version}"}, body.encode()
    headers |= {"x-amzn-errortype": refusal.code, "content-type": "application/json"}
    return refusal.status, headers, json.dumps({"message": refusal.message}).encode()
