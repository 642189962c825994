"""The whole way: call, record, event bus, function; log files; what is not delivered; and how it all ends."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from support import ACCOUNT, REGION, SANDBOX, Cloud, alive, descendants, wait

RULES = [{"name": "auto-tag-create-resources", "pattern": {
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {"eventName": [{"prefix": "Create"}, {"prefix": "Run"}], "errorCode": [{"exists": False}]}}},
    {"name": "everything", "pattern": {"account": [ACCOUNT]}}]
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:TagResource", "Resource": "*"}]}


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = cloud = Cloud()
        cls.addClassCleanup(cloud.stop)
        cls.out = os.path.join(cloud.state, "events.jsonl")
        cls.made = cloud.setup(RULES, POLICY, cls.out)

    def events(self) -> list[dict]:
        if not os.path.exists(self.out):
            return []
        with open(self.out, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]

    def arrived(self, **wanted: str) -> list[dict]:
        return [event for event in self.events()
                if all(event.get("detail", {}).get(name) == value for name, value in wanted.items())]

    def test_ready_line(self) -> None:
        self.assertEqual(self.cloud.ready, {"ready": True, "endpoint": self.cloud.endpoint, "account": ACCOUNT,
                                            "region": REGION})

    def test_setup_tells_who_is_who_and_can_be_done_again(self) -> None:
        again = self.cloud.setup(RULES, POLICY, self.out)
        self.assertEqual(set(self.made), {"endpoint", "account", "region", "function", "rules", "trail_bucket",
                                          "identities"})
        self.assertEqual([(item["label"], item["expected"]) for item in again["identities"]],
                         [("IAM user", "alice"), ("role session", "bob"), ("root", "root"),
                          ("Identity Center", "jane@example.com"), ("pipeline", "GitHubActions")])
        for item in again["identities"]:
            with self.subTest(item["label"]):
                arn = self.cloud.aws("sts", "get-caller-identity", identity=item["environment"])["Arn"]
                self.assertTrue(arn.endswith(item["expected"]), f"expected …{item['expected']}, found {arn}")
        type(self).made = again

    def test_setup_refuses_in_one_sentence(self) -> None:
        done = subprocess.run([sys.executable, os.path.join(SANDBOX, "tests", "product.py"), "--endpoint", self.cloud.endpoint,
                               "--account", ACCOUNT, "--region", REGION, "--bootstrap", "/none", "--rules", "/none",
                               "--policy", "/none"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))

    def test_an_event_arrives_at_the_function(self) -> None:
        self.cloud.aws("sqs", "create-queue", "--queue-name", "arrives",
                       identity=self.made["identities"][0]["environment"])
        event = wait(lambda: self.arrived(eventName="CreateQueue"), what="CreateQueue at the function")[0]
        self.assertEqual((event["source"], event["detail-type"], event["account"], event["region"]),
                         ("aws.sqs", "AWS API Call via CloudTrail", ACCOUNT, REGION))
        self.assertEqual(set(event), {"version", "id", "detail-type", "source", "account", "time", "region",
                                      "resources", "detail"})
        self.assertTrue(event["detail"]["userIdentity"]["arn"].endswith("user/alice"))

    def test_failed_calls_have_an_error_and_are_delivered(self) -> None:
        for line, code in (("iam create-user --user-name alice", "EntityAlreadyExists"),
                           ("ec2 delete-volume --volume-id vol-00000000000000000",
                            "Client.InvalidVolume.NotFound")):
            with self.subTest(line):
                record = self.cloud.recorded(*line.split(), fails=True)
                self.assertEqual((record.get("errorCode"), record["responseElements"]), (code, None))
                wait(lambda: self.arrived(errorCode=code), what=f"{code} at the function")

    def test_denied_calls(self) -> None:
        self.cloud.aws("iam", "create-user", "--user-name", "nobody")
        key = self.cloud.aws("iam", "create-access-key", "--user-name", "nobody")["AccessKey"]
        identity = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        for line, code in (("ec2 create-vpc --cidr-block 10.0.0.0/16", "Client.UnauthorizedOperation"),
                           ("iam create-user --user-name x", "AccessDenied"),
                           ("dynamodb create-table --table-name xxx --attribute-definitions AttributeName=k,AttributeType=S"
                            " --key-schema AttributeName=k,KeyType=HASH --billing-mode PAY_PER_REQUEST", "AccessDenied")):
            with self.subTest(line.split()[0]):
                record = self.cloud.recorded(*line.split(), fails=True, identity=identity)
                self.assertEqual(record.get("errorCode"), code)

    def test_reads_and_data_are_not_delivered(self) -> None:
        queue = self.cloud.aws("sqs", "create-queue", "--queue-name", "data")["QueueUrl"]
        before = self.cloud.status()
        self.cloud.aws("sqs", "send-message", "--queue-url", queue, "--message-body", "x")
        self.cloud.aws("sqs", "receive-message", "--queue-url", queue)
        self.cloud.aws("s3api", "put-object", "--bucket", self.made["trail_bucket"], "--key", "x", "--body", self.out)
        self.cloud.aws("lambda", "invoke", "--function-name", "auto-resource-tagger", os.devnull)
        self.cloud.aws("ec2", "describe-instances")
        record = self.cloud.records()[-1]
        after = self.cloud.status()
        self.assertEqual((record["eventName"], record["readOnly"]), ("DescribeInstances", True))
        self.assertEqual(after["events"], before["events"])
        self.assertEqual(after["records"], before["records"] + 1)
        self.assertEqual(self.arrived(eventName="DescribeInstances"), [])

    def test_the_function_runs_under_its_role_and_sees_nothing_of_the_user(self) -> None:
        self.cloud.aws("sqs", "create-queue", "--queue-name", "environment")
        path = wait(lambda: os.path.exists(self.out + ".environment") and self.out + ".environment",
                    what="the function's environment")
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual(found["AWS_ENDPOINT_URL"], self.cloud.endpoint)
        self.assertEqual(found["AWS_LAMBDA_LOG_GROUP_NAME"], "/aws/lambda/auto-resource-tagger")
        for name in ("AWS_PROFILE", "HTTP_PROXY", "HOME", "MINISTACK_ACCOUNT_ID", "GATEWAY_PORT"):
            self.assertNotIn(name, found)
        identity = {name: found[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
        self.cloud.aws("sns", "create-topic", "--name", "denied", identity=identity, fails=True)
        topic = self.cloud.aws("sns", "create-topic", "--name", "tagged")["TopicArn"]
        record = self.cloud.recorded("sns", "tag-resource", "--resource-arn", topic, "--tags", "Key=CreatedBy,Value=x",
                                     identity=identity)
        who = record["userIdentity"]
        self.assertEqual(who["arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/AutoResourceTaggerRole/auto-resource-tagger")
        self.assertTrue(who["principalId"].startswith("AROA"), who["principalId"])
        self.assertEqual(who["inScopeOf"], {"issuerType": "AWS::Lambda::Function",
                                            "credentialsIssuedTo": self.made["function"]})

    def test_a_failing_function_is_tried_three_times(self) -> None:
        self.cloud.aws("sns", "create-topic", "--name", "fail-please")
        wait(lambda: len([event for event in self.arrived(eventName="CreateTopic")
                          if event["detail"]["requestParameters"]["name"] == "fail-please"]) >= 6,
             what="three attempts for each of the two rules")

    def test_log_files_in_the_bucket(self) -> None:
        self.cloud.aws("sns", "create-topic", "--name", "in-a-file")

        def found() -> list[dict]:
            listed = self.cloud.aws("s3api", "list-objects-v2", "--bucket", self.made["trail_bucket"], "--prefix",
                                    f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/")
            records = []
            for item in (listed or {}).get("Contents", []):
                self.assertRegex(item["Key"], rf"/{REGION}/\d{{4}}/\d\d/\d\d/{ACCOUNT}_CloudTrail_{REGION}"
                                              r"_\d{8}T\d{4}Z_[A-Za-z0-9]{16}\.json\.gz$")
                with tempfile.NamedTemporaryFile() as file:
                    self.cloud.aws("s3api", "get-object", "--bucket", self.made["trail_bucket"], "--key", item["Key"],
                                   file.name)
                    with open(file.name, "rb") as content:
                        records += json.loads(gzip.decompress(content.read()))["Records"]
            return [record for record in records if (record["requestParameters"] or {}).get("name") == "in-a-file"]

        self.assertEqual(wait(found, 20, "the record in a log file")[0]["eventName"], "CreateTopic")

    def test_a_record_of_another_region_reaches_the_home_region(self) -> None:
        """A rule over there sends to the bus over here, as a forwarding stack does."""
        bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
        self.cloud.aws("events", "put-rule", "--name", "forward", "--event-pattern",
                       '{"detail-type":["AWS API Call via CloudTrail"]}', region="eu-west-1")
        self.cloud.aws("events", "put-targets", "--rule", "forward", "--targets",
                       f"Id=home,Arn={bus},RoleArn=arn:aws:iam::{ACCOUNT}:role/Developer", region="eu-west-1")
        self.cloud.aws("sns", "create-topic", "--name", "far", region="eu-west-1")
        event = wait(lambda: self.arrived(eventName="CreateTopic", awsRegion="eu-west-1"), what="the far topic")[0]
        self.assertEqual(event["region"], "eu-west-1")

    def test_an_instance_has_its_parts(self) -> None:
        record = self.cloud.recorded(
            "ec2", "run-instances", "--image-id", "ami-12345678", "--tag-specifications",
            "ResourceType=volume,Tags=[{Key=a,Value=b}]", "ResourceType=network-interface,Tags=[{Key=a,Value=b}]")
        instance = record["responseElements"]["instancesSet"]["items"][0]
        self.assertEqual((instance["instanceState"]["name"], instance["blockDeviceMapping"]), ("pending", {}))
        interface = instance["networkInterfaceSet"]["items"][0]["networkInterfaceId"]
        of_instance = f"Name=attachment.instance-id,Values={instance['instanceId']}"
        volumes = self.cloud.aws("ec2", "describe-volumes", "--filters", of_instance)["Volumes"]
        interfaces = self.cloud.aws("ec2", "describe-network-interfaces", "--filters", of_instance)["NetworkInterfaces"]
        self.assertEqual([item["NetworkInterfaceId"] for item in interfaces], [interface])
        self.assertEqual([item["Tags"] for item in volumes], [[{"Key": "a", "Value": "b"}]])
        self.assertEqual(interfaces[0]["TagSet"], [{"Key": "a", "Value": "b"}])
        self.cloud.aws("ec2", "create-tags", "--resources", instance["instanceId"], interface, volumes[0]["VolumeId"],
                       "--tags", "Key=c,Value=d")
        record = self.cloud.recorded("ec2", "create-tags", "--resources", "vol-00000000000000000", "--tags",
                                     "Key=c,Value=d", fails=True)
        self.assertEqual(record["errorCode"], "Client.InvalidVolume.NotFound")
        self.cloud.aws("ec2", "terminate-instances", "--instance-ids", instance["instanceId"])
        self.assertEqual(self.cloud.aws("ec2", "describe-network-interfaces", "--filters", of_instance),
                         {"NetworkInterfaces": []})

    def test_principal_arn_of_a_session_is_the_roles(self) -> None:
        """The usual guard of a tag, "only this role", lets that role's sessions through, and nobody else."""
        guard = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "sns:CreateTopic", "Resource": "*", "Condition": {
                "ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/Developer"}}}]}
        self.cloud.aws("iam", "put-role-policy", "--role-name", "Developer", "--policy-name", "guard",
                       "--policy-document", json.dumps(guard))
        self.cloud.aws("sns", "create-topic", "--name", "guarded", identity=self.made["identities"][1]["environment"])

    def test_event_history(self) -> None:
        for number in range(3):
            self.cloud.aws("sns", "create-topic", "--name", f"history-{number}")
        self.cloud.settle()
        found = self.cloud.aws("cloudtrail", "lookup-events", "--lookup-attributes",
                               "AttributeKey=EventName,AttributeValue=CreateTopic", "--page-size", "2")["Events"]
        names = [json.loads(event["CloudTrailEvent"])["requestParameters"]["name"] for event in found]
        self.assertTrue({"history-0", "history-1", "history-2"} <= set(names), names)

    def test_a_session_is_found_by_its_arn_and_its_key(self) -> None:
        bob = self.made["identities"][1]["environment"]
        arn = self.cloud.aws("sts", "get-caller-identity", identity=bob)["Arn"]
        self.cloud.settle()
        for name in (arn, bob["AWS_ACCESS_KEY_ID"], "bob"):
            found = self.cloud.aws("cloudtrail", "lookup-events", "--lookup-attributes",
                                   f"AttributeKey=ResourceName,AttributeValue={name}")["Events"]
            self.assertIn("AssumeRole", {event["EventName"] for event in found}, name)

    def test_zz_no_mistake_of_the_recorder(self) -> None:
        status = self.cloud.status()
        self.assertEqual((status["errors"], status["unexplained"]), (0, 0), self.cloud.log()[-3000:])


class Ending(unittest.TestCase):
    def running(self) -> tuple[Cloud, list[int]]:
        """A cloud with a function's process in it, and every process of it."""
        cloud = Cloud()
        self.addCleanup(cloud.stop)
        out = os.path.join(cloud.state, "events.jsonl")
        cloud.setup(RULES, POLICY, out)
        wait(lambda: os.path.exists(out), what="the function's first event")
        below = descendants(cloud.process.pid)
        self.assertGreaterEqual(len(below), 2, "expected the server and a function's process")
        return cloud, [cloud.process.pid, *below]

    def gone(self, processes: list[int]) -> None:
        wait(lambda: not [process for process in processes if alive(process)], 10, f"an end of {processes}")

    def test_sigterm(self) -> None:
        cloud, processes = self.running()
        self.assertEqual(cloud.stop(), 0)
        self.gone(processes)

    def test_sigkill_of_the_guard(self) -> None:
        cloud, processes = self.running()
        os.kill(cloud.process.pid, signal.SIGKILL)
        cloud.process.wait()
        self.gone(processes[1:])

    def test_sigkill_of_the_server(self) -> None:
        cloud, processes = self.running()
        os.kill(processes[1], signal.SIGKILL)
        cloud.process.wait(timeout=10)
        self.gone(processes[1:])

    def test_sigkill_of_the_parent(self) -> None:
        state = tempfile.mkdtemp(prefix="sandbox-test-")
        program = ("import subprocess, sys, time\n"
                   "child = subprocess.Popen(sys.argv[1:])\n"
                   "print(child.pid, flush=True)\n"
                   "time.sleep(600)\n")
        parent = subprocess.Popen(
            [sys.executable, "-c", program, sys.executable, os.path.join(SANDBOX, "cloud.py"), "--port", "0",
             "--state", state], stdout=subprocess.PIPE, text=True)
        lines = [parent.stdout.readline(), parent.stdout.readline()]
        ready = [line for line in lines if '"ready": true' in line]
        self.assertTrue(ready, lines)
        cloud = Cloud.__new__(Cloud)
        cloud.state, cloud.endpoint, cloud.process = state, json.loads(ready[0])["endpoint"], parent
        out = os.path.join(state, "events.jsonl")
        cloud.setup(RULES, POLICY, out)
        wait(lambda: os.path.exists(out), what="the function's first event")
        processes = descendants(parent.pid)
        self.assertGreaterEqual(len(processes), 3, "expected the guard, the server and a function's process")
        parent.kill()
        parent.wait()
        parent.stdout.close()
        self.gone(processes)

    def test_a_port_that_is_taken(self) -> None:
        cloud = Cloud()
        self.addCleanup(cloud.stop)
        port = cloud.endpoint.rsplit(":", 1)[1]
        done = subprocess.run([sys.executable, os.path.join(SANDBOX, "cloud.py"), "--port", port, "--state",
                               cloud.state], capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
        self.assertIn(port, done.stderr)

    def test_only_this_computer(self) -> None:
        cloud = Cloud()
        self.addCleanup(cloud.stop)
        server = descendants(cloud.process.pid)[0]
        if not os.path.isdir("/proc/self/fd"):
            self.skipTest("needs /proc")
        mine = set()
        for name in os.listdir(f"/proc/{server}/fd"):
            try:
                target = os.readlink(f"/proc/{server}/fd/{name}")
            except OSError:
                continue
            if target.startswith("socket:["):
                mine.add(target[8:-1])
        listening = []
        for table in ("tcp", "tcp6"):
            with open(f"/proc/{server}/net/{table}", encoding="ascii") as file:
                for line in file.readlines()[1:]:
                    fields = line.split()
                    if fields[3] == "0A" and fields[9] in mine:
                        listening.append(fields[1].split(":")[0])
        self.assertEqual(set(listening), {"0100007F"})


class Speed(unittest.TestCase):
    def test_recording_does_not_slow_a_call_down(self) -> None:
        """A hundred calls over one connection, while the recorder loads EC2's large model."""
        import botocore.config
        import botocore.session

        cloud = Cloud()
        self.addCleanup(cloud.stop)
        client = botocore.session.Session().create_client(
            "sns", region_name=REGION, endpoint_url=cloud.endpoint, aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test", config=botocore.config.Config(proxies={}))
        client.create_topic(Name="warm")
        started = time.monotonic()
        for number in range(100):
            client.create_topic(Name=f"speed-{number}")
        each = (time.monotonic() - started) / 100
        self.assertLess(each, 0.05, f"expected less than 50 ms a call, found {each * 1000:.1f} ms")
        cloud.settle()
        self.assertGreaterEqual(cloud.status()["records"], 101)


if __name__ == "__main__":
    unittest.main()
