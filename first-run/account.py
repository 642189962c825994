"""The account that is tried in: clients, who asks, `tagger` as a process, and what was in the account before.

Credentials, profiles, SSO and AWS_ENDPOINT_URL are those of the ordinary AWS configuration. It must not make anything.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any, Callable

import botocore.config
import botocore.exceptions
import botocore.session

from state import Problem

STACK = "auto-resource-tagger"
FORWARDER = "auto-resource-tagger-forwarder"
ROLE = "AutoResourceTaggerRole"
GLOBAL = "us-east-1"
SETTINGS = botocore.config.Config(retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=10,
                                  read_timeout=70, s3={"addressing_style": "path"})


@dataclass
class Said:
    """What a call of `tagger --json` answered."""

    code: int
    lines: list[dict[str, Any]]
    out: str
    error: str
    seconds: float

    @property
    def end(self) -> dict[str, Any]:
        return self.lines[-1] if self.lines else {}

    def denied(self) -> list[str]:
        """Lines that speak of a denial, as an error or as a check that could not look."""
        lines = [*self.error.splitlines(), *(json.dumps(line) for line in self.lines if line.get("verdict") == "unknown")]
        words = ("AccessDenied", "not authorized", "UnauthorizedOperation", " needs ")
        return [line[:300] for line in lines if any(word in line for word in words)]

    def trouble(self) -> str:
        """The last words, for a row."""
        return f"exit code {self.code}: " + ((self.error or self.out).strip().splitlines() or ["it said nothing"])[-1][:400]


@dataclass
class Account:
    """One account, as whoever runs this, with a home region."""

    id: str
    caller: str
    region: str
    tagger: list[str]
    emulator: bool
    _session: botocore.session.Session = field(repr=False)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False)

    def client(self, service: str, region: str | None = None) -> Any:
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = self._session.create_client(service, region_name=key[1], config=SETTINGS)
        return self._clients[key]

    def client_as(self, credentials: dict[str, str], service: str) -> Any:
        """A client with credentials that STS has given."""
        return self._session.create_client(
            service, region_name=self.region, config=SETTINGS, aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"], aws_session_token=credentials["SessionToken"])

    def creator(self) -> str:
        """The name that the tagger finds for this caller."""
        return "root" if self.caller.endswith(":root") else self.caller.rsplit("/", 1)[-1]

    def partition(self) -> str:
        return self.caller.split(":")[1]

    def run(self, *words: str, credentials: dict[str, str] | None = None) -> Said:
        """`tagger … --json` in the home region. When we are told to stop, so is it, and it is waited for.

        With credentials of STS it works with these and no others.
        """
        command = [*self.tagger, *words, "--region", self.region, "--json"]
        environment = dict(os.environ)
        if credentials:
            environment |= {"AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
                            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                            "AWS_SESSION_TOKEN": credentials["SessionToken"]}
            for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
                environment.pop(name, None)
        begun = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=environment)
        try:
            out, error = process.communicate()
        except BaseException:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait()
            raise
        lines = []
        for line in out.splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
        return Said(process.returncode, lines, out, error, time.monotonic() - begun)


def code(error: Exception) -> str:
    """AWS's error code, or the kind of failure."""
    if isinstance(error, botocore.exceptions.ClientError):
        return error.response["Error"].get("Code", "")
    return type(error).__name__


def gone(action: Callable[[], Any], *codes: str) -> Any:
    """Do it; None when AWS says that there is no such thing."""
    try:
        return action()
    except botocore.exceptions.ClientError as error:
        if code(error) in codes or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
            return None
        raise


def poll(seconds: float, question: Callable[[], Any], every: float = 5.0) -> Any:
    """Ask until there is an answer or the time is over; the last answer."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() >= end:
            return answer
        time.sleep(min(every, max(0.0, end - time.monotonic())))


def open_account(tagger: list[str]) -> Account:
    """Who asks, and where.

    Raises Problem when there is no region, no credentials, or the region is that of the global services.
    """
    session = botocore.session.Session()
    region = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    if not region:
        raise Problem("No region is configured: set AWS_REGION, for example to eu-central-1.")
    if region == GLOBAL:
        raise Problem(f"{GLOBAL} is where IAM logs: take another home region, so that the forwarder is tried as well.")
    try:
        identity = session.create_client("sts", region_name=region, config=SETTINGS).get_caller_identity()
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise Problem(f"AWS does not say who you are: {error}") from error
    # Only an address of one's own is an emulator.
    emulator = bool(os.environ.get("AWS_ENDPOINT_URL"))
    return Account(identity["Account"], identity["Arn"], region, tagger, emulator, session)


def version(tagger: list[str]) -> str:
    try:
        done = subprocess.run([*tagger, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Problem(f"{tagger[0]} does not run ({error}): name the program with --tagger.") from error
    return done.stdout.strip()


def used(account: Account) -> dict[str, int]:
    """How many of the usual things there are already, in the home region and those without a region."""
    ec2, region = account.client("ec2"), account.client
    counts = {
        "S3 buckets": lambda: len(region("s3").list_buckets()["Buckets"]),
        "EC2 instances": lambda: sum(len(page["Instances"]) for page in ec2.describe_instances()["Reservations"]),
        "EC2 volumes": lambda: len(ec2.describe_volumes()["Volumes"]),
        "Lambda functions": lambda: len(region("lambda").list_functions()["Functions"]),
        "DynamoDB tables": lambda: len(region("dynamodb").list_tables()["TableNames"]),
        "SQS queues": lambda: len(region("sqs").list_queues().get("QueueUrls", [])),
        "stacks": lambda: len(region("cloudformation").describe_stacks()["Stacks"]),
        "IAM users": lambda: len(region("iam").list_users()["Users"]),
        "IAM roles": lambda: len([role for role in region("iam").list_roles()["Roles"]
                                  if not role["Path"].startswith(("/aws-service-role/", "/aws-reserved/"))]),
    }
    return {name: count for name, ask in counts.items() if (count := ask())}


def trails(account: Account) -> list[str]:
    return [trail["Name"] for trail in account.client("cloudtrail").describe_trails()["trailList"]]


def stack_status(account: Account, name: str, region: str) -> str | None:
    """The stack's status; None when there is none."""
    found = gone(lambda: account.client("cloudformation", region).describe_stacks(StackName=name), "ValidationError")
    return found["Stacks"][0]["StackStatus"] if found and found["Stacks"] else None


def stacks(account: Account) -> list[str]:
    """The tagger's stacks that are there, with region and status."""
    asked = [(STACK, account.region), (FORWARDER, GLOBAL)]
    found = [(name, region, stack_status(account, name, region)) for name, region in asked]
    return [f"{name} in {region} ({status})" for name, region, status in found if status]
