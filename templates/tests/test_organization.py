"""organization.yaml in its two steps on the emulator: every member account gets its function and its forwarder.

The emulator's Organizations has accounts that are real to it, with stacks, roles and functions of their own. There is
nothing behind its observability sink and links, and accounts that join later get no stacks there.
"""

from __future__ import annotations

import json
from typing import Any

import botocore.exceptions

import support
import test_stack

STACK = "auto-resource-tagger-organization"
BUCKET = f"auto-resource-tagger-{support.ACCOUNT}-{support.REGION}"
AWAY = "eu-west-1"


class Organization(test_stack.StackTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        organizations = cls.cloud.client("organizations")
        cls.organization = organizations.describe_organization()["Organization"]["Id"]
        root = organizations.list_roots()["Roots"][0]["Id"]
        cls.unit = organizations.create_organizational_unit(ParentId=root, Name="workloads")["OrganizationalUnit"]["Id"]
        inner = organizations.create_organizational_unit(ParentId=cls.unit, Name="tests")["OrganizationalUnit"]["Id"]
        cls.accounts = []
        for name, parent in (("one", cls.unit), ("two", inner), ("outside", root)):
            made = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]["AccountId"]
            if parent != root:
                organizations.move_account(AccountId=made, SourceParentId=root, DestinationParentId=parent)
            cls.accounts.append(made)

    def setUp(self) -> None:
        self.addCleanup(self.take_away)

    def take_away(self) -> None:
        self.delete_named(STACK)
        s3 = self.cloud.client("s3")
        try:
            versions = s3.list_object_versions(Bucket=BUCKET).get("Versions", [])
        except botocore.exceptions.ClientError:
            return
        for version in versions:
            s3.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
        s3.delete_bucket(Bucket=BUCKET)

    def delete_named(self, name: str) -> None:
        self.formation.delete_stack(StackName=name)

        def gone() -> bool:
            try:
                return self.formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
            except botocore.exceptions.ClientError:
                return True

        support.wait(gone, "no stack any more")

    def step(self, kind: str, **parameters: str) -> None:
        with open(support.path("organization"), encoding="utf-8") as file:
            body = file.read()
        operation = getattr(self.formation, f"{kind}_stack")
        given = {"OrganizationId": self.organization, "TargetIds": self.unit, "Architecture": "x86_64", **parameters}
        # It makes no role, so that it needs no capability.
        operation(StackName=STACK, TemplateBody=body,
                  Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()])

        def finished() -> str | None:
            status = self.formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
            return None if status.endswith("IN_PROGRESS") else status

        ended = support.wait(finished, "the organization's stack", 60)
        events = self.formation.describe_stack_events(StackName=STACK)["StackEvents"]
        self.assertEqual(ended, f"{kind.upper()}_COMPLETE", [event.get("ResourceStatusReason") for event in events
                                                            if "FAILED" in event["ResourceStatus"]])

    def upload(self, prefix: str) -> None:
        s3 = self.cloud.client("s3")
        for name in ("tagger", "forwarder"):
            with open(support.path(name), "rb") as file:
                s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}.yaml", Body=file.read())
        s3.put_object(Bucket=BUCKET, Key=f"{prefix}/bootstrap-x86_64.zip", Body=support.function_zip())

    def functions(self, account: str) -> list[dict[str, Any]]:
        return self.cloud.client("lambda", key=account).list_functions()["Functions"]

    def rules(self, account: str, region: str) -> list[str]:
        return [rule["Name"] for rule in self.cloud.client("events", region, account).list_rules()["Rules"]]

    def of_somebody_in(self, account: str, name: str, region: str) -> str:
        """A person of the account makes a queue there; what does it say about her?"""
        iam = self.cloud.client("iam", key=account)
        user = f"maker-of-{name}"
        iam.create_user(UserName=user)
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName=user, PolicyName="Administrator", PolicyDocument=json.dumps(everything))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        sqs = self.cloud.client("sqs", region, key["AccessKeyId"], key["SecretAccessKey"])
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        return support.wait(lambda: sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get("CreatedBy"), f"a tag on {name}")

    def test_two_steps(self) -> None:
        self.step("create")
        one, two, outside = self.accounts
        self.assertEqual([self.functions(account) for account in self.accounts], [[], [], []])

        self.upload("1")
        self.step("update", ArtifactPrefix="1", ForwarderRegions=AWAY)
        for account in (one, two):
            function, reconciling = sorted(self.functions(account), key=lambda found: len(found["FunctionName"]))
            self.assertEqual(reconciling["FunctionName"], "auto-resource-tagger-reconcile")
            self.assertEqual(function["FunctionArn"], f"arn:aws:lambda:{support.REGION}:{account}:function:auto-resource-tagger")
            self.assertEqual(function["Role"], f"arn:aws:iam::{account}:role/AutoResourceTaggerRole")
            self.assertIn("auto-tag-create-resources", self.rules(account, support.REGION))
            self.assertIn("auto-tag-create-resources", self.rules(account, AWAY))
            trail, = self.cloud.client("cloudtrail", key=account).describe_trails()["trailList"]
            self.assertEqual(trail["S3BucketName"], f"cloudtrail-logs-{account}-{support.REGION}")
            for region in (support.REGION, AWAY):
                name = f"queue-{account}-{region}"
                self.assertEqual(self.of_somebody_in(account, name, region), f"maker-of-{name}")
        # Neither whoever manages the organization nor an account that is not below the unit.
        for account in (support.ACCOUNT, outside):
            self.assertEqual((self.functions(account), self.rules(account, support.REGION)), ([], []))

        # A new version needs a new prefix; settings reach every account, and a region that is left out is cleared.
        self.upload("2")
        self.step("update", ArtifactPrefix="2", TagKey="Owner", ForwarderRegions="")
        for account in (one, two):
            function, reconciling = sorted(self.functions(account), key=lambda found: len(found["FunctionName"]))
            self.assertEqual(reconciling["FunctionName"], "auto-resource-tagger-reconcile")
            self.assertEqual(function["Environment"]["Variables"]["TAGGER_KEY"], "Owner")
            self.assertEqual(self.rules(account, AWAY), [])

        self.delete_named(STACK)
        self.assertEqual([self.functions(account) for account in self.accounts], [[], [], []])
        buckets = [bucket["Name"] for bucket in self.cloud.client("s3").list_buckets()["Buckets"]]
        self.assertIn(BUCKET, buckets, "the code stays")

    def test_an_account_where_it_is_already(self) -> None:
        """The names are taken there; what fails says in which account and why."""
        role = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        iam = self.cloud.client("iam", key=self.accounts[0])
        iam.create_role(RoleName="AutoResourceTaggerRole", AssumeRolePolicyDocument=json.dumps(role))
        self.addCleanup(iam.delete_role, RoleName="AutoResourceTaggerRole")
        # With the organization's trail, since a trail of its own would leave its bucket in the other account.
        self.step("create", ExistingTrail="of-the-organization")
        self.upload("1")
        with self.assertRaisesRegex(AssertionError, f"{self.accounts[0]}: ROLLBACK_COMPLETE: Role: .*AutoResourceTaggerRole.*already exists"):
            self.step("update", ArtifactPrefix="1", ExistingTrail="of-the-organization")
        self.assertEqual(iam.get_role(RoleName="AutoResourceTaggerRole")["Role"]["RoleName"], "AutoResourceTaggerRole")


if __name__ == "__main__":
    import unittest

    unittest.main()
