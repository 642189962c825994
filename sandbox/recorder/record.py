"""One CloudTrail record, put together from an observed call.

It must not deliver anything, and returns None for what CloudTrail's management trail does not have.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from typing import Any
from urllib.parse import parse_qs

from . import casing, dataevents, identity, models, oddities, request, response, s3form

VERSION = "1.11"


@dataclasses.dataclass
class Exchange:
    """What the middleware saw of one HTTP call; nothing in it is understood yet."""
    time: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    client: str
    signature: request.Signature
    identity: dict[str, Any]
    account: str
    status: int
    response_headers: dict[str, str]
    response_body: bytes
    call: request.Call | None = None  # where somebody behind the recorder has understood it already


class Unexplained(Exception):
    """No model explains the request: a path of the emulator itself, or a service botocore does not have."""


def build(exchange: Exchange) -> dict[str, Any] | None:
    query = parse_qs(exchange.query, keep_blank_values=True)
    call = exchange.call or request.parse(exchange.method, exchange.path, query, exchange.headers, exchange.body,
                                          exchange.signature.scope)
    unsigned = exchange.identity is identity.UNSIGNED
    if unsigned:
        if call is None or call.operation.name != "AssumeRoleWithWebIdentity":
            return None  # SAML, and whatever nobody signed
        exchange.identity, exchange.account = identity.of_web(call.input)
    if call is None:
        raise Unexplained(f"{exchange.method} {exchange.path} ({exchange.signature.scope})")
    name = call.operation.name
    if dataevents.is_data_event(call.service, name, call.operation.http.get("requestUri", "")):
        return None
    answer = response.parse(call, exchange.status, exchange.response_headers, exchange.response_body)
    return compose(exchange, call, answer)


def compose(exchange: Exchange, call: request.Call, answer: response.Answer) -> dict[str, Any]:
    """The record of a call that is understood."""
    name = call.operation.name
    read_only = is_read_only(call.service, name)
    region = "us-east-1" if call.service in oddities.GLOBAL else exchange.signature.region
    source = event_source(call.service)
    record: dict[str, Any] = {
        "eventVersion": VERSION,
        "userIdentity": exchange.identity,
        "eventTime": datetime.datetime.fromtimestamp(exchange.time, datetime.timezone.utc)
        .strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": source,
        "eventName": casing.event_name(call.service, name),
        "awsRegion": region,
        "sourceIPAddress": exchange.client,
        "userAgent": exchange.headers.get("user-agent", ""),
    }
    if answer.error_code:
        record["errorCode"] = error_code(call.service, answer.error_code, exchange.status)
        record["errorMessage"] = answer.error_message or ""
    unseen = record.get("errorCode") == "AccessDenied" and call.service not in oddities.DENIED_WITH_PARAMETERS
    record["requestParameters"] = None if unseen else casing.request_parameters(
        call, exchange.headers, exchange.body, region)
    silent = read_only and not name.startswith("AssumeRole")  # a read's answer is never in a record
    record["responseElements"] = (None if silent or answer.error_code
                                  else casing.response_elements(call, answer, exchange.response_body))
    if call.service in ("s3", "s3control"):
        record["additionalEventData"] = {
            "SignatureVersion": "SigV4", "CipherSuite": "TLS_AES_128_GCM_SHA256",
            "bytesTransferredIn": len(exchange.body), "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": exchange.response_headers.get("x-amz-id-2", ""),
            "bytesTransferredOut": len(exchange.response_body)}
    record["requestID"] = answer.request_id or str(uuid.uuid4())
    record["eventID"] = str(uuid.uuid4())
    record["readOnly"] = read_only
    resources = _resources(call, answer, exchange.account)
    if resources:
        record["resources"] = resources
    record["eventType"] = "AwsApiCall"
    if call.service in oddities.API_VERSION:
        record["apiVersion"] = oddities.API_VERSION[call.service]
    record["managementEvent"] = True
    record["recipientAccountId"] = exchange.account
    record["eventCategory"] = "Management"
    if not exchange.client.endswith(".amazonaws.com"):  # what a service calls has none
        record["tlsDetails"] = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256",
                                "clientProvidedHostHeader": _host(call, region)}
    return record


def counterpart(record: dict[str, Any] | None) -> dict[str, Any] | None:
    """The record of an assumption across accounts in the account of the role, which says of the caller only the account.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html has such a pair.
    """
    if not record or record["eventName"] != "AssumeRole" or record["eventSource"] != "sts.amazonaws.com" or "errorCode" in record:
        return None
    owner = next((resource["accountId"] for resource in record.get("resources") or []), record["recipientAccountId"])
    if owner == record["recipientAccountId"]:
        return None
    record["sharedEventID"] = str(uuid.uuid4())
    caller = record["userIdentity"]
    return {**record, "userIdentity": {"type": "AWSAccount", "principalId": caller["principalId"],
                                       "accountId": caller["accountId"]},
            "eventID": str(uuid.uuid4()), "recipientAccountId": owner}


def event_source(service: str) -> str:
    return oddities.EVENT_SOURCE.get(service, models.signing_name(service)) + ".amazonaws.com"


def is_read_only(service: str, operation: str) -> bool:
    known = oddities.READ_ONLY.get((service, operation))
    return known if known is not None else operation.startswith(oddities.READ_ONLY_VERBS)


def error_code(service: str, code: str, status: int) -> str:
    if service == "ec2":
        return f"{'Server' if status >= 500 else 'Client'}.{code}"
    # Records say AccessDenied where the API says AccessDeniedException.
    return "AccessDenied" if code == "AccessDeniedException" else code


def _host(call: request.Call, region: str) -> str:
    if call.service in ("s3", "s3control"):
        return s3form.host(call.uri.get("Bucket"), region)
    prefix = models.metadata()[call.service]["endpointPrefix"]
    return f"{prefix}.amazonaws.com" if call.service in oddities.GLOBAL else f"{prefix}.{region}.amazonaws.com"


def _resources(call: request.Call, answer: response.Answer, account: str) -> list[dict[str, str]] | None:
    """Only where records have it: keys of KMS and assumed roles (docs: kms, iam)."""
    if call.service == "kms":
        metadata = answer.output.get("KeyMetadata") or {}
        arn = metadata.get("Arn") or call.input.get("KeyId") or call.input.get("TargetKeyId") or ""
        if str(arn).startswith("arn:"):
            return [{"accountId": account, "type": "AWS::KMS::Key", "ARN": arn}]
    if call.service == "sts" and call.operation.name.startswith("AssumeRole") and not answer.error_code:
        arn = call.input.get("RoleArn", "")
        return [{"accountId": arn.split(":")[4] if arn.count(":") > 4 else account, "type": "AWS::IAM::Role",
                 "ARN": arn}]
    return None
