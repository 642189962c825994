"""Who called: `userIdentity`, from the emulator's own IAM and STS state by the access key.

It must not create anything or check permissions, and it is asked before the call runs, because the call
may delete the very user, key or role that made it.
"""

from __future__ import annotations

import base64
import contextvars
import datetime
import hashlib
import json
import re
import secrets
import time
from typing import Any

# Whose call the emulator is working on, also in what it starts and goes on with after the answer.
caller: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("caller", default=None)

# Of a call that is made with a token in place of a signature.
UNSIGNED: dict[str, Any] = {}

_ASSUMED = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/(.+)")


def resolve(access_key: str, default_account: str) -> dict[str, Any] | None:
    """The caller's userIdentity; None for a key nobody has (AWS writes no record for those)."""
    from ministack.core.iam_evaluator import is_root_access_key
    from ministack.services import iam, sts

    if re.fullmatch(r"\d{12}", access_key):
        return _root(access_key, access_key)
    if is_root_access_key(access_key):
        return _root(default_account, access_key)
    session = sts._sessions.get(access_key)
    if session is not None:
        return _session(access_key, session, iam)
    for (account, key), entry in iam._access_keys.to_dict().items():
        if key == access_key:
            return _user(account, entry.get("UserName", ""), access_key, iam)
    return None


def of_web(call: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Who asks for a role with a web identity, by the token, and the account of that role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html; a record of EKS of 2026 names the provider by its ARN.
    """
    claims = json.loads(_part(call["WebIdentityToken"].split(".")[1]))
    account = call["RoleArn"].split(":")[4]
    host = claims["iss"].removeprefix("https://")
    provider = f"arn:aws:iam::{account}:oidc-provider/{host}"
    return {"type": "WebIdentityUser", "principalId": f"{provider}:{claims['aud']}:{claims['sub']}",
            "userName": claims["sub"], "identityProvider": provider}, account


def _part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _root(account: str, access_key: str) -> dict[str, Any]:
    return {"type": "Root", "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account,
            "accessKeyId": access_key}


def _user(account: str, name: str, access_key: str, iam) -> dict[str, Any]:
    user = iam._users.get_scoped(account, None, name) or {}
    return {"type": "IAMUser", "principalId": user.get("UserId", ""),
            "arn": user.get("Arn") or f"arn:aws:iam::{account}:user/{name}", "accountId": account,
            "accessKeyId": access_key, "userName": name}


def _attributes(session: dict[str, Any]) -> dict[str, str]:
    issued = session.get("IssuedAt") or time.time()
    created = datetime.datetime.fromtimestamp(issued, datetime.timezone.utc)
    return {"creationDate": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "mfaAuthenticated": "false"}


def _session(access_key: str, session: dict[str, Any], iam) -> dict[str, Any]:
    arn = str(session.get("Arn", ""))
    account = session.get("AccountId") or (arn.split(":") + [""] * 5)[4]
    assumed = _ASSUMED.fullmatch(arn)
    if assumed:
        return _assumed_role(access_key, session, assumed, iam)
    if ":federated-user/" in arn:
        issuer_name = session.get("PrincipalName")
        issuer = (_user(account, issuer_name, "", iam) if issuer_name else _root(account, ""))
        issuer.pop("accessKeyId", None)
        return {"type": "FederatedUser", "principalId": f"{account}:{arn.rsplit('/', 1)[-1]}", "arn": arn,
                "accountId": account, "accessKeyId": access_key,
                "sessionContext": {"sessionIssuer": issuer, "webIdFederationData": {},
                                   "attributes": _attributes(session)}}
    if ":user/" in arn:  # GetSessionToken
        identity = _user(account, session.get("PrincipalName") or arn.rsplit("/", 1)[-1], access_key, iam)
    else:
        identity = _root(account, access_key)
    identity["sessionContext"] = {"sessionIssuer": {}, "webIdFederationData": {}, "attributes": _attributes(session)}
    return identity


def _federation(session: dict[str, Any]) -> dict[str, Any]:
    """Of a session by web identity: https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html"""
    provider = session.get("FederatedProvider")
    return {"federatedProvider": provider, "attributes": {}} if provider else {}


def _assumed_role(access_key: str, session: dict[str, Any], assumed: re.Match, iam) -> dict[str, Any]:
    partition, account, role_name, session_name = assumed.groups()
    role = iam._roles.get_scoped(account, None, role_name) or {}
    role_id = role.get("RoleId") or str(session.get("UserId", "")).split(":")[0]
    context: dict[str, Any] = {
        "sessionIssuer": {
            "type": "Role", "principalId": role_id,
            "arn": role.get("Arn") or f"arn:{partition}:iam::{account}:role/{role_name}",
            "accountId": account, "userName": role_name},
        "webIdFederationData": _federation(session),
        "attributes": _attributes(session)}
    if session.get("SourceIdentity"):
        context["sourceIdentity"] = session["SourceIdentity"]
    identity = {"type": "AssumedRole", "principalId": f"{role_id}:{session_name}", "arn": assumed[0],
                "accountId": account, "accessKeyId": access_key, "sessionContext": context}
    if session.get("FunctionArn"):
        identity["inScopeOf"] = {"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": session["FunctionArn"]}
    return identity


def service_session(account: str, role_arn: str, session_name: str) -> dict[str, Any]:
    """A session that a service has made of a role: CloudFormation of a stack's, Auto Scaling of its own."""
    from ministack.services import iam

    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, name) or {}
    role_id = role.get("RoleId") or "AROA" + hashlib.sha256(role_arn.encode()).hexdigest()[:17].upper()
    return {"type": "AssumedRole", "principalId": f"{role_id}:{session_name}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}", "accountId": account,
            "accessKeyId": "ASIA" + secrets.token_hex(8).upper(),
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": role_id, "arn": role_arn, "accountId": account,
                                  "userName": name},
                "attributes": _attributes({})}}


def forwarded(who: dict[str, Any]) -> dict[str, Any]:
    """The caller as a service's call on his behalf shows him: by a session's key, also where he has none."""
    attributes = (who.get("sessionContext") or {}).get("attributes") or _attributes({})
    return {**who, "accessKeyId": "ASIA" + secrets.token_hex(8).upper(),
            "sessionContext": {**(who.get("sessionContext") or {}), "attributes": attributes}}
