"""Runs CDK, SAM and Serverless against the product in the sandbox, and reads each resource's creator back.

    python sandbox/clients/run.py --tagger target/release/tagger --bootstrap target/release/bootstrap [--only cdk,sam]

To be run by a Python that has sandbox/requirements.txt. It needs Node.js with npm; the clients are installed below --work
by name and hash (package-lock.json, requirements.txt). It takes some minutes, so it stands beside the gate; what it found
last is in README.md. Exit code 0: everything is as expected.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from typing import Any, Callable

HERE = os.path.dirname(os.path.abspath(__file__))
SANDBOX = os.path.dirname(HERE)
sys.path.insert(0, SANDBOX)
import people  # noqa: E402

ACCOUNT, REGION = "111122223333", "us-east-1"
# The event history is asked for a stack's creator from two minutes after the event on.
LONGEST = 240


class Problem(Exception):
    """Something that went wrong; its text says what to do."""


class Sandbox:
    """The emulator with the product in it, and its people."""

    def __init__(self, work: str, tagger: str, bootstrap: str) -> None:
        self.state = os.path.join(work, "state")
        shutil.rmtree(self.state, ignore_errors=True)
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(SANDBOX, "cloud.py"), "--port", "0", "--state", self.state,
             "--account", ACCOUNT, "--region", REGION], stdout=subprocess.PIPE, text=True)
        ready = self._process.stdout.readline()
        if not ready:
            raise Problem(f"the sandbox did not start: see {self.state}/cloud.log")
        self.endpoint = json.loads(ready)["endpoint"]
        self.root = people.Cloud(self.endpoint, REGION, ACCOUNT, "test")
        self.shells = {"root": {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test"}}
        run([tagger, "deploy", "--yes", "--trail", "new", "--zip", bootstrap], self.shell("root"), work)
        for person in people.make_people(self.root, self.endpoint, ACCOUNT, REGION):
            self.shells[person["expected"]] = person["environment"]

    def shell(self, who: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": self.state, "LANG": "C.UTF-8", "CI": "true", "NO_COLOR": "1",
                "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true", "SAM_CLI_TELEMETRY": "0",
                "SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "CDK_DISABLE_CLI_TELEMETRY": "true",
                "EDGE_PORT": self.endpoint.rsplit(":", 1)[1], **self.shells[who]}

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


def run(words: list[str], environment: dict[str, str], folder: str) -> str:
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Problem(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


# ------------------------------------------------------------------------------------------------- what is read back

def _pairs(tags: Any) -> dict[str, str]:
    if isinstance(tags, dict):
        return tags
    return {tag.get("Key", tag.get("key", tag.get("TagKey"))): tag.get("Value", tag.get("value", tag.get("TagValue"))) for tag in tags}


# How the tags of a type are read: service, operation, parameters of the physical id, member of the answer.
READ: dict[str, tuple[str, str, Callable[[str], dict], str]] = {
    "AWS::SQS::Queue": ("sqs", "list_queue_tags", lambda name: {"QueueUrl": name}, "Tags"),
    "AWS::SNS::Topic": ("sns", "list_tags_for_resource", lambda name: {"ResourceArn": name}, "Tags"),
    "AWS::S3::Bucket": ("s3", "get_bucket_tagging", lambda name: {"Bucket": name}, "TagSet"),
    "AWS::Logs::LogGroup": ("logs", "list_tags_log_group", lambda name: {"logGroupName": name}, "tags"),
    "AWS::DynamoDB::Table": ("dynamodb", "list_tags_of_resource", lambda name: {
        "ResourceArn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"}, "Tags"),
    "AWS::Lambda::Function": ("lambda", "list_tags", lambda name: {
        "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"}, "Tags"),
    "AWS::IAM::Role": ("iam", "list_role_tags", lambda name: {"RoleName": name}, "Tags"),
    "AWS::ECR::Repository": ("ecr", "list_tags_for_resource", lambda name: {
        "resourceArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"}, "tags"),
    "AWS::SSM::Parameter": ("ssm", "list_tags_for_resource", lambda name: {
        "ResourceType": "Parameter", "ResourceId": name}, "TagList"),
}


class Check:
    def __init__(self, cloud: Sandbox) -> None:
        self._cloud = cloud
        self._clients: dict[str, Any] = {}
        self.rows: list[tuple[str, str, str, str, str]] = []

    def creator(self, kind: str, name: str) -> str:
        service, operation, parameters, member = READ[kind]
        client = self._clients.setdefault(service, self._cloud.root.client(service))
        try:
            return _pairs(getattr(client, operation)(**parameters(name))[member]).get("CreatedBy", "")
        except client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchTagSet":
                return ""
            raise

    def stack(self, client: str, stack: str, expected: str, only: set[str] | None = None) -> None:
        """Each resource of the stack whose tags can be read, until it has a creator or the time is over."""
        resources = self._cloud.root.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        waiting = [found for found in resources if found["ResourceType"] in READ and (only is None or found["LogicalResourceId"] in only)]
        until = time.monotonic() + LONGEST
        for found in waiting:
            kind, name = found["ResourceType"], found["PhysicalResourceId"]
            while not (value := self.creator(kind, name)) and time.monotonic() < until:
                time.sleep(1)
            verdict = "ok" if value == expected else "WRONG"
            self.rows.append((client, f"{kind} {found['LogicalResourceId']}", expected, value or "-", verdict))
            print("  ".join(self.rows[-1]), flush=True)


# -------------------------------------------------------------------------------------------------------- the clients

def cdk(cloud: Sandbox, work: str, check: Check) -> None:
    """Bootstrap and deploy by alice, a second deployment by bob, destroy."""
    app = copied("cdk", work)
    program = [os.path.join(work, "node_modules", ".bin", "cdk")]
    alice, bob = cloud.shell("alice"), cloud.shell("bob")
    run([*program, "bootstrap", f"aws://{ACCOUNT}/{REGION}"], alice, app)
    check.stack("cdk bootstrap", "CDKToolkit", "alice")
    deploy = [*program, "deploy", "--require-approval", "never", "ClientsCdk"]
    run(deploy, alice, app)
    # CDK deploys by a role of its own, in a session that it names after the computer's user, and its stacks have a service
    # role: that this was alice, or bob, is in the record of AssumeRole only.
    check.stack("cdk deploy", "ClientsCdk", "alice")
    run(deploy, {**bob, "MORE": "1"}, app)
    more = {found["LogicalResourceId"] for found in cloud.root.client("cloudformation").describe_stack_resources(
        StackName="ClientsCdk")["StackResources"] if found["LogicalResourceId"].startswith("More")}
    check.stack("cdk deploy by bob", "ClientsCdk", "bob", only=more)
    run([*program, "destroy", "--force", "ClientsCdk"], alice, app)
    left = [name for name in cloud.root.client("sqs").list_queues().get("QueueUrls", []) if "ClientsCdk" in name]
    check.rows.append(("cdk destroy", "queues left", "0", str(len(left)), "ok" if not left else "WRONG"))


def sam(cloud: Sandbox, work: str, check: Check) -> None:
    venv = os.path.join(work, "sam-venv")
    if not os.path.exists(os.path.join(venv, "complete")):
        run([sys.executable, "-m", "venv", "--clear", venv], dict(os.environ), work)
        run([f"{venv}/bin/pip", "install", "--quiet", "--require-hashes", "--no-deps", "-r", os.path.join(HERE, "requirements.txt")],
            dict(os.environ), work)
        open(os.path.join(venv, "complete"), "w", encoding="utf-8").close()
    app = copied("sam", work)
    run([f"{venv}/bin/sam", "deploy", "--stack-name", "clients-sam", "--resolve-s3", "--capabilities", "CAPABILITY_IAM",
         "--no-confirm-changeset", "--region", REGION], cloud.shell("alice"), app)
    check.stack("sam deploy", "clients-sam", "alice")
    run([f"{venv}/bin/sam", "delete", "--stack-name", "clients-sam", "--no-prompts", "--region", REGION], cloud.shell("alice"), app)


def serverless(cloud: Sandbox, work: str, check: Check) -> None:
    app = copied("serverless", work)
    program = [os.path.join(work, "node_modules", ".bin", "serverless")]
    # Serverless finds plugins below its own service only.
    if not os.path.exists(os.path.join(app, "node_modules")):
        os.symlink(os.path.join(work, "node_modules"), os.path.join(app, "node_modules"))
    run([*program, "deploy", "--stage", "local"], cloud.shell("alice"), app)
    check.stack("serverless deploy", "clients-serverless-local", "alice")
    run([*program, "remove", "--stage", "local"], cloud.shell("alice"), app)


def copied(name: str, work: str) -> str:
    """A copy to work in, so that nothing is written beside this file."""
    app = os.path.join(work, name)
    shutil.rmtree(app, ignore_errors=True)
    shutil.copytree(os.path.join(HERE, name), app)
    return app


CLIENTS = {"cdk": cdk, "sam": sam, "serverless": serverless}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="run.py", description="CDK, SAM and Serverless against the product in the sandbox.")
    parser.add_argument("--tagger", required=True, help="the command line, built")
    parser.add_argument("--bootstrap", required=True, help="the function's program, built")
    parser.add_argument("--work", default=os.path.join(os.path.dirname(SANDBOX), "target", "clients"), help="where the clients are installed")
    parser.add_argument("--only", default=",".join(CLIENTS), help="which, with commas: cdk, sam, serverless")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.only.split(",")) - CLIENTS.keys()
    if unknown:
        parser.error(f"--only knows {', '.join(CLIENTS)}, not {', '.join(sorted(unknown))}")
    work = os.path.abspath(arguments.work)
    os.makedirs(work, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), work)
    wanted = open(os.path.join(HERE, "package-lock.json"), encoding="utf-8").read()
    mark = os.path.join(work, "node-complete")
    if set(arguments.only.split(",")) & {"cdk", "serverless"} and (not os.path.exists(mark) or open(mark, encoding="utf-8").read() != wanted):
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], dict(os.environ), work)
        with open(mark, "w", encoding="utf-8") as file:
            file.write(wanted)
    tagger, bootstrap = os.path.abspath(arguments.tagger), os.path.abspath(arguments.bootstrap)
    people.isolate()
    failed = 0
    cloud = Sandbox(work, tagger, bootstrap)
    try:
        check = Check(cloud)
        for name in arguments.only.split(","):
            try:
                CLIENTS[name](cloud, work, check)
            except Problem as problem:
                failed += 1
                print(f"{name}: {problem}", file=sys.stderr, flush=True)
    finally:
        cloud.stop()
    wrong = sum(row[-1] == "WRONG" for row in check.rows)
    print(json.dumps({"checked": len(check.rows), "wrong": wrong, "clientsThatFailed": failed}))
    return 1 if wrong or failed or not check.rows else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        print(problem, file=sys.stderr)
        sys.exit(1)
