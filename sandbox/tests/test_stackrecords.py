"""What CloudFormation calls for the resources of a stack leaves records as on AWS: recorder/stacks.py, stackcalls.py."""

from __future__ import annotations

import glob
import json
import os
import re
import tomllib
import unittest
from typing import Any

from stack_types import NOT_MADE, RESOURCES, TRUST
from support import ACCOUNT, REGION, SANDBOX, Cloud, wait

import people
from recorder import record, stackcalls, stacktypes

QUEUE = {"Type": "AWS::SQS::Queue"}
SERVICE = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def plain_event(name: str) -> str:
    """Without the version that Lambda's and CloudFront's events end with."""
    return re.sub(r"20\d\d[_\d]*(v\d+)?$", "", name)


class Stacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.stop)
        cls.root = people.Cloud(cls.cloud.endpoint, REGION, ACCOUNT, "test")
        cls.people = {}
        for person in people.make_people(cls.root, cls.cloud.endpoint, ACCOUNT, REGION):
            keys = person["environment"]
            cls.people[person["expected"]] = people.Cloud(
                cls.cloud.endpoint, REGION, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"],
                keys.get("AWS_SESSION_TOKEN"))
        cls.role = cls.root.client("iam").create_role(
            RoleName="Service", AssumeRolePolicyDocument=json.dumps(SERVICE))["Role"]["Arn"]

    def ended(self, name: str, status: str) -> dict:
        """The stack, when nothing goes on with it any more."""
        def described() -> dict | None:
            found = self.root.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
            return None if found["StackStatus"].endswith("IN_PROGRESS") else found

        found = wait(described, 60, f"an end of stack {name}")
        self.assertEqual(found["StackStatus"], status, f"{found.get('StackStatusReason')} {self.reasons(name)}")
        return found

    def reasons(self, name: str) -> list[str]:
        events = self.root.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if "FAILED" in event["ResourceStatus"]]

    def make(self, who: str, name: str, resources: dict, status: str = "CREATE_COMPLETE", **more: Any) -> dict:
        self.people[who].client("cloudformation").create_stack(
            StackName=name, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"], **more)
        return self.ended(name, status)

    def records(self, name: str) -> list[dict]:
        """What CloudFormation called for a stack: its resources have the stack's name in theirs."""
        return [found for found in self.cloud.records() if found["userIdentity"].get("invokedBy")
                and f"{name}-" in json.dumps(found["requestParameters"])]

    def events(self, name: str) -> list[str]:
        return [found["eventName"] for found in self.records(name)]

    def one(self, name: str, event: str) -> dict:
        found = [record for record in self.records(name) if record["eventName"] == event]
        self.assertEqual(len(found), 1, f"expected one {event} of stack {name}, found {self.events(name)}")
        return found[0]

    # ------------------------------------------------------------------------------------------------------- who

    def test_it_is_in_the_callers_name(self) -> None:
        for who, arn in (("alice", f"arn:aws:iam::{ACCOUNT}:user/alice"),
                         ("bob", f"arn:aws:sts::{ACCOUNT}:assumed-role/Developer/bob"), ("root", f"arn:aws:iam::{ACCOUNT}:root")):
            with self.subTest(who):
                self.make(who, f"by-{who}", {"Queue": QUEUE})
                found = self.one(f"by-{who}", "CreateQueue")
                identity = found["userIdentity"]
                self.assertEqual((identity["arn"], identity["invokedBy"]), (arn, "cloudformation.amazonaws.com"))
                # By a session of his own, as in a public record of DeleteSecurityGroup by an IAM user of 2020.
                self.assertTrue(identity["accessKeyId"].startswith("ASIA"), identity)
                self.assertEqual(identity["sessionContext"]["attributes"]["mfaAuthenticated"], "false")
                self.assertEqual((found["sourceIPAddress"], found["userAgent"]), ("cloudformation.amazonaws.com",) * 2)
                self.assertNotIn("tlsDetails", found)
                self.assertEqual((found["readOnly"], found["awsRegion"], found["recipientAccountId"]), (False, REGION, ACCOUNT))

    def test_a_service_role_stays_with_the_stack(self) -> None:
        stack = self.make("alice", "with-role", {"Queue": QUEUE}, RoleARN=self.role)
        self.assertEqual(stack["RoleARN"], self.role)
        # Somebody else updates it, and states no role.
        self.people["bob"].client("cloudformation").update_stack(
            StackName="with-role", TemplateBody=json.dumps({"Resources": {"Queue": QUEUE, "Other": QUEUE}}))
        self.ended("with-role", "UPDATE_COMPLETE")
        self.people["bob"].client("cloudformation").delete_stack(StackName="with-role")
        wait(lambda: self.events("with-role").count("DeleteQueue") == 2, what="two deleted queues")
        self.assertEqual(self.events("with-role"), ["CreateQueue", "CreateQueue", "DeleteQueue", "DeleteQueue"])
        for found in self.records("with-role"):
            identity = found["userIdentity"]
            self.assertEqual((identity["type"], identity["arn"]),
                             ("AssumedRole", f"arn:aws:sts::{ACCOUNT}:assumed-role/Service/AWSCloudFormation"))
            self.assertTrue(identity["principalId"].endswith(":AWSCloudFormation"))
            self.assertEqual(identity["sessionContext"]["sessionIssuer"]["arn"], self.role)
            self.assertEqual(identity["invokedBy"], "cloudformation.amazonaws.com")

    def test_a_role_that_cloudformation_cannot_assume_is_refused(self) -> None:
        formation = self.people["alice"].client("cloudformation")
        other = self.root.client("iam").create_role(RoleName="Other", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        for arn in (other, f"arn:aws:iam::{ACCOUNT}:role/nobody"):
            with self.assertRaisesRegex(formation.exceptions.ClientError, "is invalid or cannot be assumed"):
                formation.create_stack(StackName="refused", TemplateBody="{\"Resources\": {}}", RoleARN=arn)

    def test_an_update_and_a_change_set_are_by_whoever_makes_them(self) -> None:
        self.make("alice", "updated", {"Queue": QUEUE})
        self.people["bob"].client("cloudformation").update_stack(
            StackName="updated", TemplateBody=json.dumps({"Resources": {"Queue": QUEUE, "Topic": {"Type": "AWS::SNS::Topic"}}}))
        self.ended("updated", "UPDATE_COMPLETE")
        formation = self.people["root"].client("cloudformation")
        formation.create_change_set(StackName="updated", ChangeSetName="c", TemplateBody=json.dumps(
            {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "updated-group"}}}}))
        self.people["alice"].client("cloudformation").execute_change_set(StackName="updated", ChangeSetName="c")
        self.ended("updated", "UPDATE_COMPLETE")
        by = {found["eventName"]: found["userIdentity"]["arn"].rsplit("/")[-1] for found in self.records("updated")}
        self.assertEqual(by, {"CreateQueue": "alice", "CreateTopic": "bob", "CreateLogGroup": "alice", "DeleteQueue": "alice",
                              "DeleteTopic": "alice"})

    # --------------------------------------------------------------------------------------------- which calls there are

    def test_a_replacement_is_made_and_the_old_one_deleted(self) -> None:
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "replaced-one"}}
        self.make("alice", "replaced", {"Topic": topic, "Queue": QUEUE})
        topic["Properties"]["TopicName"] = "replaced-other"
        self.people["bob"].client("cloudformation").update_stack(
            StackName="replaced", TemplateBody=json.dumps({"Resources": {"Topic": topic, "Queue": QUEUE}}))
        self.ended("replaced", "UPDATE_COMPLETE")
        # The queue is the same one, so it is not created again.
        self.assertEqual(sorted(self.events("replaced")), ["CreateQueue", "CreateTopic", "CreateTopic", "DeleteTopic"])
        made = {found["requestParameters"]["name"]: found["userIdentity"]["arn"].rsplit("/")[-1]
                for found in self.records("replaced") if found["eventName"] == "CreateTopic"}
        self.assertEqual(made, {"replaced-one": "alice", "replaced-other": "bob"})
        self.assertTrue(self.one("replaced", "DeleteTopic")["requestParameters"]["topicArn"].endswith(":replaced-one"))

    def test_what_a_rollback_deletes(self) -> None:
        bad = {"Type": "AWS::Lambda::Function", "DependsOn": "Queue", "Properties": {
            "Runtime": "python3.13", "Handler": "a.b", "Role": self.role, "Code": {"S3Bucket": "none", "S3Key": "none"}}}
        self.make("alice", "back", {"Queue": QUEUE, "Function": bad}, "ROLLBACK_COMPLETE")
        self.assertEqual(self.events("back"), ["CreateQueue", "DeleteQueue"])

    def test_a_nested_stack(self) -> None:
        s3 = self.root.client("s3")
        s3.create_bucket(Bucket="templates")
        inner = {"Resources": {"Queue": QUEUE}}
        s3.put_object(Bucket="templates", Key="inner", Body=json.dumps(inner))
        middle = {"Resources": {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {
            "TemplateURL": "https://templates.s3.amazonaws.com/inner"}}}}
        s3.put_object(Bucket="templates", Key="middle", Body=json.dumps(middle))
        top = self.make("alice", "top", {"Middle": {"Type": "AWS::CloudFormation::Stack", "Properties": {
            "TemplateURL": "https://templates.s3.amazonaws.com/middle"}}})
        stacks = {stack["StackName"]: stack for stack in self.root.client("cloudformation").describe_stacks()["Stacks"]}
        below = [stack for stack in stacks.values() if stack.get("RootId") == top["StackId"]]
        self.assertEqual(len(below), 2, list(stacks))
        self.assertNotIn("RootId", stacks["top"])
        middle_id = next(stack["StackId"] for stack in below if stack["ParentId"] == top["StackId"])
        self.assertEqual(sum(stack["ParentId"] == middle_id for stack in below), 1)
        calls = [found for found in self.records("top") if found["eventName"] == "CreateStack"]
        self.assertEqual(sorted(found["responseElements"]["stackId"] for found in calls), sorted(stack["StackId"] for stack in below))
        queue = self.one("top", "CreateQueue")
        self.assertEqual(sorted(found["requestParameters"]["stackName"] for found in calls), sorted(stack["StackName"] for stack in below))
        self.assertEqual({found["userIdentity"]["arn"] for found in (*calls, queue)}, {f"arn:aws:iam::{ACCOUNT}:user/alice"})
        # A queue says in which stack it is, not in which ones that is.
        self.assertNotIn(queue["requestParameters"]["tags"]["aws:cloudformation:stack-id"], (top["StackId"], middle_id))

    # ------------------------------------------------------------------------------------------------------ their form

    def test_forms(self) -> None:
        own = [{"Key": "Team", "Value": "x"}]
        self.make("alice", "forms", {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": own}}, "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "AssumeRolePolicyDocument": TRUST, "Tags": own}},
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": TRUST, "Tags": own, "Description": "forms-key"}},
            "Parameters": {"Type": "AWS::RDS::DBParameterGroup", "Properties": {
                "Description": "d", "Family": "mysql8.0", "Tags": own}},
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16", "Tags": [{"Key": "Name", "Value": "forms-vpc"}]}}})
        stack = {"aws:cloudformation:stack-name", "aws:cloudformation:stack-id", "aws:cloudformation:logical-id"}
        # S3's has no tags: a public record of a stack's bucket of March 2022 is without them.
        made = self.one("forms", "CreateBucket")["requestParameters"]
        self.assertEqual(set(made), {"bucketName", "Host"})
        tagging = self.one("forms", "PutBucketTagging")["requestParameters"]
        self.assertEqual((tagging["bucketName"], tagging["tagging"]), (made["bucketName"], ""))
        self.assertEqual({tag["Key"] for tag in tagging["Tagging"]["TagSet"]["Tag"]}, {*stack, "Team"})
        # Who tags the bucket gives the stack's tags back as they are, and may give no others of AWS's.
        s3 = self.root.client("s3")
        there = s3.get_bucket_tagging(Bucket=made["bucketName"])["TagSet"]
        s3.put_bucket_tagging(Bucket=made["bucketName"], Tagging={"TagSet": [*there, {"Key": "More", "Value": "x"}]})
        for changed in ("aws:cloudformation:stack-name", "aws:other"):
            with self.assertRaisesRegex(s3.exceptions.ClientError, "reserved"):
                s3.put_bucket_tagging(Bucket=made["bucketName"], Tagging={"TagSet": [{"Key": changed, "Value": "y"}]})
        # IAM's and RDS's are without the stack's.
        for event, member in (("CreateRole", "tags"), ("CreateDBParameterGroup", "tags")):
            self.assertEqual(self.one("forms", event)["requestParameters"][member], [{"key": "Team", "value": "x"}], event)
        self.assertEqual(self.one("forms", "CreateRole")["awsRegion"], "us-east-1")
        key = self.one("forms", "CreateKey")
        self.assertEqual({tag["tagKey"] for tag in key["requestParameters"]["tags"]}, {*stack, "Team"})
        self.assertEqual(key["resources"][0]["ARN"], key["responseElements"]["keyMetadata"]["arn"])
        vpc = self.one("forms", "CreateVpc")
        specification = vpc["requestParameters"]["tagSpecificationSet"]["items"][0]
        self.assertEqual((specification["resourceType"], {tag["key"] for tag in specification["tags"]}), ("vpc", {*stack, "Name"}))
        self.assertRegex(vpc["responseElements"]["vpc"]["vpcId"], "^vpc-")

    def test_every_type_has_a_call_or_a_reason(self) -> None:
        """What the emulator can make leaves a record, or stands in stacktypes.NO_RECORD."""
        from ministack.services.cloudformation import provisioners

        added = {"AWS::CloudTrail::Trail", "AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::Oam::Link", "AWS::Oam::Sink",
                 "AWS::CloudFormation::StackSet"}  # by patches_*.py
        without = {kind for kind in {*provisioners._RESOURCE_HANDLERS, *added} if stackcalls.operations_of(kind)[0] is None}
        self.assertEqual(without, set(stacktypes.NO_RECORD))
        undeleted = {kind for kind in {*provisioners._RESOURCE_HANDLERS, *added} - without if stackcalls.operations_of(kind)[1] is None}
        # Their deletion is no call of its own, or one of the resource that they are a part of.
        self.assertEqual(undeleted, {"AWS::ApiGateway::Account", "AWS::AppConfig::Deployment", "AWS::AppSync::GraphQLSchema",
                                     "AWS::Cognito::IdentityPoolPrincipalTag", "AWS::Cognito::IdentityPoolRoleAttachment",
                                     "AWS::Lambda::Version"})

    def test_every_type_of_the_catalog(self) -> None:
        """One stack of all: each record holds what the catalog reads from it, and that is the resource's."""
        entries = catalog()
        from ministack.services.cloudformation import provisioners

        made_by_emulator = {*provisioners._RESOURCE_HANDLERS, "AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::Oam::Link", "AWS::Oam::Sink",
                            "AWS::CloudTrail::Trail"}
        creating = {kind for kind in made_by_emulator & entries.keys() if stackcalls.operations_of(kind)[0]}
        self.assertEqual(creating - {kind for kind, _ in RESOURCES.values()}, set(NOT_MADE), "tests/stack_types.py lacks a type")
        s3 = self.root.client("s3")
        s3.create_bucket(Bucket="all-types")
        body = {"Resources": {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in RESOURCES.items()}}
        s3.put_object(Bucket="all-types", Key="t", Body=json.dumps(body))
        formation = self.people["alice"].client("cloudformation")
        formation.create_stack(StackName="all", TemplateURL="https://all-types.s3.amazonaws.com/t", DisableRollback=True,
                               Capabilities=["CAPABILITY_NAMED_IAM"])
        self.ended("all", "CREATE_COMPLETE")
        physical = {found["LogicalResourceId"]: found["PhysicalResourceId"] for found in
                    formation.describe_stack_resources(StackName="all")["StackResources"]}
        records = [found for found in self.cloud.records() if found["userIdentity"].get("invokedBy")]
        for name, (kind, _) in RESOURCES.items():
            if kind in creating:
                with self.subTest(kind):
                    self.assertEqual(problem(kind, physical[name], entries[kind], records), "")

    def test_data_is_used(self) -> None:
        """No line of the tables that the names would give as well, or for what the emulator does not have."""
        from ministack.services.cloudformation import provisioners

        known = {*provisioners._RESOURCE_HANDLERS, "AWS::EC2::EIP", "AWS::EC2::NatGateway"}
        for kind, calls in stacktypes.CALLS.items():
            self.assertIn(kind, known)
            service = stackcalls.service_of(kind)
            names = {name.lower() for name in stackcalls.models.operation_names(service)}
            for call in filter(None, calls):
                self.assertIn(call.lower(), names, f"{kind}: {service} has no {call}")


def catalog() -> dict[str, list[tuple[str, dict]]]:
    """By type: the event source and the entry, of the product's catalog."""
    found: dict[str, list[tuple[str, dict]]] = {}
    for path in glob.glob(os.path.join(SANDBOX, "..", "catalog", "*.toml")):
        with open(path, "rb") as file:
            content = tomllib.load(file)
        for entry in content.get("resource", []):
            found.setdefault(entry["type"], []).append((content.get("event-source", ""), entry))
    return found


def unwrapped(found: dict) -> dict:
    """EC2's newer calls stand in a member of their own name, and so does API Gateway's body."""
    result = {}
    for side in ("requestParameters", "responseElements"):
        value = found[side] or {}
        for name, inner in list(value.items()):
            if name.endswith(("Request", "Response", "Input")) and isinstance(inner, dict):
                value = {**inner, **value}
        result[side] = {name[:1].lower() + name[1:]: item for name, item in value.items()}
    return result


def read(found: Any, path: str) -> Any:
    for part in path.split("."):
        name, _, mark = part.partition("[")
        found = found.get(name) if isinstance(found, dict) else None
        found = found[0] if mark and isinstance(found, list) and found else found
    return found


def named(physical: str, found: dict) -> bool:
    """Whether a record names the resource: by what `Ref` gives, or by the last part of it."""
    text = json.dumps(found)
    return physical in text or any(f'{mark}{part}"' in text for part in re.split(r"[/:|]", physical)[-2:] if part for mark in '"/:')


def problem(kind: str, physical: str, entries: list[tuple[str, dict]], records: list[dict]) -> str:
    """Why no record of this type's creation tells the ARN of the resource; nothing when one does."""
    service, call = stackcalls.service_of(kind), stackcalls.operations_of(kind)[0]
    source = record.event_source(service)
    mine = [unwrapped(found) for found in records if (found["eventSource"], plain_event(found["eventName"])) == (source, call)]
    if not mine:
        return f"no record of {source} {call}"
    for entry_source, entry in entries:
        if (entry_source, plain_event(entry["event"])) != (source, call):
            continue
        for field in ("arn", "id"):
            templates = entry.get(field) or []
            for template in [templates] if isinstance(templates, str) else templates:
                paths = [path.split("|")[0] for path in re.findall(r"{((?:requestParameters|responseElements)[^}]*)}", template)]
                if any(all(read(found, path) for path in paths) and named(physical, found) for found in mine):
                    return ""
    return f"expected {entries} to find {physical}, found {mine}"


if __name__ == "__main__":
    unittest.main()
