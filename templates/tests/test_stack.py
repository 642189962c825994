"""The real template on the emulator's CloudFormation, with the real function in it: made, updated, used, deleted.

What the emulator does not do is left to it by parameters that every user has: it has no AWS::CloudTrail::Trail and no
AWS::Oam::Link, so ExistingTrail names one and MonitoringSink is empty. The recorder plays CloudTrail.
"""

from __future__ import annotations

import itertools
import json
import os
import urllib.parse
import urllib.request
from typing import Any

import botocore.exceptions

import support

STACK = "auto-resource-tagger"
BUCKET = "artifacts-of-the-test"
KEY = "test/bootstrap.zip"
PARAMETERS = {"CodeBucket": BUCKET, "CodeKey": KEY, "Architecture": "x86_64", "ExistingTrail": "the-one-that-is-there"}
NUMBERS = itertools.count(1)


class StackTest(support.CloudTest):
    """Makes and deletes stacks; has no test of its own."""

    @classmethod
    def setUpClass(cls) -> None:
        if not os.path.exists(support.BOOTSTRAP):
            raise AssertionError("target/release/bootstrap is not there; run: cargo build --release --package tagger-lambda")
        super().setUpClass()
        cls.formation = cls.cloud.client("cloudformation")
        s3 = cls.cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=support.function_zip())
        iam = cls.cloud.client("iam")
        iam.create_user(UserName="alice")
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="alice", PolicyName="Administrator", PolicyDocument=json.dumps(everything))
        key = iam.create_access_key(UserName="alice")["AccessKey"]
        cls.alice = (key["AccessKeyId"], key["SecretAccessKey"])

    def setUp(self) -> None:
        self.addCleanup(self.delete)

    def change(self, kind: str, name: str = "tagger", region: str = support.REGION, without: str = "",
               **parameters: str) -> list[dict[str, Any]]:
        """Make a change set, run it, and give back what it was going to do."""
        formation = self.cloud.client("cloudformation", region)
        change_set = f"change-{next(NUMBERS)}"
        with open(support.path(name), encoding="utf-8") as file:
            body = file.read()
        if without:
            template = support.template(name)
            del template["Resources"][without], template["Outputs"][without]
            body = json.dumps(template)
        if name == "forwarder":
            # The emulator knows a rule by its name, whatever its region, and takes the second of a name for a loop.
            body = body.replace("auto-tag-create-resources", "auto-forward-create-resources")
        formation.create_change_set(
            StackName=STACK, ChangeSetName=change_set, ChangeSetType=kind, TemplateBody=body,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()])

        def described() -> Any:
            found = formation.describe_change_set(StackName=STACK, ChangeSetName=change_set)
            return found if found["Status"] in ("CREATE_COMPLETE", "FAILED") else None

        changes = support.wait(described, "a change set")
        self.assertEqual(changes["Status"], "CREATE_COMPLETE", changes.get("StatusReason"))
        formation.execute_change_set(StackName=STACK, ChangeSetName=change_set)

        def finished() -> str | None:
            status = formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
            return None if status.endswith("IN_PROGRESS") else status

        self.assertEqual(support.wait(finished, "the stack"), f"{kind}_COMPLETE", self.failures(formation))
        return [change["ResourceChange"] for change in changes["Changes"]]

    def failures(self, formation) -> list[str]:
        events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
        return [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in events
                if "FAILED" in event["ResourceStatus"]]

    def delete(self, region: str = support.REGION) -> None:
        formation = self.cloud.client("cloudformation", region)
        formation.delete_stack(StackName=STACK)

        def gone() -> bool:
            try:
                status = formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
            except botocore.exceptions.ClientError:
                return True
            self.assertNotEqual(status, "DELETE_FAILED", self.failures(formation))
            return status == "DELETE_COMPLETE"

        support.wait(gone, "no stack any more")

    def outputs(self) -> dict[str, str]:
        stack = self.formation.describe_stacks(StackName=STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def made(self) -> set[str]:
        return {resource["LogicalResourceId"] for resource in
                self.formation.describe_stack_resources(StackName=STACK)["StackResources"]}

    def creator_of_a_new_queue(self, name: str, region: str = support.REGION, key: str = "CreatedBy") -> str:
        """A person makes a queue; what does it say about her?"""
        sqs = self.cloud.client("sqs", region, *self.alice)
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        self.addCleanup(sqs.delete_queue, QueueUrl=url)
        return support.wait(lambda: sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get(key), f"a tag {key} on {name}")

    def lying_in(self, url: str) -> list[Any]:
        """What a queue holds, past its policy: that refuses http, and the emulator has nothing else."""
        query = urllib.parse.urlencode({"QueueUrl": url})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.cloud.endpoint}/_ministack/sqs/messages?{query}", timeout=10) as answer:
            found = json.load(answer)["messages"]
        return next(messages for regions in found.values() for queues in regions.values()
                    for queue, messages in queues.items() if queue == url)


class Stack(StackTest):
    def test_direct(self) -> None:
        changes = self.change("CREATE", **PARAMETERS)
        self.assertEqual({change["Action"] for change in changes}, {"Add"})
        self.assertEqual(self.creator_of_a_new_queue("one"), "alice")

        # Its actions are HTTP's verbs, and are allowed on /tags only.
        gateway = self.cloud.client("apigateway", support.REGION, *self.alice)
        api = gateway.create_rest_api(name="api-of-alice")["id"]
        self.addCleanup(gateway.delete_rest_api, restApiId=api)
        arn = f"arn:aws:apigateway:{support.REGION}::/restapis/{api}"
        tags = support.wait(lambda: gateway.get_tags(resourceArn=arn).get("tags"), "a tag on the API")
        self.assertEqual(tags, {"CreatedBy": "alice"})

        outputs = self.outputs()
        self.assertEqual((outputs["FunctionName"], outputs["Trail"], outputs["Delivery"]),
                         ("auto-resource-tagger", "the-one-that-is-there", "direct"))
        self.assertNotIn("EventsQueueUrl", outputs)
        rules = self.cloud.client("events").list_rules()["Rules"]
        wanted = set(outputs["RuleNames"].split(","))
        self.assertEqual({rule["Name"] for rule in rules if rule["State"] == "ENABLED"}, wanted | {"auto-resource-tagger-alarms"})

        function = self.cloud.client("lambda")
        configuration = function.get_function_configuration(FunctionName="auto-resource-tagger")
        variables = configuration["Environment"]["Variables"]
        self.assertEqual([name for name in variables if name.startswith("TAGGER_")], [], "an empty parameter is no variable")
        invoke = function.get_function_event_invoke_config(FunctionName="auto-resource-tagger", Qualifier="$LATEST")
        self.assertEqual((invoke["MaximumRetryAttempts"], invoke["MaximumEventAgeInSeconds"]), (2, 21600))
        self.assertIn("auto-resource-tagger-dead-letters", invoke["DestinationConfig"]["OnFailure"]["Destination"])

        changes = self.change("UPDATE", **PARAMETERS, TagKey="Owner", MoreTags="Team=platform", SkipKinds="service")
        self.assertIn("Function", {change["LogicalResourceId"] for change in changes})
        self.assertEqual(self.creator_of_a_new_queue("two", key="Owner"), "alice")
        variables = function.get_function_configuration(FunctionName="auto-resource-tagger")["Environment"]["Variables"]
        self.assertEqual({name for name in variables if name.startswith("TAGGER_")},
                         {"TAGGER_KEY", "TAGGER_TAGS", "TAGGER_SKIP_KINDS"})

        before = self.made()
        self.change("UPDATE", **PARAMETERS, Delivery="queue")
        self.assertEqual(self.made() - before, {"EventsQueue", "EventsMapping", "EventsQueuePolicy", "OldestEventAlarm"})
        self.assertEqual(before - self.made(), {"RulesMayInvoke"})
        self.assertEqual(self.creator_of_a_new_queue("three"), "alice")

        self.delete()
        self.assertEqual([name["FunctionName"] for name in function.list_functions()["Functions"]], [])
        self.assertEqual(self.cloud.client("events").list_rules()["Rules"], [])
        roles = self.cloud.client("iam").list_roles()["Roles"]
        self.assertNotIn("AutoResourceTaggerRole", [role["RoleName"] for role in roles])
        self.assertEqual(self.cloud.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/auto")["logGroups"], [])

    def test_queue(self) -> None:
        self.change("CREATE", **PARAMETERS, Delivery="queue")
        self.assertEqual(self.creator_of_a_new_queue("four"), "alice")
        self.assertNotIn("RulesMayInvoke", self.made())

    def test_the_logs_stay(self) -> None:
        """Without the trail itself, which the emulator's CloudFormation does not have; its bucket is made, and kept."""
        own = {key: value for key, value in PARAMETERS.items() if key != "ExistingTrail"}
        self.change("CREATE", without="Trail", **own)
        bucket = f"cloudtrail-logs-{support.ACCOUNT}-{support.REGION}"
        self.assertEqual(self.outputs()["TrailBucketName"], bucket)
        self.assertLessEqual({"TrailBucket", "TrailBucketPolicy"}, self.made())
        s3 = self.cloud.client("s3")
        self.addCleanup(s3.delete_bucket, Bucket=bucket)
        self.assertEqual(s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        self.assertTrue(all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()))
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        trail = f"arn:aws:cloudtrail:{support.REGION}:{support.ACCOUNT}:trail/auto-resource-tagger"
        for statement in policy["Statement"][:2]:
            self.assertEqual(statement["Condition"]["StringEquals"]["aws:SourceArn"], trail)
        self.assertEqual(policy["Statement"][2]["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
        self.delete()
        self.assertIn(bucket, [found["Name"] for found in s3.list_buckets()["Buckets"]])
        # The next stack is told of it, and makes none.
        self.change("CREATE", without="Trail", ExistingTrailBucket=bucket, **own)
        self.assertEqual(self.outputs()["TrailBucketName"], bucket)
        self.assertNotIn("TrailBucket", self.made())

    def test_options(self) -> None:
        self.change("CREATE", **PARAMETERS, AlarmEmail="ops@example.com", AlarmTopicKey="new", Dashboard="no")
        made = self.made()
        self.assertLessEqual({"AlarmSubscription", "TopicKey"}, made)
        self.assertNotIn("OperationsDashboard", made)

    def test_what_fails_goes_to_the_dead_letters(self) -> None:
        """A failed call of the function comes, after its retries, into the dead-letter queue with its reason."""
        self.change("CREATE", **PARAMETERS)
        with open(os.path.join(support.ROOT, "catalog", "samples", "sqs", "CreateQueue.json"), encoding="utf-8") as file:
            # There is no such queue here.
            record = {**json.load(file)["record"], "recipientAccountId": support.ACCOUNT}
        self.cloud.client("lambda").invoke(FunctionName="auto-resource-tagger", InvocationType="Event",
                                           Payload=json.dumps({"detail": record}).encode())
        url = self.outputs()["DeadLetterQueueUrl"]
        messages = support.wait(lambda: self.lying_in(url), "a dead letter")
        self.assertIn("responsePayload", json.dumps(messages))

    def test_another_region_forwards(self) -> None:
        self.change("CREATE", **PARAMETERS)
        self.addCleanup(self.delete, "eu-west-1")
        self.change("CREATE", "forwarder", "eu-west-1", HomeRegion=support.REGION)
        self.assertEqual(self.creator_of_a_new_queue("far", "eu-west-1"), "alice")

    def test_a_wrong_parameter_is_refused_with_the_constraint(self) -> None:
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "SkipKinds"):
            self.change("CREATE", **PARAMETERS, SkipKinds="nobody")


if __name__ == "__main__":
    import unittest

    unittest.main()
