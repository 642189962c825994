"""The real templates on the emulator's CloudFormation, with the real function in them: made, updated, used, deleted.

They are deployed as they are, by their address, as a template that is too long for a call must be. The recorder plays
CloudTrail; it delivers events whether a trail logs or not.
"""

from __future__ import annotations

import itertools
import json
import os
import time
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
        for name in support.NAMES:
            with open(support.path(name), "rb") as file:
                s3.put_object(Bucket=BUCKET, Key=f"test/{name}.yaml", Body=file.read())
        iam = cls.cloud.client("iam")
        iam.create_user(UserName="alice")
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        iam.put_user_policy(UserName="alice", PolicyName="Administrator", PolicyDocument=json.dumps(everything))
        key = iam.create_access_key(UserName="alice")["AccessKey"]
        cls.alice = (key["AccessKeyId"], key["SecretAccessKey"])

    def setUp(self) -> None:
        self.addCleanup(self.delete)

    def change(self, kind: str, name: str = "tagger", region: str = support.REGION, ends: str = "COMPLETE",
               **parameters: str) -> list[dict[str, Any]]:
        """Make a change set, run it, and give back what it was going to do."""
        formation = self.cloud.client("cloudformation", region)
        change_set = f"change-{next(NUMBERS)}"
        formation.create_change_set(
            StackName=STACK, ChangeSetName=change_set, ChangeSetType=kind,
            TemplateURL=f"https://{BUCKET}.s3.{support.REGION}.amazonaws.com/test/{name}.yaml",
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

        ended = ends if ends.startswith("ROLLBACK") else f"{kind}_{ends}"
        self.assertEqual(support.wait(finished, "the stack"), ended, self.failures(formation))
        return [change["ResourceChange"] for change in changes["Changes"]]

    def failures(self, formation=None) -> list[str]:
        formation = formation or self.formation
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

    def lying_in(self, url: str) -> list[str]:
        """What a queue holds; each look hides it from the next for a moment."""
        messages = self.cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1)
        return [message["Body"] for message in messages.get("Messages", [])]


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
        self.assertEqual({rule["Name"] for rule in rules if rule["State"] == "ENABLED"}, wanted | {"auto-resource-tagger-alarms", "auto-resource-tagger-trail", "auto-resource-tagger-own-parts", "auto-resource-tagger-reconcile"})

        function = self.cloud.client("lambda")
        configuration = function.get_function_configuration(FunctionName="auto-resource-tagger")
        variables = configuration["Environment"]["Variables"]
        self.assertEqual([name for name in variables if name.startswith("TAGGER_")], [], "an empty parameter is no variable")
        invoke = function.get_function_event_invoke_config(FunctionName="auto-resource-tagger", Qualifier="$LATEST")
        self.assertEqual((invoke["MaximumRetryAttempts"], invoke["MaximumEventAgeInSeconds"]), (2, 21600))
        self.assertIn("auto-resource-tagger-dead-letters", invoke["DestinationConfig"]["OnFailure"]["Destination"])

        changes = self.change("UPDATE", **PARAMETERS, TagKey="Owner", MoreTags="Team=platform", MoreTagKeys="Team", SkipKinds="service")
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

    def test_what_the_rules_missed_is_tagged_by_the_event_history(self) -> None:
        """The rules are off in two regions while alice makes queues; a run tags them. Off, there is no such function."""
        self.change("CREATE", **PARAMETERS)
        self.addCleanup(self.delete, "eu-west-1")
        self.change("CREATE", "forwarder", "eu-west-1", HomeRegion=support.REGION)
        function = "auto-resource-tagger-reconcile"
        for region in (support.REGION, "eu-west-1"):
            events = self.cloud.client("events", region)
            for rule in events.list_rules(NamePrefix="auto-tag-create-resources")["Rules"]:
                events.disable_rule(Name=rule["Name"])
        urls: list[tuple[str, str]] = []
        for number in range(4):
            region = support.REGION if number % 2 else "eu-west-1"
            sqs = self.cloud.client("sqs", region, *self.alice)
            urls.append((region, sqs.create_queue(QueueName=f"missed-{number}")["QueueUrl"]))
            self.addCleanup(sqs.delete_queue, QueueUrl=urls[-1][1])

        def reconcile(**told: Any) -> dict[str, Any]:
            answer = self.cloud.client("lambda").invoke(
                FunctionName=function, Payload=json.dumps({"tagger": "reconcile", **told}).encode())
            content = json.load(answer["Payload"])
            self.assertNotIn("FunctionError", answer, content)
            return content

        first = reconcile()
        self.assertEqual((first["records"], sorted(first["regions"])), (0, ["eu-west-1", support.REGION]), first)
        arn = f"arn:aws:lambda:{support.REGION}:{support.ACCOUNT}:function:{function}"
        marks = [key for key in self.cloud.client("lambda").list_tags(Resource=arn)["Tags"] if not key.startswith("aws:")]
        self.assertEqual(sorted(marks), [f"auto-resource-tagger-reconciled:{region}" for region in sorted(first["regions"])])
        # An hour is long for a test, so it asks for calls of a second ago.
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 600))
        time.sleep(2)
        second = reconcile(**{"from": since, "late": 1})
        self.assertGreaterEqual(second["missed"], 4, second)
        for region, url in urls:
            self.assertEqual(self.cloud.client("sqs", region).list_queue_tags(QueueUrl=url)["Tags"], {"CreatedBy": "alice"})
        self.assertEqual(reconcile(**{"from": since, "late": 1})["missed"], 0)

        self.change("UPDATE", **PARAMETERS, Reconcile="off")
        self.assertEqual([logical for logical in self.made() if "Reconcile" in logical or "Missed" in logical], [])

    def test_a_tag_that_was_changed_is_put_back(self) -> None:
        """A bucket of alice's: its tags are deleted and then forged, by calls that do not tell IAM their keys."""
        self.change("CREATE", **PARAMETERS, TagChanges="restore")
        sqs, s3 = self.cloud.client("sqs"), self.cloud.client("s3", support.REGION, *self.alice)
        queue = sqs.get_queue_url(QueueName="auto-resource-tagger-tag-changes")["QueueUrl"]
        self.assertEqual(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["DelaySeconds"])["Attributes"]["DelaySeconds"], "900")
        # A quarter of an hour is long for a test, and the emulator's history is complete at once.
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "0"})
        bucket = "somebody-takes-its-tags"
        s3.create_bucket(Bucket=bucket)
        self.addCleanup(s3.delete_bucket, Bucket=bucket)

        def tags() -> dict[str, str]:
            try:
                return {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}
            except botocore.exceptions.ClientError:
                return {}

        def lines(code: str) -> list[dict[str, Any]]:
            found = self.cloud.client("logs").filter_log_events(
                logGroupName="/aws/lambda/auto-resource-tagger", filterPattern=f'{{ $.code = "{code}" }}')["events"]
            return [json.loads(event["message"]) for event in found]

        support.wait(lambda: tags() == {"CreatedBy": "alice"}, "alice's tag")
        s3.delete_bucket_tagging(Bucket=bucket)
        support.wait(lambda: tags() == {"CreatedBy": "alice"}, "alice's tag again")
        forged = [{"Key": "CreatedBy", "Value": "mallory"}, {"Key": "Team", "Value": "x"}]
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": forged})
        support.wait(lambda: tags() == {"CreatedBy": "alice", "Team": "x"}, "alice's tag, and the other one still")
        restored = support.wait(lambda: len(lines("tag-restored")) > 1 and lines("tag-restored"), "two lines")
        self.assertEqual([(line["found"], line["value"]) for line in restored], [(None, "alice"), ("mallory", "alice")])
        # Its own writes are such events too; it leaves them alone, and nothing is ever said about them.
        support.wait(lambda: sum(line["fine"] for line in lines("tag-changes")) >= 3, "its own three writes")
        self.assertEqual(lines("tag-changed"), [])
        self.assertEqual(len(lines("tag-restored")), 2)

        self.change("UPDATE", **PARAMETERS, TagChanges="off")
        self.assertEqual([logical for logical in self.made() if logical.startswith("TagChange")], [])

    def test_a_trail_of_its_own(self) -> None:
        """It logs into the stack's bucket, which stays; the next stack is told of it."""
        own = {key: value for key, value in PARAMETERS.items() if key != "ExistingTrail"}
        bucket = f"cloudtrail-logs-{support.ACCOUNT}-{support.REGION}"
        s3, trails = self.cloud.client("s3"), self.cloud.client("cloudtrail")
        self.addCleanup(self.remove, bucket)
        self.change("CREATE", **own)
        self.assertEqual(self.outputs()["TrailBucketName"], bucket)
        self.assertLessEqual({"Trail", "TrailBucket", "TrailBucketPolicy"}, self.made())

        trail = trails.get_trail(Name="auto-resource-tagger")["Trail"]
        self.assertEqual(
            {key: trail[key] for key in ("S3BucketName", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "LogFileValidationEnabled")},
            {"S3BucketName": bucket, "IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": True, "LogFileValidationEnabled": True})
        self.assertTrue(trails.get_trail_status(Name="auto-resource-tagger")["IsLogging"])
        selector, = trails.get_event_selectors(TrailName="auto-resource-tagger")["EventSelectors"]
        self.assertEqual((selector["ReadWriteType"], selector["IncludeManagementEvents"]), ("All", True))

        self.assertEqual(s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        self.assertTrue(all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()))
        rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
        self.assertEqual(rules["expire"]["Expiration"], {"Days": 90})
        self.assertEqual(rules["expire"]["NoncurrentVersionExpiration"], {"NoncurrentDays": 30})
        self.assertEqual(rules["sweep"]["Expiration"], {"ExpiredObjectDeleteMarker": True})
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        for statement in policy["Statement"][:2]:
            self.assertEqual(statement["Condition"]["StringEquals"]["aws:SourceArn"], trail["TrailARN"])
        self.assertEqual(policy["Statement"][2]["Condition"], {"Bool": {"aws:SecureTransport": "false"}})

        self.assertEqual(self.creator_of_a_new_queue("logged"), "alice")
        support.wait(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"), "a log file")

        self.delete()
        self.assertEqual(trails.describe_trails()["trailList"], [])
        self.assertIn(bucket, [found["Name"] for found in s3.list_buckets()["Buckets"]])
        # One that is not told of it fails; what failed leaves nothing, and keeps what it did not make.
        self.change("CREATE", ends="ROLLBACK_COMPLETE", **own)
        self.delete()
        self.change("CREATE", ExistingTrailBucket=bucket, **own)
        self.assertEqual(self.outputs()["TrailBucketName"], bucket)
        self.assertNotIn("TrailBucket", self.made())
        self.assertEqual(trails.get_trail(Name="auto-resource-tagger")["Trail"]["S3BucketName"], bucket)

    def test_a_creation_that_fails_leaves_no_bucket(self) -> None:
        own = {key: value for key, value in PARAMETERS.items() if key != "ExistingTrail"}
        self.change("CREATE", ends="ROLLBACK_COMPLETE", **{**own, "CodeKey": "test/nowhere.zip"})
        self.assertIn("S3 Error Code: NoSuchKey", " ".join(self.failures()))
        self.assertEqual([found["Name"] for found in self.cloud.client("s3").list_buckets()["Buckets"]], [BUCKET])
        self.assertEqual(self.cloud.client("cloudtrail").describe_trails()["trailList"], [])

    def test_whoever_stops_a_trail_is_named(self) -> None:
        """To the topic, from the home region and from another one."""
        self.change("CREATE", **PARAMETERS)
        self.addCleanup(self.delete, "eu-west-1")
        self.change("CREATE", "forwarder", "eu-west-1", HomeRegion=support.REGION)
        sqs, sns = self.cloud.client("sqs"), self.cloud.client("sns")
        inbox = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.addCleanup(sqs.delete_queue, QueueUrl=inbox)
        arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        from_topics = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": json.dumps(from_topics)})
        sns.subscribe(TopicArn=self.outputs()["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)
        for region in (support.REGION, "eu-west-1"):
            trails = self.cloud.client("cloudtrail", region, *self.alice)
            trails.create_trail(Name=f"of-{region}", S3BucketName=BUCKET)
            self.addCleanup(trails.delete_trail, Name=f"of-{region}")
            trails.stop_logging(Name=f"of-{region}")
            said = support.wait(lambda: [text for text in self.lying_in(inbox) if "TRAIL " in text and f" in {region}," in text], f"mail from {region}")
            self.assertRegex(said[0], rf"TRAIL StopLogging by arn:aws:iam::{support.ACCOUNT}:user/alice in {region}, account {support.ACCOUNT}")

    def remove(self, bucket: str) -> None:
        """A bucket with all its versions."""
        self.delete()
        s3 = self.cloud.client("s3")
        found = s3.list_object_versions(Bucket=bucket)
        for version in found.get("Versions", []) + found.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        s3.delete_bucket(Bucket=bucket)

    def test_options(self) -> None:
        self.change("CREATE", **PARAMETERS, AlarmEmail="ops@example.com", AlarmTopicKey="new", Dashboard="no")
        made = self.made()
        self.assertLessEqual({"AlarmSubscription", "TopicKey"}, made)
        self.assertNotIn("OperationsDashboard", made)

    def test_what_cannot_be_read_goes_to_the_dead_letters(self) -> None:
        """What is no record comes, after the tries of an asynchronous call, into the dead-letter queue with its reason."""
        self.change("CREATE", **PARAMETERS)
        self.cloud.client("lambda").invoke(FunctionName="auto-resource-tagger", InvocationType="Event",
                                           Payload=json.dumps({"detail": {"hello": "world"}}).encode())
        url = self.outputs()["DeadLetterQueueUrl"]
        messages = support.wait(lambda: self.lying_in(url), "a dead letter")
        self.assertIn("responsePayload", messages[0])

    def test_a_resource_that_is_not_there_waits(self) -> None:
        """A creation of now whose queue is not there is in the retry queue, and in the dead letters it is not."""
        self.change("CREATE", **PARAMETERS)
        with open(os.path.join(support.ROOT, "catalog", "samples", "sqs", "CreateQueue.json"), encoding="utf-8") as file:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            record = {**json.load(file)["record"], "recipientAccountId": support.ACCOUNT, "eventTime": now}
        answer = json.load(self.cloud.client("lambda").invoke(
            FunctionName="auto-resource-tagger", Payload=json.dumps({"detail": record}).encode())["Payload"])
        self.assertEqual((answer["waiting"], answer["givenUp"]), (1, 0), answer)
        count = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs()["RetryQueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"])
        self.assertEqual(sum(map(int, count["Attributes"].values())), 1, count["Attributes"])

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
