"""Brings people into a running sandbox cloud and prints one JSON object: an IAM user, a role session, root, somebody of
Identity Center, and a pipeline with a web identity.

    python people.py --endpoint URL --account A --region R

Everything is done through the public API, as root, and can be done again. The product itself is deployed by
`tagger deploy`, as into any account. It must not start or stop the cloud, and must not print anything else on stdout.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import time
from typing import Any, Callable

import botocore.config
import botocore.exceptions
import botocore.session

USER = "alice"
PEOPLE_ROLE = "Developer"
SESSION = "bob"
# Roles of permission sets have this path and such a name: https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
PERMISSION_SET = ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_PowerUserAccess_0123456789abcdef")
WORKER = "jane@example.com"
# https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
PROVIDER = "token.actions.githubusercontent.com"
PIPELINE_ROLE = "deploy-from-github"
PIPELINE = "GitHubActions"


class Cloud:
    """Clients of the sandbox with one identity; nothing of the user's AWS settings is read."""

    def __init__(self, endpoint: str, region: str, key: str, secret: str, token: str | None = None) -> None:
        self._endpoint, self._region = endpoint, region
        self._credentials = (key, secret, token)
        self._session = botocore.session.Session()

    def client(self, service: str):
        key, secret, token = self._credentials
        return self._session.create_client(
            service, region_name=self._region, endpoint_url=self._endpoint, aws_access_key_id=key,
            aws_secret_access_key=secret, aws_session_token=token,
            config=botocore.config.Config(retries={"total_max_attempts": 3}, connect_timeout=5, read_timeout=60,
                                          s3={"addressing_style": "path"}, proxies={}))


def isolate() -> None:
    """Forget the user's AWS settings and proxies: this may only ever talk to the sandbox."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update({"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                       "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*"})


def unless(codes: tuple[str, ...], action: Callable[[], Any]) -> Any:
    """Do it; None when it failed with one of these codes."""
    try:
        return action()
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def once_visible(action: Callable[[], Any]) -> Any:
    """Do it as soon as IAM shows what was just made: until then it is denied, as on AWS (see consistency.py)."""
    deadline = time.monotonic() + 600
    while True:
        try:
            return action()
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDenied", "AccessDeniedException") or time.monotonic() > deadline:
                raise
        time.sleep(0.3)


def make_role(iam, name: str, trust: dict, policy_name: str, policy: dict, path: str = "/") -> str:
    document = json.dumps(trust)
    made = unless(("EntityAlreadyExists",),
                  lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Path=path))
    if made is None:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
        made = iam.get_role(RoleName=name)
    iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(policy))
    return made["Role"]["Arn"]


def trust(principal: dict, action: str = "sts:AssumeRole") -> dict:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": action}]}


def environment(credentials: dict) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": credentials["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"]}


def web_identity_token() -> str:
    """A token such as GitHub gives to a job; the emulator does not look at its signature."""
    claims = {"iss": f"https://{PROVIDER}", "aud": "sts.amazonaws.com", "sub": "repo:example/shop:ref:refs/heads/main"}
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2lnbmVk"])


def make_people(root: Cloud, endpoint: str, account: str, region: str) -> list[dict]:
    """Everybody, with credentials. Those who create only a few things in the demo have `brief`."""
    iam = root.client("iam")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    unless(("EntityAlreadyExists",), lambda: iam.create_user(UserName=USER))
    iam.put_user_policy(UserName=USER, PolicyName="Administrator", PolicyDocument=json.dumps(everything))
    # A key's secret is told only once, so a second run gives her a new key.
    for old in iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=USER, AccessKeyId=old["AccessKeyId"])
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    role = make_role(iam, PEOPLE_ROLE, trust({"AWS": f"arn:aws:iam::{account}:root"}), "Administrator", everything)
    alice = Cloud(endpoint, region, key["AccessKeyId"], key["SecretAccessKey"])
    session = once_visible(lambda: alice.client("sts").assume_role(
        RoleArn=role, RoleSessionName=SESSION, DurationSeconds=43200))
    temporary = session["Credentials"]
    path, name = PERMISSION_SET
    permission_set = make_role(iam, name, trust({"AWS": f"arn:aws:iam::{account}:root"}), "Administrator", everything, path)
    worker = once_visible(lambda: alice.client("sts").assume_role(
        RoleArn=permission_set, RoleSessionName=WORKER, DurationSeconds=43200))["Credentials"]
    # The trust is enough here: the emulator's providers take no tags, so that making one would leave a dead letter.
    federated = trust({"Federated": f"arn:aws:iam::{account}:oidc-provider/{PROVIDER}"}, "sts:AssumeRoleWithWebIdentity")
    deploying = make_role(iam, PIPELINE_ROLE, federated, "Administrator", everything)
    pipeline = once_visible(lambda: root.client("sts").assume_role_with_web_identity(
        RoleArn=deploying, RoleSessionName=PIPELINE, WebIdentityToken=web_identity_token()))["Credentials"]
    for found in (key, temporary, worker, pipeline):
        person = Cloud(endpoint, region, found["AccessKeyId"], found["SecretAccessKey"], found.get("SessionToken"))
        once_visible(person.client("sqs").list_queues)
    return [
        {"label": "IAM user", "expected": USER, "environment": {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}},
        {"label": "role session", "expected": SESSION, "environment": environment(temporary)},
        {"label": "root", "expected": "root", "environment": {
            "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}},
        {"label": "Identity Center", "expected": WORKER, "brief": True, "environment": environment(worker)},
        {"label": "pipeline", "expected": PIPELINE, "brief": True, "environment": environment(pipeline)},
    ]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="people.py", description="The people of the sandbox cloud.")
    for name in ("endpoint", "account", "region"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args(argv)
    isolate()
    try:
        # The emulator takes a key that is an account's number as that account's root, whatever the secret.
        root = Cloud(arguments.endpoint, arguments.region, arguments.account, "test")
        print(json.dumps({"identities": make_people(root, arguments.endpoint, arguments.account, arguments.region)}))
        return 0
    except botocore.exceptions.ClientError as error:
        details = error.response["Error"]
        print(f"{error.operation_name} was refused: {details.get('Code')}: {details.get('Message')}", file=sys.stderr)
    except botocore.exceptions.BotoCoreError as error:
        print(f"The sandbox at {arguments.endpoint} cannot be used: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
