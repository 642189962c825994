"""Brings the product and the people into a running sandbox cloud; prints one JSON object about them.

    python setup.py --endpoint URL --account A --region R --bootstrap FILE --rules RULES.json --policy POLICY.json
                    [--environment KEY=VALUE ...]

Everything is done through the public API, as root, and can be done again: what exists is brought up to date.
It must not start or stop the cloud, and must not print anything else on stdout.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
import zipfile
from typing import Any, Callable

import botocore.config
import botocore.exceptions
import botocore.session

FUNCTION = "auto-resource-tagger"
ROLE = "AutoResourceTaggerRole"
ROLE_POLICY = "AutoResourceTaggerPolicy"
TRAIL = "auto-resource-tagger"
USER = "alice"
PEOPLE_ROLE = "Developer"
SESSION = "bob"


class Problem(Exception):
    """Something the person who runs this can do something about; its text is one sentence."""


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


def read_json(path: str, what: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise Problem(f"The {what} {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Problem(f"The {what} {path} is not JSON: {error}.") from error


def package(bootstrap: str) -> bytes:
    """The function's zip: the same bytes for the same binary, with the bit that makes it executable."""
    try:
        with open(bootstrap, "rb") as file:
            content = file.read()
    except OSError as error:
        raise Problem(f"The function's binary {bootstrap} cannot be read: {error.strerror}.") from error
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    entry.create_system = 3
    entry.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # Fast rather than small: nothing is uploaded over a network here.
        archive.writestr(entry, content, compresslevel=1)
    return buffer.getvalue()


def make_trail(root: Cloud, account: str, region: str) -> str:
    bucket = f"cloudtrail-logs-{account}-{region}"
    s3, trail = root.client("s3"), root.client("cloudtrail")
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    unless(("BucketAlreadyOwnedByYou", "BucketAlreadyExists"), lambda: s3.create_bucket(Bucket=bucket, **place))
    settings = {"Name": TRAIL, "S3BucketName": bucket, "IsMultiRegionTrail": True,
                "IncludeGlobalServiceEvents": True, "EnableLogFileValidation": True}
    if unless(("TrailAlreadyExistsException",), lambda: trail.create_trail(**settings)) is None:
        trail.update_trail(**settings)
    trail.start_logging(Name=TRAIL)
    return bucket


def make_role(iam, name: str, trust: dict, policy_name: str, policy: dict) -> str:
    document = json.dumps(trust)
    made = unless(("EntityAlreadyExists",),
                  lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=document))
    if made is None:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=document)
        made = iam.get_role(RoleName=name)
    iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(policy))
    return made["Role"]["Arn"]


def trust(principal: dict) -> dict:
    return {"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}


def make_function(root: Cloud, role: str, archive: bytes, environment: dict[str, str]) -> str:
    functions = root.client("lambda")
    settings = {"FunctionName": FUNCTION, "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": role,
                "MemorySize": 256, "Timeout": 30, "Environment": {"Variables": environment}}
    made = unless(("ResourceConflictException",), lambda: functions.create_function(
        **settings, Architectures=["x86_64"], Code={"ZipFile": archive}))
    if made is None:
        functions.update_function_code(FunctionName=FUNCTION, ZipFile=archive, Architectures=["x86_64"])
        wait_until_active(functions)
        made = functions.update_function_configuration(**settings)
    wait_until_active(functions)
    functions.put_function_event_invoke_config(FunctionName=FUNCTION, MaximumRetryAttempts=2)
    return made["FunctionArn"]


def wait_until_active(functions) -> None:
    for _ in range(100):
        state = functions.get_function_configuration(FunctionName=FUNCTION)
        if state.get("State") == "Active" and state.get("LastUpdateStatus", "Successful") == "Successful":
            return
        time.sleep(0.1)
    raise Problem(f"The function {FUNCTION} did not become active within 10 seconds.")


def make_rules(root: Cloud, rules: list, function: str) -> list[str]:
    events, functions = root.client("events"), root.client("lambda")
    names = []
    for rule in rules:
        name = rule["name"]
        arn = events.put_rule(Name=name, EventPattern=json.dumps(rule["pattern"]), State="ENABLED")["RuleArn"]
        events.put_targets(Rule=name, Targets=[{"Id": "tagger", "Arn": function}])
        unless(("ResourceConflictException",), lambda: functions.add_permission(
            FunctionName=FUNCTION, StatementId=f"rule-{name}", Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com", SourceArn=arn))
        names.append(name)
    return names


def check_rules(rules: Any, path: str) -> list:
    if not isinstance(rules, list) or not rules:
        raise Problem(f"The rules {path} must be a JSON list with at least one rule.")
    for rule in rules:
        if not isinstance(rule, dict) or not isinstance(rule.get("name"), str) or not isinstance(rule.get("pattern"), dict):
            raise Problem(f'Each rule in {path} must be {{"name": …, "pattern": {{…}}}}.')
    return rules


def make_people(root: Cloud, endpoint: str, account: str, region: str) -> list[dict]:
    """An IAM user with an access key, a role session of hers, and root."""
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
    session = alice.client("sts").assume_role(RoleArn=role, RoleSessionName=SESSION, DurationSeconds=43200)
    temporary = session["Credentials"]
    return [
        {"label": "IAM user", "expected": USER, "environment": {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}},
        {"label": "role session", "expected": SESSION, "environment": {
            "AWS_ACCESS_KEY_ID": temporary["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": temporary["SecretAccessKey"],
            "AWS_SESSION_TOKEN": temporary["SessionToken"]}},
        {"label": "root", "expected": "root", "environment": {
            "AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}},
    ]


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    rules = check_rules(read_json(arguments.rules, "rules"), arguments.rules)
    policy = read_json(arguments.policy, "policy")
    archive = package(arguments.bootstrap)
    environment = {}
    for pair in arguments.environment:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise Problem(f"--environment wants KEY=VALUE, not {pair!r}.")
        environment[name] = value
    # The emulator takes a key that is an account's number as that account's root, whatever the secret.
    root = Cloud(arguments.endpoint, arguments.region, arguments.account, "test")
    bucket = make_trail(root, arguments.account, arguments.region)
    role = make_role(root.client("iam"), ROLE, trust({"Service": "lambda.amazonaws.com"}), ROLE_POLICY, policy)
    function = make_function(root, role, archive, environment)
    names = make_rules(root, rules, function)
    people = make_people(root, arguments.endpoint, arguments.account, arguments.region)
    return {"endpoint": arguments.endpoint, "account": arguments.account, "region": arguments.region,
            "function": function, "rules": names, "trail_bucket": bucket, "identities": people}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="setup.py", description="The product and the people in the sandbox cloud.")
    for name in ("endpoint", "account", "region", "bootstrap", "rules", "policy"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--environment", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args(argv)
    isolate()
    try:
        print(json.dumps(run(arguments)))
        return 0
    except Problem as problem:
        print(problem, file=sys.stderr)
    except botocore.exceptions.ClientError as error:
        details = error.response["Error"]
        print(f"{error.operation_name} was refused: {details.get('Code')}: {details.get('Message')}", file=sys.stderr)
    except botocore.exceptions.BotoCoreError as error:
        print(f"The sandbox at {arguments.endpoint} cannot be used: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
