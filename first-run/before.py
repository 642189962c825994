"""The steps before anything is deployed: TLS, forms of queue policies, templates, dry runs. What they make they remove."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import botocore.exceptions

import kinds
import tls
from account import GLOBAL, code, gone, poll
from context import ROOT, Run

ROOT_MAY_NOT = "root may not assume a role: run this as an IAM user or role"
TEMPLATES = {"tagger": ["CAPABILITY_NAMED_IAM"], "forwarder": ["CAPABILITY_NAMED_IAM"], "organization": []}


def roots(run: Run) -> None:
    if run.outcome.only_on_aws("tls"):
        return run.outcome.leave("tls", "")
    names = tls.hosts(os.path.join(ROOT, "first-run/hosts.txt"), run.account.id, (run.account.region, GLOBAL))
    found = tls.check(names, os.path.join(ROOT, "crates/aws/certs/amazon-roots.pem"))
    seen = f"{len(found.trusted)} of {len(names)} hosts; {len(found.absent)} have no address"
    if found.refused:
        run.outcome.settle("tls", False, seen + "; NOT: " + ", ".join(f"{k} ({v})" for k, v in found.refused.items()))
    elif found.silent or not found.trusted:
        run.outcome.leave("tls", seen + "; no answer: " + ", ".join(f"{k} ({v})" for k, v in found.silent.items()))
    else:
        run.outcome.settle("tls", True, seen)


def queue_policies(run: Run) -> None:
    """What SQS says to three forms of one statement."""
    sqs, name = run.account.client("sqs"), f"{run.state.name}-policy"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    one = kinds.arn(run.account, "sqs", name)
    forms = {"one": (one, True), "star": ("*", True), "two": ([one, one + "-other"], False)}
    for form, (resource, accepted) in forms.items():
        statement = {"Sid": "Tried", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": resource,
                     "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        try:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
            run.outcome.settle(f"queue-policy-{form}", accepted, "accepted")
        except botocore.exceptions.ClientError as error:
            run.outcome.settle(f"queue-policy-{form}", not accepted, f"refused: {error}")
    sqs.delete_queue(QueueUrl=queue)


def templates(run: Run) -> None:
    """CloudFormation reads templates of this size from a bucket only."""
    s3, name = run.account.client("s3"), f"{run.state.name}-code"
    kinds.make_bucket(run.account, name)
    bucket = kinds.find_bucket(run.account, name)[0]
    suffix = "amazonaws.com.cn" if run.account.partition() == "aws-cn" else "amazonaws.com"
    for template, wanted in TEMPLATES.items():
        with open(os.path.join(ROOT, f"templates/{template}.yaml"), "rb") as file:
            s3.put_object(Bucket=bucket, Key=f"{template}.yaml", Body=file.read())
        url = f"https://{bucket}.s3.{run.account.region}.{suffix}/{template}.yaml"
        try:
            answer = run.account.client("cloudformation").validate_template(TemplateURL=url)
            needs = answer.get("Capabilities") or []
            run.outcome.settle(f"template-{template}", needs == wanted, f"needs {', '.join(needs) or 'no capability'}")
        except botocore.exceptions.ClientError as error:
            run.outcome.settle(f"template-{template}", False, f"refused: {error}")
    kinds.delete_bucket(run.account, bucket)


def dry_run(run: Run) -> None:
    said = run.account.run("deploy", "--dry-run", *run.deploy)
    left = reviewed(run)
    run.outcome.settle("dry-run", said.code == 0 and not left,
                       f"left {', '.join(left)}" if left else said.trouble() if said.code else "nothing left")


def reviewed(run: Run) -> list[str]:
    """Stacks that a change set made and nobody carried out."""
    found = []
    for region in (run.account.region, GLOBAL):
        stacks = kinds.pages(run.account.client("cloudformation", region), "list_stacks", "StackSummaries",
                             StackStatusFilter=["REVIEW_IN_PROGRESS"])
        found += [stack["StackName"] for stack in stacks]
    return found


def dry_run_by_policy(run: Run) -> None:
    """The same as a role that has only what `docs/security.md` says; what is denied is missing there."""
    if run.account.caller.endswith(":root"):
        return run.outcome.leave("dry-run-policy", ROOT_MAY_NOT)
    said = run.account.run("deploy", "--dry-run", *run.deploy, credentials=deployer(run))
    left = reviewed(run)
    fine = said.code == 0 and not left and not said.denied()
    run.outcome.settle("dry-run-policy", fine, "nothing denied, nothing left" if fine else
                       f"{said.trouble()}; denied: {said.denied()}; left: {left}")
    delete_deployer(run)


def delete_deployer(run: Run) -> None:
    kinds.delete_role(run.account, f"{run.state.name}-deployer")
    for policy in kinds.find_policies(run.account, run.state.name):
        run.account.client("iam").delete_policy(PolicyArn=policy)


def deployer(run: Run) -> dict[str, str]:
    """Credentials of a role that has the documented policy and no more."""
    return assume(run, make_deployer(run, f"{run.state.name}-deployer"))


def make_deployer(run: Run, role: str) -> str:
    iam, owner = run.account.client("iam"), f"arn:{run.account.partition()}:iam::{run.account.id}"
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"{owner}:root"}, "Action": "sts:AssumeRole"}]}
    if not kinds.find_role(run.account, role):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    # Managed ones, since a role's inline policies may have 10,240 characters together.
    for name, policy in documented_policies(run.account.id, run.account.partition()).items():
        document = json.dumps(policy, separators=(",", ":"))
        arn = f"{owner}:policy/{run.state.name}-{name}"
        if not gone(lambda: iam.get_policy(PolicyArn=arn), "NoSuchEntity"):
            iam.create_policy(PolicyName=f"{run.state.name}-{name}", PolicyDocument=document)
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    return f"{owner}:role/{role}"


def documented_policies(account: str, partition: str) -> dict[str, Any]:
    """What "Who may deploy" says, for this account: of the command itself, and of CloudFormation in its name."""
    try:
        with open(os.path.join(ROOT, "templates/deployer.json"), encoding="utf-8") as file:
            text = file.read().replace("{account}", account).replace("{partition}", partition)
        policies = json.loads(text)
        return {name: policies[name] for name in ("command", "cloudformation")}
    except FileNotFoundError:
        with open(os.path.join(ROOT, "docs/security.md"), encoding="utf-8") as file:
            section = file.read().partition("\n## Who may deploy\n")[2]
    text = section.partition("```json\n")[2].partition("```")[0]
    return {"command": json.loads(text.replace("111122223333", account).replace("arn:aws:", f"arn:{partition}:"))}


def assume(run: Run, role: str) -> dict[str, str]:
    """A new role can be assumed after some seconds only, and its policy holds after some more."""
    def attempt() -> Any:
        try:
            answer = run.account.client("sts").assume_role(RoleArn=role, RoleSessionName="first-run")
            return answer["Credentials"]
        except botocore.exceptions.ClientError as error:
            if code(error) != "AccessDenied":
                raise
            return None
    credentials = poll(90, attempt, every=3)
    if not credentials:
        raise TimeoutError(f"{role} could not be assumed within 90 seconds")
    if not run.account.emulator:
        time.sleep(15)
    return credentials
