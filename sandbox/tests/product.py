"""A small product for the recorder's tests: trail, role, function and rules, made through the public API.

    python product.py --endpoint URL --account A --region R --bootstrap FILE --rules RULES.json --policy POLICY.json
                      [--environment KEY=VALUE ...]

The real product is deployed by `tagger deploy`; here a function of a few lines shows what the emulator and the recorder
do around it. It can be run again. It prints one JSON object about what it made and about the people.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
import zipfile
from typing import Any

import botocore.exceptions

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from people import Cloud, isolate, make_people, make_role, trust, unless  # noqa: E402

FUNCTION = "auto-resource-tagger"
ROLE = "AutoResourceTaggerRole"
ROLE_POLICY = "AutoResourceTaggerPolicy"
TRAIL = "auto-resource-tagger"


class Problem(Exception):
    """Something the person who runs this can do something about; its text is one sentence."""


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
    parser = argparse.ArgumentParser(prog="product.py", description="The product and the people in the sandbox cloud.")
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
