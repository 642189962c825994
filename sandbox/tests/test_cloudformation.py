"""CloudFormation: what the emulator lacks or accepts by mistake, put right by patches_cloudformation.py."""

from __future__ import annotations

import io
import json
import os
import unittest
import zipfile

from support import ACCOUNT, REGION, Cloud, wait

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


class Formation(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.stop)

    def written(self, name: str, content: bytes) -> str:
        path = os.path.join(self.cloud.state, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def make(self, name: str, resources: dict, *options: str, identity: dict | None = None, region: str = REGION) -> str:
        """Create a stack; returns how it ended."""
        template = self.written(f"{name}.json", json.dumps({"Resources": resources}).encode())
        self.cloud.aws("cloudformation", "create-stack", "--stack-name", name, "--template-body", f"file://{template}",
                       *options, identity=identity, region=region)
        return self.ended(name, region)

    def ended(self, name: str, region: str = REGION) -> str:
        def status() -> str | None:
            found = self.cloud.aws("cloudformation", "describe-stacks", "--stack-name", name, region=region)
            found = found["Stacks"][0]["StackStatus"]
            return None if found.endswith("IN_PROGRESS") else found

        return wait(status, what=f"an end of stack {name}")

    def reasons(self, name: str) -> str:
        events = self.cloud.aws("cloudformation", "describe-stack-events", "--stack-name", name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"])

    def bucket(self, name: str, **objects: bytes) -> str:
        self.cloud.aws("s3api", "create-bucket", "--bucket", name)
        for key, content in objects.items():
            self.cloud.aws("s3api", "put-object", "--bucket", name, "--key", key, "--body", self.written(key, content))
        return name

    def test_a_name_that_is_taken(self) -> None:
        self.cloud.aws("iam", "create-role", "--role-name", "taken", "--assume-role-policy-document", json.dumps(TRUST))
        self.cloud.aws("sqs", "create-queue", "--queue-name", "taken")
        self.cloud.aws("sns", "create-topic", "--name", "taken")
        self.cloud.aws("logs", "create-log-group", "--log-group-name", "/taken")
        self.cloud.aws("events", "put-rule", "--name", "taken", "--schedule-expression", "rate(1 day)")
        kinds = {
            "AWS::IAM::Role": ({"RoleName": "taken", "AssumeRolePolicyDocument": TRUST}, "identifier 'taken'"),
            "AWS::SQS::Queue": ({"QueueName": "taken"}, "identifier 'taken'"),
            "AWS::SNS::Topic": ({"TopicName": "taken"}, "identifier 'taken'"),
            "AWS::Logs::LogGroup": ({"LogGroupName": "/taken"}, "identifier '{\"/properties/LogGroupName\":\"/taken\"}'"),
            "AWS::Events::Rule": ({"Name": "taken", "ScheduleExpression": "rate(1 day)"}, "identifier 'taken'"),
        }
        for number, (kind, (properties, said)) in enumerate(kinds.items()):
            with self.subTest(kind):
                name = f"taken-{number}"
                ended = self.make(name, {"It": {"Type": kind, "Properties": properties}}, "--capabilities", "CAPABILITY_NAMED_IAM")
                self.assertEqual(ended, "ROLLBACK_COMPLETE")
                self.assertIn(f"Resource of type '{kind}' with {said} already exists.", self.reasons(name))
                self.assertIn("HandlerErrorCode: AlreadyExists", self.reasons(name))
        # What was there is there still.
        self.assertEqual(self.cloud.aws("iam", "get-role", "--role-name", "taken")["Role"]["RoleName"], "taken")
        self.cloud.aws("sqs", "get-queue-url", "--queue-name", "taken")

        queue = {"It": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-a-stack"}}}
        self.assertEqual(self.make("first", queue), "CREATE_COMPLETE")
        self.assertEqual(self.make("second", queue), "ROLLBACK_COMPLETE")
        self.assertRegex(self.reasons("second"), "of-a-stack already exists in stack arn:aws:cloudformation:.*stack/first/")

    def test_a_named_role_needs_its_capability(self) -> None:
        role = {"It": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "bare", "AssumeRolePolicyDocument": TRUST}}}
        template = self.written("bare.json", json.dumps({"Resources": role}).encode())
        said = self.refused("cloudformation", "create-change-set", "--stack-name", "bare", "--change-set-name", "c",
                            "--change-set-type", "CREATE", "--template-body", f"file://{template}")
        self.assertIn("InsufficientCapabilitiesException", said)
        self.assertIn("Requires capabilities : [CAPABILITY_NAMED_IAM]", said)

    def test_a_creation_that_failed_can_only_be_deleted(self) -> None:
        self.cloud.aws("sqs", "create-queue", "--queue-name", "in-the-way")
        queue = {"It": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "in-the-way"}}}
        self.assertEqual(self.make("blocked", queue), "ROLLBACK_COMPLETE")
        body = f"file://{self.cloud.state}/blocked.json"
        for call, said in ((("create-stack",), "AlreadyExistsException"), (("update-stack",), "is in ROLLBACK_COMPLETE state and can not be updated."),
                           (("create-change-set", "--change-set-name", "c"), "is in ROLLBACK_COMPLETE state and can not be updated."),
                           (("create-change-set", "--change-set-name", "c", "--change-set-type", "CREATE"), "AlreadyExistsException")):
            with self.subTest(call):
                self.assertIn(said, self.refused("cloudformation", *call, "--stack-name", "blocked", "--template-body", body))
        self.cloud.aws("cloudformation", "delete-stack", "--stack-name", "blocked")
        self.cloud.aws("sqs", "get-queue-url", "--queue-name", "in-the-way")

    def test_a_member_sees_its_organization(self) -> None:
        made = self.cloud.aws("organizations", "create-account", "--email", "a@example.com", "--account-name", "a")["CreateAccountStatus"]
        member = {"AWS_ACCESS_KEY_ID": made["AccountId"], "AWS_SECRET_ACCESS_KEY": "test"}
        ours = self.cloud.aws("organizations", "describe-organization")["Organization"]
        self.assertEqual(self.cloud.aws("organizations", "describe-organization", identity=member)["Organization"], ours)
        self.assertEqual(ours["MasterAccountId"], ACCOUNT)
        self.assertIn("AccessDeniedException", self.refused("organizations", "list-roots", identity=member))

    def refused(self, *arguments: str, **options) -> str:
        try:
            self.cloud.aws(*arguments, **options)
        except AssertionError as error:
            return str(error)
        raise AssertionError(f"aws {' '.join(arguments)}: expected a failure, found success")

    def test_code_that_is_not_there(self) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("bootstrap", "#!/bin/true")
        bucket = self.bucket("code-here", zip=archive.getvalue())

        def function(bucket: str, key: str) -> dict:
            return {"It": {"Type": "AWS::Lambda::Function", "Properties": {
                "FunctionName": "coded", "Runtime": "provided.al2023", "Handler": "bootstrap",
                "Role": f"arn:aws:iam::{ACCOUNT}:role/any", "Code": {"S3Bucket": bucket, "S3Key": key}}}}

        for name, code, said in (("no-key", (bucket, "none"), "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."),
                                 ("no-bucket", ("nowhere-at-all", "zip"), "S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist")):
            self.assertEqual(self.make(name, function(*code)), "ROLLBACK_COMPLETE")
            self.assertIn("Error occurred while GetObject. " + said, self.reasons(name))
        self.assertEqual(self.make("coded", function(bucket, "zip")), "CREATE_COMPLETE")
        template = self.written("other.json", json.dumps({"Resources": function(bucket, "none")}).encode())
        self.cloud.aws("cloudformation", "update-stack", "--stack-name", "coded", "--template-body", f"file://{template}")
        self.assertEqual(self.ended("coded"), "UPDATE_ROLLBACK_COMPLETE")
        self.assertIn("NoSuchKey", self.reasons("coded"))

    def test_a_bucket_keeps_its_properties(self) -> None:
        properties = {
            "BucketName": "with-everything", "Tags": [{"Key": "a", "Value": "b"}],
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
            "LifecycleConfiguration": {"Rules": [
                {"Id": "one", "Status": "Enabled", "ExpirationInDays": 9, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                 "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 3}]},
                {"Id": "two", "Status": "Disabled", "Prefix": "x/", "ExpiredObjectDeleteMarker": True}]}}
        self.assertEqual(self.make("bucket", {"It": {"Type": "AWS::S3::Bucket", "Properties": properties}}), "CREATE_COMPLETE")
        read = lambda call: self.cloud.aws("s3api", call, "--bucket", "with-everything")  # noqa: E731
        rules = {rule["ID"]: rule for rule in read("get-bucket-lifecycle-configuration")["Rules"]}
        self.assertEqual((rules["one"]["Expiration"], rules["one"]["AbortIncompleteMultipartUpload"], rules["one"]["Transitions"]),
                         ({"Days": 9}, {"DaysAfterInitiation": 7}, [{"Days": 3, "StorageClass": "GLACIER"}]))
        self.assertEqual((rules["two"]["Status"], rules["two"]["Filter"], rules["two"]["Expiration"]),
                         ("Disabled", {"Prefix": "x/"}, {"ExpiredObjectDeleteMarker": True}))
        tags = {tag["Key"]: tag["Value"] for tag in read("get-bucket-tagging")["TagSet"]}
        self.assertEqual((tags["a"], tags["aws:cloudformation:stack-name"]), ("b", "bucket"))
        self.assertEqual(read("get-bucket-ownership-controls")["OwnershipControls"], properties["OwnershipControls"])

        bare = self.written("bare-bucket.json", json.dumps({"Resources": {"It": {
            "Type": "AWS::S3::Bucket", "Properties": {"BucketName": "with-everything"}}}}).encode())
        self.cloud.aws("cloudformation", "update-stack", "--stack-name", "bucket", "--template-body", f"file://{bare}")
        self.assertEqual(self.ended("bucket"), "UPDATE_COMPLETE")
        self.assertIn("NoSuchLifecycleConfiguration", self.refused(
            "s3api", "get-bucket-lifecycle-configuration", "--bucket", "with-everything"))

    def test_a_trail_needs_a_bucket_that_lets_it_write(self) -> None:
        trail = {"Type": "AWS::CloudTrail::Trail", "Properties": {
            "TrailName": "formed", "S3BucketName": "for-the-trail", "IsLogging": "true", "IsMultiRegionTrail": True,
            "EventSelectors": [{"ReadWriteType": "WriteOnly"}]}}
        self.assertEqual(self.make("no-bucket-for-it", {"It": trail}), "ROLLBACK_COMPLETE")
        self.assertIn("S3 bucket for-the-trail does not exist!", self.reasons("no-bucket-for-it"))
        self.bucket("for-the-trail")
        self.assertEqual(self.make("no-policy", {"It": trail}), "ROLLBACK_COMPLETE")
        self.assertIn("Incorrect S3 bucket policy is detected for bucket: for-the-trail", self.reasons("no-policy"))
        arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/formed"
        statement = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
                     "Condition": {"StringEquals": {"aws:SourceArn": arn}}}
        self.cloud.aws("s3api", "put-bucket-policy", "--bucket", "for-the-trail", "--policy", json.dumps({
            "Version": "2012-10-17", "Statement": [
                {**statement, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::for-the-trail"},
                {**statement, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::for-the-trail/AWSLogs/{ACCOUNT}/*"},
                {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                 "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}))
        self.assertEqual(self.make("trail", {"It": trail}), "CREATE_COMPLETE")
        self.assertTrue(self.cloud.aws("cloudtrail", "get-trail-status", "--name", "formed")["IsLogging"])

        silent = {**trail, "Properties": {**trail["Properties"], "IsLogging": "false", "EventSelectors": [{"ReadWriteType": "All"}]}}
        template = self.written("silent.json", json.dumps({"Resources": {"It": silent}}).encode())
        self.cloud.aws("cloudformation", "update-stack", "--stack-name", "trail", "--template-body", f"file://{template}")
        self.assertEqual(self.ended("trail"), "UPDATE_COMPLETE")
        self.assertFalse(self.cloud.aws("cloudtrail", "get-trail-status", "--name", "formed")["IsLogging"])
        selectors = self.cloud.aws("cloudtrail", "get-event-selectors", "--trail-name", "formed")["EventSelectors"]
        self.assertEqual(selectors[0]["ReadWriteType"], "All")
        self.cloud.aws("cloudformation", "delete-stack", "--stack-name", "trail")
        wait(lambda: not self.cloud.aws("cloudtrail", "describe-trails")["trailList"], what="no trail any more")

    def test_a_template_is_fetched_from_a_virtual_host(self) -> None:
        # A topic, since a queue of that name could be made again only after a minute.
        template = {"Resources": {"It": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "by-address"}}}}
        self.bucket("templates.with.dots", template=json.dumps(template).encode())
        for address, ends in ((f"https://templates.with.dots.s3.{REGION}.amazonaws.com/template", True),
                              ("https://s3.amazonaws.com/templates.with.dots/template", True),
                              ("https://templates.with.dots.s3.amazonaws.com/none", False)):
            with self.subTest(address):
                arguments = ("cloudformation", "create-stack", "--stack-name", "addressed", "--template-url", address)
                if not ends:
                    self.assertIn("The specified key does not exist.", self.refused(*arguments))
                    continue
                self.cloud.aws(*arguments)
                self.assertEqual(self.ended("addressed"), "CREATE_COMPLETE")
                self.cloud.aws("cloudformation", "delete-stack", "--stack-name", "addressed")
                wait(lambda: "by-address" not in str(self.cloud.aws("sns", "list-topics")), what="no topic any more")

    def test_who_denies_plain_http_denies_nobody(self) -> None:
        url = self.cloud.aws("sqs", "create-queue", "--queue-name", "with-tls")["QueueUrl"]
        deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
                                                       "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
        self.cloud.aws("sqs", "set-queue-attributes", "--queue-url", url, "--attributes", json.dumps({"Policy": json.dumps(deny)}))
        self.cloud.aws("sqs", "receive-message", "--queue-url", url)

    def test_a_condition_on_an_empty_list(self) -> None:
        template = self.written("lists.json", json.dumps({
            "Parameters": {"List": {"Type": "CommaDelimitedList", "Default": ""}},
            "Conditions": {"Some": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "List"}]}, ""]}]}},
            "Resources": {"Always": {"Type": "AWS::SNS::Topic"}, "Sometimes": {"Type": "AWS::SNS::Topic", "Condition": "Some"}}}).encode())
        for name, value, made in (("empty", "", ["Always"]), ("filled", "a\\,b", ["Always", "Sometimes"])):
            self.cloud.aws("cloudformation", "create-stack", "--stack-name", name, "--template-body", f"file://{template}",
                           "--parameters", f"ParameterKey=List,ParameterValue={value}")
            self.assertEqual(self.ended(name), "CREATE_COMPLETE")
            found = self.cloud.aws("cloudformation", "describe-stack-resources", "--stack-name", name)["StackResources"]
            self.assertEqual(sorted(resource["LogicalResourceId"] for resource in found), made)

    def test_an_alarm_on_an_expression(self) -> None:
        alarm = {"AlarmName": "math", "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "EvaluationPeriods": 1,
                 "Metrics": [{"Id": "sum", "Expression": "a+1"}, {"Id": "a", "ReturnData": False, "MetricStat": {
                     "Stat": "Maximum", "Period": 300, "Metric": {"Namespace": "N", "MetricName": "M"}}}]}
        self.assertEqual(self.make("alarm", {"It": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}}), "CREATE_COMPLETE")
        found = self.cloud.aws("cloudwatch", "describe-alarms", "--alarm-names", "math")["MetricAlarms"]
        self.assertEqual([(one["AlarmName"], one["StateValue"]) for one in found], [("math", "INSUFFICIENT_DATA")])


if __name__ == "__main__":
    unittest.main()
