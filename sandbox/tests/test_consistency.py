"""What is made shows late where it was asked for (consistency.py), by a clock of the test's and in a running cloud."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest

import botocore.config
import botocore.exceptions
import botocore.session

import support

import cloud
import consistency


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Late(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.late = consistency.Late(5, self.clock)

    def test_a_new_thing_shows_after_the_time(self) -> None:
        key = ("role", "111122223333", "new")
        self.assertTrue(self.late.is_new(key))
        self.clock.now += 4.9
        self.assertTrue(self.late.is_new(key))
        self.clock.now += 0.1
        self.assertFalse(self.late.is_new(key))

    def test_a_change_shows_after_the_time_and_the_old_value_until_then(self) -> None:
        self.assertEqual(self.late.shown("p", ["old"], []), [])
        self.clock.now += 5
        self.assertEqual(self.late.shown("p", ["old"], []), ["old"])
        self.assertEqual(self.late.shown("p", ["new"], []), ["old"])
        self.clock.now += 3
        self.assertEqual(self.late.shown("p", ["newest"], []), ["old"])
        self.clock.now += 2
        self.assertEqual(self.late.shown("p", ["newest"], []), ["new"])
        self.clock.now += 3
        self.assertEqual(self.late.shown("p", ["newest"], []), ["newest"])

    def test_what_comes_again_is_new_again(self) -> None:
        key = ("role", "111122223333", "again")
        self.late.is_new(key)
        self.clock.now += 5
        self.late.forget("role", set())
        self.assertTrue(self.late.is_new(key))

    def test_each_delay_has_a_source(self) -> None:
        for name, (_, source) in consistency.LATE.items():
            self.assertRegex(source, r"^https://[\w.-]+/.+", name)


class Asked(unittest.TestCase):
    def test_the_option_and_the_variable(self) -> None:
        self.assertEqual(cloud.parse_arguments(["--port", "1", "--state", "x"]).consistency, 0)
        self.assertEqual(cloud.parse_arguments(["--port", "1", "--state", "x", "--consistency", "2.5"]).consistency, 2.5)
        done = subprocess.run([sys.executable, support.SANDBOX + "/cloud.py", "--port", "1", "--state", "x"], capture_output=True,
                              text=True, env={"SANDBOX_CONSISTENCY": "601"}, timeout=60)
        self.assertIn("--consistency must be from 0 to 600 seconds, not 601", done.stderr)


class Live(unittest.TestCase):
    """With a time that is long beside a call: what is refused at once works later, and nothing is measured."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = support.Cloud("--consistency", "15")
        cls.addClassCleanup(cls.cloud.stop)
        cls.session = botocore.session.Session()

    def client(self, service: str, key: str = support.ACCOUNT, secret: str = "test"):
        return self.session.create_client(
            service, region_name=support.REGION, endpoint_url=self.cloud.endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
            config=botocore.config.Config(proxies={}, retries={"total_max_attempts": 1}))

    def later(self, code: str, action) -> None:
        """Refused with this code at first, and then done."""
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            action()
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

        def works() -> bool:
            try:
                action()
                return True
            except botocore.exceptions.ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], code)
                return False

        support.wait(works, 120, "what was refused at first")

    def test_a_policy_is_late(self) -> None:
        iam = self.client("iam")
        iam.create_user(UserName="new")
        iam.put_user_policy(UserName="new", PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:ListTopics", "Resource": "*"}]}))
        key = iam.create_access_key(UserName="new")["AccessKey"]
        self.later("AuthorizationError", self.client("sns", key["AccessKeyId"], key["SecretAccessKey"]).list_topics)

    def test_an_id_of_ec2_is_late(self) -> None:
        ec2 = self.client("ec2")
        made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.later("InvalidVpcID.NotFound", lambda: ec2.create_tags(Resources=[made], Tags=[{"Key": "k", "Value": "v"}]))

    def test_a_role_is_late_for_lambda(self) -> None:
        import test_rules

        self.client("iam").create_role(RoleName="fresh", AssumeRolePolicyDocument=test_rules.trust("lambda.amazonaws.com"))
        self.later("InvalidParameterValueException", lambda: self.client("lambda").create_function(
            **test_rules.function("fresh", Role=f"arn:aws:iam::{support.ACCOUNT}:role/fresh")))

    def test_a_rule_is_late(self) -> None:
        events, sqs = self.client("events"), self.client("sqs")
        url = sqs.create_queue(QueueName="matched")["QueueUrl"]
        events.put_rule(Name="late", EventPattern='{"source": ["test"]}')
        events.put_targets(Rule="late", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{support.REGION}:{support.ACCOUNT}:matched"}])

        def sent(number: int) -> bool:
            events.put_events(Entries=[{"Source": "test", "DetailType": "t", "Detail": json.dumps({"number": number})}])
            try:
                found = sqs.receive_message(QueueUrl=url).get("Messages", [])
            except sqs.exceptions.QueueDoesNotExist:
                found = []  # it is late itself
            self.assertTrue(all(json.loads(message["Body"])["detail"]["number"] > 0 for message in found), "the first was matched")
            return bool(found)

        self.assertFalse(sent(0), "the rule matched at once")
        support.wait(lambda: sent(1), 120, "an event that the rule matches")


if __name__ == "__main__":
    unittest.main()
