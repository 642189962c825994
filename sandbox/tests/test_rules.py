"""Each rule of rules.py is broken once, and AWS's refusal comes back; what keeps the rules is done.

A rule that no case breaks fails the test, so a new rule brings its case along.
"""

from __future__ import annotations

import io
import json
import unittest
import zipfile
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session

import support

import rules
import rules_stacks
from rule_checks import Subject
from rule_world import Template

A, R = support.ACCOUNT, support.REGION
OTHER = "444455556666"
ROLE = f"arn:aws:iam::{A}:role/works"
INSTANCE = "i-0123456789abcdef0"


def queue(name: str) -> str:
    return f"arn:aws:sqs:{R}:{A}:{name}"


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def anybody(**statement: Any) -> str:
    return policy(Principal={"AWS": A}, **statement)


def trust(service: str, **more: Any) -> str:
    return policy(Principal={"Service": service}, Action="sts:AssumeRole", **more)


def code() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x.py", "def h(event, context): return 1")
    return buffer.getvalue()


def function(name: str, **more: Any) -> dict:
    return {"FunctionName": name, "Role": ROLE, "Code": {"ZipFile": code()}, "Runtime": "python3.12", "Handler": "x.h", **more}


def attribute(name: str, value: str) -> dict:
    return {"QueueUrl": f"URL/{A}/there", "Attributes": {name: value}}


def topic(value: str) -> dict:
    return {"TopicArn": f"arn:aws:sns:{R}:{A}:topic", "AttributeName": "Policy", "AttributeValue": value}


def tags(*pairs: tuple[str, str]) -> list[dict]:
    return [{"Key": key, "Value": value} for key, value in pairs]


FIFTY_ONE = tags(*((f"k{number}", "") for number in range(51)))
TOPIC = f"arn:aws:sns:{R}:{A}:topic"

# What is there before: service, operation, input.
GIVEN = [
    ("sqs", "CreateQueue", {"QueueName": "there"}), ("sqs", "CreateQueue", {"QueueName": "gone"}),
    ("sqs", "DeleteQueue", {"QueueUrl": f"URL/{A}/gone"}), ("sns", "CreateTopic", {"Name": "topic"}),
    ("s3", "CreateBucket", {"Bucket": "bucket-of-the-rules"}),
    ("s3", "PutPublicAccessBlock", {"Bucket": "bucket-of-the-rules", "PublicAccessBlockConfiguration": {"BlockPublicPolicy": False}}),
    ("iam", "CreateRole", {"RoleName": "works", "AssumeRolePolicyDocument": trust("lambda.amazonaws.com")}),
    ("iam", "CreateRole", {"RoleName": "machines", "AssumeRolePolicyDocument": trust("ec2.amazonaws.com")}),
    ("lambda", "CreateFunction", function("there", Timeout=60)),
    ("events", "PutRule", {"Name": "there", "EventPattern": '{"source":["x"]}'}),
]

# Rule, service, operation, input, the error's code. INSTANCE stands for one that is there.
BREAKS = [
    ("sqs-one-resource", "sqs", "SetQueueAttributes",
     attribute("Policy", anybody(Action="sqs:*", Resource=[queue("there"), queue("other")])), "InvalidAttributeValue"),
    ("sqs-own-queue", "sqs", "SetQueueAttributes", attribute("Policy", anybody(Action="sqs:*", Resource=queue("other"))), "InvalidAttributeValue"),
    ("sqs-own-actions", "sqs", "SetQueueAttributes", attribute("Policy", anybody(Action="s3:GetObject", Resource=queue("there"))), "InvalidAttributeValue"),
    ("sqs-policy-is-json", "sqs", "SetQueueAttributes", attribute("Policy", "{"), "InvalidAttributeValue"),
    ("sqs-seven-actions", "sqs", "SetQueueAttributes",
     attribute("Policy", anybody(Action=[f"sqs:Get{number}" for number in range(8)], Resource=queue("there"))), "OverLimit"),
    ("sqs-policy-size", "sqs", "SetQueueAttributes",
     attribute("Policy", anybody(Sid="x" * 8192, Action="sqs:*", Resource=queue("there"))), "InvalidAttributeValue"),
    ("sqs-queue-name", "sqs", "CreateQueue", {"QueueName": "a queue"}, "InvalidParameterValue"),
    ("sqs-attribute-ranges", "sqs", "SetQueueAttributes", attribute("DelaySeconds", "901"), "InvalidAttributeValue"),
    ("sqs-message-ranges", "sqs", "SendMessage", {"QueueUrl": f"URL/{A}/there", "MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"),
    ("sqs-deleted-recently", "sqs", "CreateQueue", {"QueueName": "gone"}, "QueueDeletedRecently"),
    ("sqs-dead-letter-queue", "sqs", "SetQueueAttributes",
     attribute("RedrivePolicy", json.dumps({"deadLetterTargetArn": queue("nowhere"), "maxReceiveCount": 3})), "InvalidParameterValue"),
    ("sns-topic-actions", "sns", "SetTopicAttributes", topic(anybody(Action="sns:*", Resource=TOPIC)), "InvalidParameter"),
    ("sns-one-resource", "sns", "SetTopicAttributes", topic(anybody(Action="sns:Publish", Resource=[TOPIC, TOPIC + "2"])), "InvalidParameter"),
    ("sns-own-topic", "sns", "SetTopicAttributes", topic(anybody(Action="sns:Publish", Resource=TOPIC + "2")), "InvalidParameter"),
    ("sns-topic-name", "sns", "CreateTopic", {"Name": "a topic"}, "InvalidParameter"),
    ("tag-aws-prefix", "ec2", "CreateTags", {"Resources": [INSTANCE], "Tags": tags(("aws:x", "1"))}, "InvalidParameterValue"),
    ("tag-aws-prefix", "lambda", "TagResource", {"Resource": f"arn:aws:lambda:{R}:{A}:function:there", "Tags": {"AWS:x": "1"}}, "InvalidParameterValueException"),
    ("tag-lengths", "ec2", "CreateTags", {"Resources": [INSTANCE], "Tags": tags(("k", "x" * 257))}, "InvalidParameterValue"),
    ("tag-lengths", "sqs", "TagQueue", {"QueueUrl": f"URL/{A}/there", "Tags": {"x" * 129: ""}}, "InvalidParameterValue"),
    ("tag-twice", "ec2", "CreateTags", {"Resources": [INSTANCE], "Tags": tags(("k", "1"), ("k", "2"))}, "InvalidParameterValue"),
    ("tag-twice-iam", "iam", "TagRole", {"RoleName": "works", "Tags": tags(("CreatedBy", "1"), ("createdby", "2"))}, "InvalidInput"),
    ("tag-characters", "s3", "PutBucketTagging", {"Bucket": "bucket-of-the-rules", "Tagging": {"TagSet": tags(("k", "<x>"))}}, "InvalidTag"),
    ("tag-limit-ec2", "ec2", "CreateTags", {"Resources": [INSTANCE], "Tags": FIFTY_ONE}, "TagLimitExceeded"),
    ("tag-limit-s3", "s3", "PutBucketTagging", {"Bucket": "bucket-of-the-rules", "Tagging": {"TagSet": FIFTY_ONE}}, "BadRequest"),
    ("tag-limit-sqs", "sqs", "TagQueue", {"QueueUrl": f"URL/{A}/there", "Tags": {tag["Key"]: "" for tag in FIFTY_ONE}}, "InvalidParameterValue"),
    ("tag-limit-sns", "sns", "TagResource", {"ResourceArn": TOPIC, "Tags": FIFTY_ONE}, "TagLimitExceeded"),
    ("ec2-ids", "ec2", "CreateTags", {"Resources": ["i-00000000000000000"], "Tags": tags(("k", "v"))}, "InvalidInstanceID.NotFound"),
    ("ec2-ids", "ec2", "CreateTags", {"Resources": ["acl-00000000000000000"], "Tags": tags(("k", "v"))}, "InvalidNetworkAclID.NotFound"),
    ("ec2-ids", "ec2", "CreateTags", {"Resources": ["zzz"], "Tags": tags(("k", "v"))}, "InvalidID"),
    ("ec2-page-size", "ec2", "DescribeTags", {"MaxResults": 1}, "InvalidParameterValue"),
    ("ec2-ids-or-pages", "ec2", "DescribeInstances", {"InstanceIds": [INSTANCE], "MaxResults": 5}, "InvalidParameterCombination"),
    ("s3-bucket-name", "s3", "CreateBucket", {"Bucket": "xn--bucket"}, "InvalidBucketName"),
    ("s3-taken-by-another", "s3", "CreateBucket", {"Bucket": "bucket-of-the-rules", "as": OTHER}, "BucketAlreadyExists"),
    ("s3-owned-by-you", "s3", "CreateBucket", {"Bucket": "bucket-of-the-rules", "in": "eu-west-1", "CreateBucketConfiguration": {
        "LocationConstraint": "eu-west-1"}}, "BucketAlreadyOwnedByYou"),
    ("s3-location", "s3", "CreateBucket", {"Bucket": "bucket-elsewhere", "in": "eu-west-1", "CreateBucketConfiguration": {
        "LocationConstraint": "eu-central-1"}}, "IllegalLocationConstraintException"),
    ("s3-policy-principal", "s3", "PutBucketPolicy", {"Bucket": "bucket-of-the-rules", "Policy": policy(
        Principal={"AWS": f"arn:aws:iam::{A}:role/none"}, Action="s3:GetObject", Resource="arn:aws:s3:::bucket-of-the-rules/*")}, "MalformedPolicy"),
    ("s3-policy-actions", "s3", "PutBucketPolicy", {"Bucket": "bucket-of-the-rules", "Policy": policy(
        Principal={"AWS": A}, Action="sqs:SendMessage", Resource="arn:aws:s3:::bucket-of-the-rules/*")}, "MalformedPolicy"),
    ("lambda-role", "lambda", "CreateFunction", function("new", Role=f"arn:aws:iam::{A}:role/machines"), "InvalidParameterValueException"),
    ("lambda-visibility", "lambda", "CreateEventSourceMapping", {"FunctionName": "there", "EventSourceArn": queue("there")}, "InvalidParameterValueException"),
    ("lambda-batch-window", "lambda", "CreateEventSourceMapping", {"FunctionName": "there", "EventSourceArn": queue("wide"), "BatchSize": 100}, "InvalidParameterValueException"),
    ("lambda-source-exists", "lambda", "CreateEventSourceMapping", {"FunctionName": "there", "EventSourceArn": queue("nowhere")}, "InvalidParameterValueException"),
    ("lambda-reserved-variables", "lambda", "CreateFunction", function("new", Environment={"Variables": {"AWS_REGION": "x"}}), "InvalidParameterValueException"),
    ("lambda-environment-size", "lambda", "CreateFunction", function("new", Environment={"Variables": {"LONG": "x" * 4096}}), "InvalidParameterValueException"),
    ("lambda-unreserved-concurrency", "lambda", "PutFunctionConcurrency", {"FunctionName": "there", "ReservedConcurrentExecutions": 901}, "InvalidParameterValueException"),
    ("lambda-permission-principal", "lambda", "AddPermission", {"FunctionName": "there", "StatementId": "s", "Action": "lambda:InvokeFunction",
     "Principal": f"arn:aws:iam::{A}:role/none"}, "InvalidParameterValueException"),
    ("logs-reserved-name", "logs", "CreateLogGroup", {"logGroupName": "aws/x"}, "InvalidParameterException"),
    ("alarm-period", "cloudwatch", "PutMetricAlarm", {"AlarmName": "a", "MetricName": "m", "Namespace": "n", "Period": 7, "EvaluationPeriods": 1,
     "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "Statistic": "Sum"}, "ValidationError"),
    ("alarm-metric", "cloudwatch", "PutMetricAlarm", {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}, "ValidationError"),
    ("dashboard-body", "cloudwatch", "PutDashboard", {"DashboardName": "d", "DashboardBody": "{"}, "InvalidParameterInput"),
    ("events-pattern-size", "events", "PutRule", {"Name": "r", "EventPattern": json.dumps({"source": ["x" * 2048]})}, "LimitExceededException"),
    ("events-targets", "events", "PutTargets", {"Rule": "there", "Targets": [{"Id": str(number), "Arn": queue("there")} for number in range(6)]}, "LimitExceededException"),
    ("events-needs-a-pattern", "events", "PutRule", {"Name": "r"}, "ValidationException"),
    ("events-schedule", "events", "PutRule", {"Name": "r", "ScheduleExpression": "rate(1 minutes)"}, "ValidationException"),
    ("events-bus-name", "events", "CreateEventBus", {"Name": "aws.x"}, "ValidationException"),
    ("iam-managed-size", "iam", "CreatePolicy", {"PolicyName": "p", "PolicyDocument": policy(Sid="x" * 6144, Action="s3:*", Resource="*")}, "LimitExceeded"),
    ("iam-inline-size", "iam", "PutRolePolicy", {"RoleName": "works", "PolicyName": "p", "PolicyDocument": policy(Sid="x" * 10_240, Action="s3:*", Resource="*")}, "LimitExceeded"),
    ("iam-trust-size", "iam", "UpdateAssumeRolePolicy", {"RoleName": "works", "PolicyDocument": trust("lambda.amazonaws.com", Sid="x" * 2048)}, "LimitExceeded"),
    ("iam-trust-empty", "iam", "CreateRole", {"RoleName": "new", "AssumeRolePolicyDocument": "{}"}, "MalformedPolicyDocument"),
    ("iam-principal-exists", "iam", "CreateRole", {"RoleName": "new", "AssumeRolePolicyDocument": policy(
        Principal={"AWS": f"arn:aws:iam::{A}:role/none"}, Action="sts:AssumeRole")}, "MalformedPolicyDocument"),
    ("iam-no-principal", "iam", "CreatePolicy", {"PolicyName": "p", "PolicyDocument": anybody(Action="s3:*", Resource="*")}, "MalformedPolicyDocument"),
    ("iam-vendor", "iam", "CreatePolicy", {"PolicyName": "p", "PolicyDocument": policy(Action="GetObject", Resource="*")}, "MalformedPolicyDocument"),
    ("iam-sid", "iam", "CreatePolicy", {"PolicyName": "p", "PolicyDocument": policy(Sid="a sid", Action="s3:*", Resource="*")}, "MalformedPolicyDocument"),
    ("trail-name", "cloudtrail", "CreateTrail", {"Name": "a trail", "S3BucketName": "bucket-of-the-rules"}, "InvalidTrailNameException"),
    ("trail-bucket", "cloudtrail", "CreateTrail", {"Name": "trail", "S3BucketName": "bucket-of-nobody"}, "S3BucketDoesNotExistException"),
    ("stack-body-size", "cloudformation", "CreateStack", {"StackName": "s", "TemplateBody": json.dumps({
        "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Metadata": {"x": "x" * 51_200}})}, "ValidationError"),
]

# Of a template only: rule, type, properties.
BREAKS_AS_RESOURCE = [("logs-retention", "AWS::Logs::LogGroup", {"RetentionInDays": 2})]

# What a model says is refused in the service's own words, in each protocol: service, operation, input, code, message.
OF_MODELS = [
    ("athena", "ListTagsForResource", {"ResourceARN": f"arn:aws:athena:{R}:{A}:workgroup/x", "MaxResults": 50}, "InvalidRequestException",
     "1 validation error detected: Value '50' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 75"),
    ("iam", "CreateRole", {"RoleName": "a role", "AssumeRolePolicyDocument": trust("ec2.amazonaws.com")}, "ValidationError",
     r"1 validation error detected: Value 'a role' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+"),
    ("ec2", "CreateTags", {"Resources": [INSTANCE]}, "MissingParameter", "The request must contain the parameter tag"),
    ("sqs", "CreateQueue", {}, "MissingParameter", "The request must contain the parameter QueueName."),
    ("logs", "CreateLogGroup", {"logGroupName": "a group"}, "InvalidParameterException", "1 validation error detected: Value 'a group' at 'logGroupName' failed"),
    ("lambda", "CreateFunction", function("f", Runtime="cobol85"), "ValidationException", "Value 'cobol85' at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["),
    ("dynamodb", "ListTables", {"Limit": "x"}, "SerializationException", ""),
    ("backup", "CreateBackupVault", {"BackupVaultName": "a vault"}, "InvalidParameterValueException", "Value 'a vault' at 'backupVaultName' failed"),
    ("s3", "PutBucketTagging", {"Bucket": "bucket-of-the-rules", "Tagging": {}}, "MalformedXML", ""),
    ("route53", "ListTagsForResource", {"ResourceType": "x", "ResourceId": "y"}, "ValidationException", "at 'resourceType' failed to satisfy constraint"),
    ("events", "TagResource", {"ResourceARN": f"arn:aws:events:{R}:{A}:rule/there", "Tags": [{"Key": "k"}]}, "ValidationException",
     "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"),
]


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = support.Cloud()
        cls.addClassCleanup(cls.cloud.stop)
        cls.session = botocore.session.Session()
        cls.clients: dict = {}
        for service, operation, values in GIVEN:
            cls.call(service, operation, values)
        cls.call("sqs", "CreateQueue", {"QueueName": "wide", "Attributes": {"VisibilityTimeout": "360"}})
        made = cls.call("ec2", "RunInstances", {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1})
        cls.instance = made["Instances"][0]["InstanceId"]

    @classmethod
    def call(cls, service: str, operation: str, values: dict) -> dict:
        values = json.loads(json.dumps(values, default=lambda zipped: zipped.hex()).replace("URL", cls.cloud.endpoint)
                            .replace(INSTANCE, getattr(cls, "instance", INSTANCE)))
        if "Code" in values:
            values["Code"]["ZipFile"] = code()
        account, region = values.pop("as", A), values.pop("in", R)
        key = service, account, region
        if key not in cls.clients:
            cls.clients[key] = cls.session.create_client(
                service, region_name=region, endpoint_url=cls.cloud.endpoint, aws_access_key_id=account, aws_secret_access_key="test",
                config=botocore.config.Config(parameter_validation=False, proxies={}, retries={"total_max_attempts": 1},
                                              s3={"addressing_style": "path"}))
        return cls.clients[key]._make_api_call(operation, values)

    def refused(self, service: str, operation: str, values: dict) -> dict:
        with self.assertRaises(botocore.exceptions.ClientError, msg=f"{service} {operation} was carried out") as caught:
            self.call(service, operation, values)
        return caught.exception.response["Error"]

    def test_each_rule_refuses_what_breaks_it(self) -> None:
        for name, service, operation, values, expected in BREAKS:
            with self.subTest(rule=name, call=f"{service} {operation}"):
                error = self.refused(service, operation, values)
                self.assertEqual(error["Code"].rpartition("AWS.SimpleQueueService.")[2], expected, error)
                rule = next(rule for rule in rules.of_kind(f"{service}:{operation}") if rule.name == name)
                # The message is the rule's, so it was not the emulator that refused.
                self.assertRegex(error["Message"], "^" + support.gaps(rule.message) + "$")

    def test_models_are_held_in_each_protocol(self) -> None:
        for service, operation, values, expected, message in OF_MODELS:
            with self.subTest(call=f"{service} {operation}"):
                error = self.refused(service, operation, values)
                self.assertEqual(error["Code"], expected, error)
                self.assertIn(message, error["Message"])

    def test_a_refusal_is_recorded(self) -> None:
        self.refused("events", "PutRule", {"Name": "unheard-of"})
        record = next(record for record in reversed(self.cloud.records()) if record["eventName"] == "PutRule")
        self.assertEqual((record["errorCode"], record["requestParameters"]["name"], record["responseElements"]),
                         ("ValidationException", "unheard-of", None))

    def test_a_stack_is_held_against_the_same_rules(self) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": [
            {"Fn::GetAtt": ["One", "Arn"]}, {"Fn::GetAtt": ["Two", "Arn"]}]}]}
        template = {"Resources": {
            "One": {"Type": "AWS::SQS::Queue"}, "Two": {"Type": "AWS::SQS::Queue"},
            "Both": {"Type": "AWS::SQS::QueuePolicy", "Properties": {
                "Queues": [{"Ref": "One"}, {"Ref": "Two"}], "PolicyDocument": document}}}}
        status, reasons = self.stack("two-queues", template)
        self.assertEqual(status, "ROLLBACK_COMPLETE")
        self.assertRegex(reasons["Both"], r'^Resource handler returned message: "Invalid value for the parameter Policy\. \(Service: Sqs, '
                                          r'Status Code: 400, Request ID: [-0-9a-f]+\)" \(RequestToken: .*, HandlerErrorCode: InvalidRequest\)$')
        document["Statement"][0]["Resource"] = "*"
        self.assertEqual(self.stack("any-queue", template)[0], "CREATE_COMPLETE")

    def test_properties_are_those_of_the_registry(self) -> None:
        for name, properties, expected in (
                ("lacks", {"Runtime": "python3.12"}, "#: required key [Code] not found, #: required key [Role] not found"),
                ("unknown", {"Code": {}, "Role": ROLE, "Colour": "red"}, "#: extraneous key [Colour] is not permitted")):
            status, reasons = self.stack(name, {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}})
            self.assertEqual((status, reasons["F"]), (
                "ROLLBACK_COMPLETE", f"Properties validation failed for resource F with message:\n[{expected}]"))

    def test_templates_that_lead_nowhere_are_no_stacks(self) -> None:
        q = {"Type": "AWS::SQS::Queue"}
        for template, message in (
                ({"Resources": {"Q": {**q, "Properties": {"QueueName": {"Ref": "No"}}}}}, "Unresolved resource dependencies [No] in the Resources block"),
                ({"Resources": {"Q": {**q, "Properties": {"QueueName": {"Fn::Sub": "${No}-${AWS::Region}"}}}}}, "Unresolved resource dependencies [No]"),
                ({"Resources": {"Q": {**q, "DependsOn": "No"}}}, "Unresolved resource dependencies [No]"),
                ({"Resources": {"Q": q}, "Outputs": {"X": {"Value": {"Fn::GetAtt": ["No", "Arn"]}}}}, "[No] in the Outputs block"),
                ({"Resources": {"Q": {**q, "Condition": "No"}}}, "Unresolved condition dependency No in the Resources block")):
            error = self.refused("cloudformation", "CreateStack", {"StackName": "nowhere", "TemplateBody": json.dumps(template)})
            self.assertEqual(error["Code"], "ValidationError")
            self.assertIn(message, error["Message"])
        error = self.refused("cloudformation", "CreateStack", {
            "StackName": "nowhere", "TemplateBody": json.dumps({"Resources": {"Q": q}}),
            "Parameters": [{"ParameterKey": "No", "ParameterValue": "1"}]})
        self.assertEqual(error["Message"], "Parameters: [No] do not exist in the template")

    def stack(self, name: str, template: dict) -> tuple[str, dict[str, str]]:
        """Its status in the end, and why resources failed."""
        self.call("cloudformation", "CreateStack", {"StackName": name, "TemplateBody": json.dumps(template)})
        status = support.wait(lambda: next(
            (found["StackStatus"] for found in self.call("cloudformation", "DescribeStacks", {"StackName": name})["Stacks"]
             if found["StackStatus"].endswith(("_COMPLETE", "_FAILED"))), None), 60, f"an end of stack {name}")
        events = self.call("cloudformation", "DescribeStackEvents", {"StackName": name})["StackEvents"]
        return status, {event["LogicalResourceId"]: event.get("ResourceStatusReason", "") for event in reversed(events)
                        if event["ResourceStatus"].endswith("_FAILED")}


class OfTheTable(unittest.TestCase):
    def test_each_rule_is_broken_by_a_case(self) -> None:
        broken = {case[0] for case in BREAKS} | {case[0] for case in BREAKS_AS_RESOURCE}
        self.assertEqual({rule.name for rule in rules.RULES} - broken, set(), "add a case to BREAKS for each of these")
        self.assertEqual(broken - {rule.name for rule in rules.RULES}, set())

    def test_each_rule_has_a_source(self) -> None:
        for rule in rules.RULES:
            self.assertRegex(rule.source, r"^https?://[\w.-]+/.+", rule.name)

    def test_resources_of_a_template(self) -> None:
        for name, kind, properties in BREAKS_AS_RESOURCE:
            found = [rule.name for rule, _, _ in rules.broken(Subject(kind, properties, Template({})))]
            self.assertIn(name, found, (kind, properties))

    def test_a_mapping_of_a_template_knows_its_queue_and_function(self) -> None:
        def template(visibility: int, batch: dict) -> list[str]:
            resources = {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": visibility}},
                         "F": {"Type": "AWS::Lambda::Function", "Properties": {"Timeout": 60}}}
            mapping = {"FunctionName": {"Ref": "F"}, "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]}, **batch}
            return [rule.name for rule, _, _ in rules.broken(Subject("AWS::Lambda::EventSourceMapping", mapping, Template(resources)))]

        self.assertEqual(template(30, {}), ["lambda-visibility"])
        self.assertEqual(template(360, {"BatchSize": 100}), ["lambda-batch-window"])
        self.assertEqual(template(360, {"BatchSize": 100, "MaximumBatchingWindowInSeconds": 1}), [])

    def test_a_macro_may_add_what_is_missing(self) -> None:
        template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": {"Type": "x", "DependsOn": "Made"}}}
        self.assertIsNone(rules_stacks.template_problem(template))


if __name__ == "__main__":
    unittest.main()
