"""The product's own parts: who changes them is told of, and who is not the function, an operator or a rule gets nothing into its
queues and nothing out of them."""

from __future__ import annotations

import json
from typing import Any

import botocore.exceptions

import support
import test_stack

ARN = f"arn:aws:%s:{support.REGION}:{support.ACCOUNT}:%s"
PERSON = f"arn:aws:iam::{support.ACCOUNT}:user/alice"
ROLE = f"arn:aws:sts::{support.ACCOUNT}:assumed-role/AutoResourceTaggerRole/auto-resource-tagger"
FUNCTION = ARN % ("lambda", "function:auto-resource-tagger")
QUEUE = f"https://sqs.{support.REGION}.amazonaws.com/{support.ACCOUNT}/auto-resource-tagger-%s"
QUEUES = ("retry", "dead-letters", "undelivered", "events", "tag-changes")

# Service, call, what its record says of the part. Lambda's names carry the version of its API.
TOLD: list[tuple[str, str, dict[str, Any]]] = [
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "auto-resource-tagger"}),
    ("lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": FUNCTION}),
    ("lambda", "PutFunctionConcurrency20171031", {"functionName": "auto-resource-tagger-reconcile"}),
    ("lambda", "AddPermission20150331v2", {"functionName": f"{support.ACCOUNT}:auto-resource-tagger"}),
    ("lambda", "CreateEventSourceMapping20150331", {"functionName": "auto-resource-tagger", "eventSourceArn": ARN % ("sqs", "x")}),
    ("lambda", "TagResource20170331v2", {"resource": f"{FUNCTION}-reconcile", "tags": {"auto-resource-tagger-reconciled:us-east-1": "x"}}),
    ("events", "DisableRule", {"name": "auto-tag-create-resources-3"}), ("events", "DeleteRule", {"name": "auto-resource-tagger-trail"}),
    ("events", "PutRule", {"name": "auto-tag-create-resources-of-mallory", "eventPattern": "{}"}),
    ("events", "RemoveTargets", {"rule": "auto-tag-create-resources", "ids": ["tagger"]}),
    ("events", "PutTargets", {"rule": "auto-resource-tagger-own-parts", "targets": []}),
    ("iam", "PutRolePolicy", {"roleName": "AutoResourceTaggerRole", "policyName": "x"}),
    ("iam", "UpdateAssumeRolePolicy", {"roleName": "AutoResourceTaggerForwarder-eu-west-1"}),
    ("iam", "CreatePolicyVersion", {"policyArn": f"arn:aws:iam::{support.ACCOUNT}:policy/AutoResourceTaggerPolicy-2"}),
    ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE % "dead-letters"}), ("sqs", "PurgeQueue", {"queueUrl": QUEUE % "retry"}),
    ("sqs", "DeleteQueue", {"queueUrl": QUEUE % "undelivered"}),
    ("sns", "SetTopicAttributes", {"topicArn": ARN % ("sns", "auto-resource-tagger-alarms")}),
    ("sns", "Unsubscribe", {"subscriptionArn": ARN % ("sns", "auto-resource-tagger-alarms:0f1e")}),
    ("monitoring", "DisableAlarmActions", {"alarmNames": ["other", "auto-resource-tagger-errors"]}),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["auto-resource-tagger-lost"]}),
    ("monitoring", "PutMetricAlarm", {"alarmName": "auto-resource-tagger-lost"}),
    ("logs", "DeleteMetricFilter", {"logGroupName": "/aws/lambda/auto-resource-tagger", "filterName": "x"}),
    ("s3", "PutBucketPolicy", {"bucketName": f"auto-resource-tagger-code-{support.ACCOUNT}-{support.REGION}"}),
    ("cloudformation", "ExecuteChangeSet", {"stackName": "auto-resource-tagger", "changeSetName": "x"}),
    ("cloudformation", "DeleteStack", {"stackName": "auto-resource-tagger-forwarder"}),
]
NOT_TOLD: list[tuple[str, str, dict[str, Any]]] = [
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "somebody-elses"}),
    ("events", "DisableRule", {"name": "nightly"}),
    ("iam", "PutRolePolicy", {"roleName": "Deploy"}),
    ("sqs", "DeleteQueue", {"queueUrl": QUEUE % "canary-0f1e"}),
    ("sqs", "SetQueueAttributes", {"queueUrl": f"https://sqs.{support.REGION}.amazonaws.com/{support.ACCOUNT}/orders"}),
    ("cloudformation", "CreateChangeSet", {"stackName": "auto-resource-tagger"}),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["billing"]}),
]


def pattern(name: str, region: str = support.REGION) -> str:
    rule, = [rule for rule in support.resources(name, "AWS::Events::Rule").values() if rule["Name"] == "auto-resource-tagger-own-parts"]
    text = json.dumps(rule["EventPattern"], separators=(",", ":")).replace('{"Ref":"AWS::AccountId"}', f'"{support.ACCOUNT}"')
    return text.replace('{"Ref":"AWS::Region"}', f'"{region}"')


def event(service: str, call: str, request: dict[str, Any], **changed: Any) -> dict[str, Any]:
    record = {
        "eventSource": f"{service}.amazonaws.com", "eventName": call, "awsRegion": support.REGION, "readOnly": False,
        "userIdentity": {"type": "IAMUser", "arn": PERSON}, "sourceIPAddress": "192.0.2.1", "requestParameters": request,
        "responseElements": None, "eventID": "1"}
    record.update(changed)
    return {"version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "source": f"aws.{service}", "account": support.ACCOUNT,
            "time": "2026-11-24T00:00:00Z", "region": support.REGION, "resources": [], "detail": record}


class Patterns(support.CloudTest):
    def admits(self, rule: str, sent: dict[str, Any]) -> bool:
        return self.cloud.client("events").test_event_pattern(EventPattern=rule, Event=json.dumps(sent))["Result"]

    def test_who_changes_a_part_is_told_of(self) -> None:
        here, there = pattern("tagger"), pattern("forwarder")
        for rule in (here, there):
            self.assertLessEqual(len(rule), 2_048, "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html")
        for service, call, request in TOLD:
            with self.subTest(call=call, request=request):
                sent = event(service, call, request)
                self.assertEqual((self.admits(here, sent), self.admits(there, sent)), (True, True))
        mapping = event("lambda", "UpdateEventSourceMapping20150331", {"uUID": "0f1e"}, responseElements={"functionArn": FUNCTION})
        self.assertTrue(self.admits(here, mapping), "a mapping is changed by its id, and the answer names the function")

    def test_what_is_not_told(self) -> None:
        rule = pattern("tagger")
        for service, call, request in NOT_TOLD:
            with self.subTest(call=call, request=request):
                self.assertFalse(self.admits(rule, event(service, call, request)))
        code = TOLD[0]
        for what, changed in {
            "CloudFormation, for a stack": {"sourceIPAddress": "cloudformation.amazonaws.com"},
            "the function, which writes its marks": {"userIdentity": {"type": "AssumedRole", "arn": ROLE}},
            "a call that failed": {"errorCode": "AccessDenied"},
            "a call that reads": {"readOnly": True},
        }.items():
            with self.subTest(what):
                self.assertFalse(self.admits(rule, event(*code, **changed)))
        self.assertFalse(self.admits(rule, {**event(*code), "source": "my.app"}), "an event that anybody can put on the bus")
        self.assertFalse(self.admits(rule, {**event(*code), "account": "999999999999"}), "an event of another account")
        self.assertTrue(self.admits(rule, {**event(*code), "region": "eu-west-1"}), "what a forwarder sent")
        self.assertFalse(self.admits(pattern("forwarder"), {**event(*code), "region": "eu-west-1"}))


class Parts(test_stack.StackTest):
    def test_whoever_switches_a_rule_off_is_named(self) -> None:
        """In the topic, and the deployment itself is not."""
        self.change("CREATE", **test_stack.PARAMETERS)
        sqs, sns = self.cloud.client("sqs"), self.cloud.client("sns")
        inbox = sqs.create_queue(QueueName="inbox-of-parts")["QueueUrl"]
        self.addCleanup(sqs.delete_queue, QueueUrl=inbox)
        arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        from_topics = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": json.dumps(from_topics)})
        sns.subscribe(TopicArn=self.outputs()["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)
        self.change("UPDATE", **test_stack.PARAMETERS, LogRetentionDays="90", SkipKinds="service")
        self.cloud.client("events", support.REGION, *self.alice).disable_rule(Name="auto-tag-create-resources")
        seen: set[str] = set()

        def told() -> bool:
            seen.update(self.lying_in(inbox))
            return any("DisableRule" in text for text in seen)

        support.wait(told, "mail about the rule")
        said, = [text for text in seen if "DisableRule" in text]
        self.assertRegex(said, f"OWN PARTS DisableRule of events.amazonaws.com by {PERSON} in {support.REGION}, account {support.ACCOUNT}")
        for text in seen - {said}:
            self.assertRegex(text, "OWN PARTS (Subscribe|ExecuteChangeSet) ", "CloudFormation's own calls are not told one by one")

    def test_only_the_function_the_operators_and_rules_use_the_queues(self) -> None:
        """alice may do everything by her own policies, and is no operator; bob's role is one, in any session."""
        iam = self.cloud.client("iam")
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": support.ACCOUNT}, "Action": "sts:AssumeRole"}]}
        iam.create_role(RoleName="Operator", Path="/people/", AssumeRolePolicyDocument=json.dumps(trust))
        self.addCleanup(iam.delete_role, RoleName="Operator")
        iam.put_role_policy(RoleName="Operator", PolicyName="all", PolicyDocument=json.dumps(everything))
        self.addCleanup(iam.delete_role_policy, RoleName="Operator", PolicyName="all")
        self.change("CREATE", **test_stack.PARAMETERS, Delivery="queue", TagChanges="alarm",
                    QueueOperators=f"arn:aws:iam::{support.ACCOUNT}:user/nobody,arn:aws:iam::{support.ACCOUNT}:role/*/Operator")
        session = self.cloud.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{support.ACCOUNT}:role/people/Operator", RoleSessionName="bob")["Credentials"]
        operator = self.cloud._session.create_client(
            "sqs", region_name=support.REGION, endpoint_url=self.cloud.endpoint, aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"], aws_session_token=session["SessionToken"])
        alice, root = self.cloud.client("sqs", support.REGION, *self.alice), self.cloud.client("sqs")
        forged = json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": {"userIdentity": {"type": "IAMUser", "userName": "cfo"}}})
        for name in QUEUES:
            with self.subTest(queue=name):
                url = root.get_queue_url(QueueName=f"auto-resource-tagger-{name}")["QueueUrl"]
                for call, more in (("send_message", {"MessageBody": forged}), ("receive_message", {}), ("purge_queue", {}),
                                   ("delete_message", {"ReceiptHandle": "x"})):
                    with self.assertRaises(botocore.exceptions.ClientError, msg=call) as refused:
                        getattr(alice, call)(QueueUrl=url, **more)
                    self.assertIn("AccessDenied", refused.exception.response["Error"]["Code"], call)
                # Whoever may look at the queue's depth still may.
                alice.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
                for user in (operator, root):
                    user.receive_message(QueueUrl=url, VisibilityTimeout=1)
        # The function works with them: by the events queue, and by the dead letters, into which it writes what it cannot read.
        self.assertEqual(self.creator_of_a_new_queue("seen-by-the-queue"), "alice")
        operator.send_message(QueueUrl=root.get_queue_url(QueueName="auto-resource-tagger-retry")["QueueUrl"], MessageBody="{}")
        letters = root.get_queue_url(QueueName="auto-resource-tagger-dead-letters")["QueueUrl"]
        support.wait(lambda: self.lying_in(letters), "a dead letter of what cannot be read")

    def test_rules_are_let_in_by_their_arn(self) -> None:
        """The emulator delivers without asking a queue's policy, so here it is asked by IAM's words alone: whoever is refused is
        neither an operator nor comes for a rule."""
        for name in ("tagger", "forwarder"):
            for logical, policy in support.resources(name, "AWS::SQS::QueuePolicy").items():
                statements = {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}
                refused = statements["OnlyTheTagger"]
                self.assertEqual((refused["Effect"], refused["Principal"], list(refused["Condition"])), ("Deny", "*", ["ArnNotLike"]), logical)
                condition = refused["Condition"]["ArnNotLike"]
                let_in = [statement for statement in statements.values() if statement["Effect"] == "Allow"]
                self.assertEqual("aws:SourceArn" in condition, bool(let_in), logical)
                for statement in let_in:
                    told, = statement["Condition"].values()
                    told = told["aws:SourceArn"]
                    count = len(told) if isinstance(told, list) else 1
                    self.assertEqual(count, len(condition["aws:SourceArn"]), f"{logical}: who is let in is not refused")


if __name__ == "__main__":
    import unittest

    unittest.main()
