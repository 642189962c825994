"""What clients meet: encryption by S3's own key, SAM, addresses and gateways in stacks, boto3 in functions, REST APIs, long logs."""

from __future__ import annotations

import io
import json
import unittest
import zipfile

from support import ACCOUNT, REGION, Cloud, wait

import people

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      InlineCode: "def handler(event, context): return 1"
      Events:
        Http: {Type: HttpApi}
  Table: {Type: AWS::Serverless::SimpleTable}
"""


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.stop)
        cls.root = people.Cloud(cls.cloud.endpoint, REGION, ACCOUNT, "test")

    def stack(self, name: str, body: str | dict, status: str = "CREATE_COMPLETE") -> dict:
        formation = self.root.client("cloudformation")
        formation.create_stack(StackName=name, TemplateBody=body if isinstance(body, str) else json.dumps(body), Capabilities=[
            "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"])

        def ended() -> dict | None:
            found = formation.describe_stacks(StackName=name)["Stacks"][0]
            return None if found["StackStatus"].endswith("IN_PROGRESS") else found

        found = wait(ended, 60, f"an end of stack {name}")
        events = formation.describe_stack_events(StackName=name)["StackEvents"]
        self.assertEqual(found["StackStatus"], status, [event.get("ResourceStatusReason") for event in events])
        return {event["LogicalResourceId"]: event["PhysicalResourceId"]
                for event in formation.describe_stack_resources(StackName=name)["StackResources"]}

    def test_encryption_by_the_accounts_own_key(self) -> None:
        s3 = self.root.client("s3")
        s3.create_bucket(Bucket="own-key")
        key = f"^arn:aws:kms:{REGION}:{ACCOUNT}:key/"
        self.assertRegex(s3.put_object(Bucket="own-key", Key="a", Body=b"x", ServerSideEncryption="aws:kms")["SSEKMSKeyId"], key)
        s3.put_bucket_encryption(Bucket="own-key", ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]})
        put = s3.put_object(Bucket="own-key", Key="b", Body=b"x")
        self.assertEqual((put["ServerSideEncryption"], put["SSEKMSKeyId"]), ("aws:kms", s3.head_object(Bucket="own-key", Key="a")["SSEKMSKeyId"]))
        stated = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mine"
        put = s3.put_object(Bucket="own-key", Key="c", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=stated)
        self.assertEqual(put["SSEKMSKeyId"], stated)

    def test_sams_transform(self) -> None:
        made = self.stack("sam", SAM)
        functions = self.root.client("lambda")
        self.assertEqual(functions.get_function(FunctionName=made["Hello"])["Tags"]["lambda:createdBy"], "SAM")
        calls = {record["eventName"] for record in self.cloud.records() if record["userIdentity"].get("invokedBy")}
        self.assertLessEqual({"CreateFunction20150331", "CreateTable", "CreateRole", "CreateApi"}, calls)

    def test_addresses_and_gateways_in_a_stack(self) -> None:
        ec2 = self.root.client("ec2")
        resources = {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24"}},
            "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "Tags": [{"Key": "Team", "Value": "x"}]}},
            "Gateway": {"Type": "AWS::EC2::NatGateway", "Properties": {
                "SubnetId": {"Ref": "Subnet"}, "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]}}}}
        made = self.stack("network", {"Resources": resources})
        address = ec2.describe_addresses(PublicIps=[made["Address"]])["Addresses"][0]
        tags = {tag["Key"]: tag["Value"] for tag in address["Tags"]}
        self.assertEqual((tags["Team"], tags["aws:cloudformation:logical-id"]), ("x", "Address"))
        gateway = ec2.describe_nat_gateways(NatGatewayIds=[made["Gateway"]])["NatGateways"][0]
        self.assertEqual((gateway["State"], gateway["SubnetId"]), ("available", made["Subnet"]))
        formation = self.root.client("cloudformation")
        resources["Address"]["Properties"]["Tags"] = [{"Key": "Team", "Value": "y"}]
        formation.update_stack(StackName="network", TemplateBody=json.dumps({"Resources": resources}))
        wait(lambda: {"Key": "Team", "Value": "y"} in ec2.describe_addresses(PublicIps=[made["Address"]])["Addresses"][0]["Tags"], what="y")
        formation.delete_stack(StackName="network")
        wait(lambda: not [found for found in ec2.describe_addresses()["Addresses"] if found["PublicIp"] == made["Address"]], what="no address")
        self.assertEqual(ec2.describe_nat_gateways(NatGatewayIds=[made["Gateway"]])["NatGateways"][0]["State"], "deleted")
        del resources["Gateway"]["Properties"]["AllocationId"]
        self.stack("refused", {"Resources": resources}, "ROLLBACK_COMPLETE")

    def test_functions_have_boto3(self) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", "import boto3\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n")
        iam, functions = self.root.client("iam"), self.root.client("lambda")
        role = iam.create_role(RoleName="ForBoto", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        functions.create_function(FunctionName="boto", Runtime="python3.13", Handler="index.handler", Role=role,
                                  Code={"ZipFile": archive.getvalue()})
        answer = functions.invoke(FunctionName="boto")
        said = answer["Payload"].read().decode()
        self.assertEqual(json.loads(said), f"arn:aws:sts::{ACCOUNT}:assumed-role/ForBoto/boto", answer.get("FunctionError"))

    def test_a_rest_api_is_updated(self) -> None:
        apis = self.root.client("apigateway")
        identity = apis.create_rest_api(name="a", minimumCompressionSize=5, endpointConfiguration={"types": ["EDGE"]})["id"]

        def patched(*operations: tuple[str, str, str]) -> dict:
            return apis.update_rest_api(restApiId=identity, patchOperations=[
                {"op": what, "path": path, "value": value} for what, path, value in operations])

        # What chalice sends: https://github.com/aws/chalice/blob/master/chalice/awsclient.py
        found = patched(("replace", "/minimumCompressionSize", ""), ("replace", "/name", "b"))
        self.assertEqual((found["name"], found.get("minimumCompressionSize")), ("b", None))
        found = patched(("replace", "/minimumCompressionSize", "100"), ("replace", "/endpointConfiguration/types/EDGE", "REGIONAL"))
        self.assertEqual((found["minimumCompressionSize"], found["endpointConfiguration"]["types"]), (100, ["REGIONAL"]))
        found = patched(("add", "/binaryMediaTypes/image~1png", ""), ("add", "/binaryMediaTypes/image~1gif", ""))
        self.assertEqual(found["binaryMediaTypes"], ["image/png", "image/gif"])
        found = patched(("remove", "/binaryMediaTypes/image~1png", ""), ("replace", "/disableExecuteApiEndpoint", "true"))
        self.assertEqual((found["binaryMediaTypes"], found["disableExecuteApiEndpoint"]), (["image/gif"], True))
        self.assertEqual(apis.get_rest_api(restApiId=identity)["name"], "b")
        with self.assertRaises(apis.exceptions.BadRequestException):
            patched(("replace", "/minimumCompressionSize", "many"))

    def test_more_log_lines_than_a_page_has(self) -> None:
        logs = self.root.client("logs")
        logs.create_log_group(logGroupName="long")
        logs.create_log_stream(logGroupName="long", logStreamName="s")
        for part in range(3):
            logs.put_log_events(logGroupName="long", logStreamName="s", logEvents=[
                {"timestamp": 1_700_000_000_000 + part * 9000 + number, "message": json.dumps({"n": part * 9000 + number})}
                for number in range(9000)])
        pages = [page["events"] for page in logs.get_paginator("filter_log_events").paginate(logGroupName="long")]
        self.assertEqual([len(page) for page in pages], [10_000, 10_000, 7_000])
        self.assertEqual([json.loads(event["message"])["n"] for page in pages for event in page], list(range(27_000)))
        pages = [page["events"] for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName="long", filterPattern="{ $.n > 26990 }", PaginationConfig={"PageSize": 4})]
        self.assertEqual([len(page) for page in pages], [4, 4, 1])
        with self.assertRaises(logs.exceptions.InvalidParameterException):
            logs.filter_log_events(logGroupName="long", nextToken="none")


if __name__ == "__main__":
    unittest.main()
