"""Records chains of sessions in a running sandbox, for the tests of `tagger who`: who took which role with whose key, in two
accounts, with web identities, source identities and the same session name again and again.

    python chains.py --records FILE --expected FILE

It starts a sandbox of its own, makes every call through the public API, and writes two files of JSON lines: the records, in
any order, and for each resource whom a chain has to lead to. Time stamps, ids and keys are those of the run. Only the
console's switch of roles is written by hand, since the emulator has no console. It needs the sandbox's Python packages:

    PYTHONPATH=sandbox:sandbox/tests python sandbox/clients/chains.py --records crates/core/tests/chains/records.jsonl \\
        --expected crates/core/tests/chains/expected.jsonl
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import uuid

import people
from support import ACCOUNT, REGION, Cloud

OTHER = "444455556666"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class Chains:
    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self.expected: list[dict] = []
        self.roots = {account: self.cloud({"AccessKeyId": account, "SecretAccessKey": "test"}) for account in (ACCOUNT, OTHER)}

    def cloud(self, keys: dict) -> people.Cloud:
        return people.Cloud(self._endpoint, REGION, keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"))

    def user(self, account: str, name: str) -> people.Cloud:
        iam = self.roots[account].client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(EVERYTHING))
        return self.cloud(iam.create_access_key(UserName=name)["AccessKey"])

    def role(self, account: str, name: str, path: str = "/", web: bool = False) -> str:
        if web:
            trust = people.trust({"Federated": f"arn:aws:iam::{account}:oidc-provider/{people.PROVIDER}"},
                                 "sts:AssumeRoleWithWebIdentity")
        else:
            accounts = [f"arn:aws:iam::{one}:root" for one in (ACCOUNT, OTHER)]
            trust = {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}]}
        return people.make_role(self.roots[account].client("iam"), name, trust, "p", EVERYTHING, path)

    def take(self, who: people.Cloud, role: str, session: str, **more: str) -> people.Cloud:
        sts = who.client("sts")
        return self.cloud(people.once_visible(
            lambda: sts.assume_role(RoleArn=role, RoleSessionName=session, **more))["Credentials"])

    def by_web(self, role: str, session: str) -> people.Cloud:
        sts = self.roots[ACCOUNT]._session.create_client(
            "sts", region_name=REGION, endpoint_url=self._endpoint, config=people.botocore.config.Config(
                signature_version=people.botocore.UNSIGNED))
        return self.cloud(people.once_visible(lambda: sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName=session, WebIdentityToken=people.web_identity_token()))["Credentials"])

    def queue(self, who: people.Cloud, name: str, expected: str | None, hops: int, weakest: str, behind: str | None = None) -> None:
        who.client("sqs").create_queue(QueueName=name)
        self.expected.append({"resource": name, "who": expected, "behind": behind, "hops": hops, "weakest": weakest})


def make(chains: Chains) -> None:
    alice, bob = chains.user(ACCOUNT, "alice"), chains.user(OTHER, "bob")
    roles = {name: chains.role(account, name) for account, name in
             ((ACCOUNT, "First"), (OTHER, "Second"), (ACCOUNT, "Third"), (OTHER, "Fourth"))}
    path, center = people.PERMISSION_SET
    worker = chains.role(ACCOUNT, center, path)
    deploy = chains.role(ACCOUNT, "deploy", web=True)
    chains.queue(alice, "by-a-user", "alice", 0, "stated")
    chains.queue(chains.roots[ACCOUNT], "by-root", "root", 0, "stated")
    chains.queue(chains.take(alice, roles["First"], "xx"), "one-hop", "alice", 1, "key")
    chains.queue(chains.take(alice, roles["Second"], "xx"), "two-accounts", "alice", 1, "key")
    # The same role and the same session's name, taken by another: only the key tells them apart.
    chains.queue(chains.take(bob, roles["First"], "xx"), "same-name", "bob", 1, "key")
    who = alice
    for number, role in enumerate(roles.values()):
        who = chains.take(who, role, f"step-{number}")
    chains.queue(who, "four-hops", "alice", 4, "key")
    jane = chains.take(alice, worker, "jane@example.com")
    chains.queue(jane, "identity-center", "jane@example.com", 0, "stated")
    chains.queue(chains.take(chains.take(jane, roles["Second"], "xx"), roles["Third"], "xx"), "center-and-roles",
                 "jane@example.com", 2, "key")
    pipeline = chains.by_web(deploy, "GitHubActions")
    chains.queue(pipeline, "pipeline", "example/shop", 2, "platform")
    chains.queue(chains.take(pipeline, roles["Second"], "GitHubActions"), "pipeline-and-role", "example/shop", 3, "platform")
    sourced = chains.take(alice, roles["First"], "yy", SourceIdentity="carol@example.com")
    chains.queue(chains.take(sourced, roles["Second"], "zz"), "source-identity", "carol@example.com", 2, "key", "alice")
    # A person's address that a pipeline chose for its session: likely, and no more.
    chains.queue(chains.by_web(deploy, "dave@example.com"), "named-by-pipeline", "dave@example.com", 2, "inferred", "example/shop")


def switched(records: list[dict], chains: Chains) -> list[dict]:
    """What the console's switch of roles leaves: the session's calls by keys that no record issued, and `SwitchRole`.

    By the form of a public record of it: https://yohei-a.hatenablog.jp/entry/20200512/1589287983"""
    made = next(record for record in records if (record.get("requestParameters") or {}).get("queueName") == "one-hop")
    identity = json.loads(json.dumps(made["userIdentity"]))
    session = identity["arn"].replace("/xx", "/alice")
    identity.update(arn=session, principalId=identity["principalId"].replace(":xx", ":alice"), accessKeyId="ASIACONSOLE000000001")
    began = identity["sessionContext"]["attributes"]["creationDate"]
    creation = {**made, "userIdentity": identity, "eventID": str(uuid.uuid4()), "requestID": str(uuid.uuid4()),
                "sessionCredentialFromConsole": "true",
                "requestParameters": {"queueName": "console"},
                "responseElements": {"queueUrl": made["responseElements"]["queueUrl"].replace("one-hop", "console")}}
    switch = {"eventVersion": "1.11", "eventID": str(uuid.uuid4()), "eventTime": began, "eventSource": "signin.amazonaws.com",
              "eventName": "SwitchRole", "awsRegion": "us-east-1", "eventType": "AwsConsoleSignIn", "readOnly": False,
              "userIdentity": {"type": "AssumedRole", "principalId": identity["principalId"], "arn": session, "accountId": ACCOUNT},
              "requestParameters": None, "responseElements": {"SwitchRole": "Success"},
              "additionalEventData": {"SwitchFrom": f"arn:aws:iam::{ACCOUNT}:user/alice",
                                      "RedirectTo": "https://console.aws.amazon.com/console/home"},
              "recipientAccountId": ACCOUNT}
    chains.expected.append({"resource": "console", "who": "alice", "behind": None, "hops": 1, "weakest": "session"})
    return [creation, switch]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="chains.py", description="Chains of sessions, recorded.")
    for name in ("records", "expected"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args(argv)
    cloud = Cloud()
    try:
        people.isolate()
        chains = Chains(cloud.endpoint)
        make(chains)
        records = cloud.records()
        records += switched(records, chains)
    finally:
        cloud.stop()
    for record in records:
        answer = record.get("responseElements") or {}
        if "credentials" in answer:
            answer["credentials"]["sessionToken"] = "EXAMPLE"
    random.Random(1).shuffle(records)
    for path, rows in ((arguments.records, records), (arguments.expected, chains.expected)):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    print(f"{len(records)} records, {len(chains.expected)} chains")
    return 0


if __name__ == "__main__":
    sys.exit(main())
