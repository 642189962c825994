"""CloudTrail's form: a real record and the recorder's record of the same call have the same key paths.

`records.json` holds the shapes of real records (names and kinds of values, not the values), each with its
source. A name that both have must be spelled the same and be of the same kind.
"""

from __future__ import annotations

import io
import json
import os
import unittest
import zipfile

from support import ACCOUNT, Cloud

HERE = os.path.dirname(os.path.abspath(__file__))
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})

# (event source, event name) -> the call. {names} are resources made before the table runs.
CALLS = {
    ("ec2", "RunInstances"): "ec2 run-instances --image-id ami-12345678 --instance-type t3.micro --key-name k --count 2"
                             " --tag-specifications ResourceType=instance,Tags=[{{Key=a,Value=b}},{{Key=c,Value=d}}]"
                             " --network-interfaces DeviceIndex=0,AssociatePublicIpAddress=true,Groups={group},SubnetId={subnet}",
    ("ec2", "CreateVolume"): "ec2 create-volume --availability-zone us-east-1a --size 10 --volume-type gp2 --encrypted",
    ("ec2", "CreateSecurityGroup"): "ec2 create-security-group --group-name g --description d --vpc-id {vpc}",
    ("ec2", "AuthorizeSecurityGroupIngress"): "ec2 authorize-security-group-ingress --group-id {group} --protocol tcp"
                                              " --port 22 --cidr 10.0.0.0/8",
    ("ec2", "CreateTags"): "ec2 create-tags --resources {vpc} --tags Key=a,Value=b",
    ("ec2", "CreateLaunchTemplate"): "ec2 create-launch-template --launch-template-name plan"
                                     " --launch-template-data InstanceType=t2.nano",
    ("ec2", "CreateVpcEndpoint"): "ec2 create-vpc-endpoint --vpc-id {vpc} --service-name com.amazonaws.us-east-1.s3"
                                  " --tag-specifications ResourceType=vpc-endpoint,Tags=[{{Key=a,Value=b}}]",
    ("ec2", "CreateKeyPair"): "ec2 create-key-pair --key-name pair",
    ("ec2", "CreateNetworkInterface"): "ec2 create-network-interface --subnet-id {subnet} --description d",
    ("s3", "CreateBucket"): "s3api create-bucket --bucket form-west --create-bucket-configuration"
                            " LocationConstraint=eu-west-1",
    ("s3", "PutBucketTagging"): "s3api put-bucket-tagging --bucket {bucket} --tagging"
                                " TagSet=[{{Key=a,Value=b}},{{Key=c,Value=d}}]",
    ("rds", "CreateDBInstance"): "rds create-db-instance --db-instance-identifier base --engine mysql"
                                 " --db-instance-class db.t3.micro --master-username u --master-user-password secret123"
                                 " --allocated-storage 20 --enable-cloudwatch-logs-exports audit",
    ("sns", "CreateTopic"): "sns create-topic --name topic",
    ("sqs", "CreateQueue"): "sqs create-queue --queue-name queue",
    ("elasticache", "CreateCacheCluster"): "elasticache create-cache-cluster --cache-cluster-id cache --engine memcached"
                                           " --cache-node-type cache.t3.micro --num-cache-nodes 1 --az-mode single-az",
    ("kms", "CreateKey"): "kms create-key --description d --key-usage ENCRYPT_DECRYPT",
    ("kms", "TagResource"): "kms tag-resource --key-id {key} --tags TagKey=a,TagValue=b",
    ("iam", "CreateRole"): "iam create-role --role-name form --assume-role-policy-document {trust}",
    ("iam", "CreateUser"): "iam create-user --user-name form",
    ("iam", "CreateAccessKey"): "iam create-access-key --user-name form",
    ("secretsmanager", "CreateSecret"): "secretsmanager create-secret --name form --secret-string hunter2 --description d",
    ("cloudtrail", "CreateTrail"): "cloudtrail create-trail --name form --s3-bucket-name {bucket}"
                                   " --is-multi-region-trail --enable-log-file-validation",
    ("cloudfront", "CreateDistribution"): "cloudfront create-distribution --origin-domain-name x.s3.amazonaws.com",
    ("ecs", "CreateCluster"): "ecs create-cluster --cluster-name form",
    ("events", "PutRule"): 'events put-rule --name form --state ENABLED --event-pattern {{"source":["x"]}}',
    ("monitoring", "PutMetricAlarm"): "cloudwatch put-metric-alarm --alarm-name form --metric-name m --namespace n"
                                      " --statistic Sum --period 60 --evaluation-periods 1 --threshold 1"
                                      " --comparison-operator GreaterThanThreshold",
    ("acm", "RequestCertificate"): "acm request-certificate --domain-name example.com --subject-alternative-names"
                                   " example.net --idempotency-token x",
    ("lambda", "UpdateFunctionCode20150331v2"): "lambda update-function-code --function-name form --zip-file fileb://{zip}",
    ("apigateway", "TagResource"): "apigateway tag-resource --resource-arn"
                                   " arn:aws:apigateway:us-east-1::/restapis/{api} --tags WAF=b",
}
# Paths that other public readers of real records use, where the collections have no record: wwalpha/aws-spotlight.
PATHS = {
    "ec2 create-nat-gateway --subnet-id {subnet} --connectivity-type private":
        ("CreateNatGateway", "requestParameters.CreateNatGatewayRequest.SubnetId",
         "responseElements.CreateNatGatewayResponse.natGateway.natGatewayId"),
    "ec2 create-flow-logs --resource-type VPC --resource-ids {vpc} --traffic-type ALL --log-destination-type s3"
    " --log-destination arn:aws:s3:::x":
        ("CreateFlowLogs", "requestParameters.CreateFlowLogsRequest.ResourceId.content",
         "responseElements.CreateFlowLogsResponse.flowLogIdSet.item"),
    "ec2 create-vpc --cidr-block 10.9.0.0/16": ("CreateVpc", "responseElements.vpc.vpcId"),
    "ec2 create-subnet --vpc-id {vpc} --cidr-block 10.1.2.0/24": ("CreateSubnet", "responseElements.subnet.subnetId"),
    "ec2 create-internet-gateway": ("CreateInternetGateway", "responseElements.internetGateway.internetGatewayId"),
    "ec2 create-route-table --vpc-id {vpc}": ("CreateRouteTable", "responseElements.routeTable.routeTableId"),
    "ec2 allocate-address": ("AllocateAddress", "responseElements.allocationId"),
    "lambda create-function --function-name other --runtime provided.al2023 --handler x --role {role}"
    " --zip-file fileb://{zip} --environment Variables={{SECRET=x}}":
        ("CreateFunction20150331", "requestParameters.functionName", "responseElements.functionArn"),
    "dynamodb create-table --table-name form --attribute-definitions AttributeName=k,AttributeType=S --key-schema"
    " AttributeName=k,KeyType=HASH --billing-mode PAY_PER_REQUEST":
        ("CreateTable", "requestParameters.tableName", "responseElements.tableDescription.tableArn"),
    "route53 create-hosted-zone --name example.com --caller-reference 1":
        ("CreateHostedZone", "responseElements.hostedZone.id"),
    "apigateway create-rest-api --name form2":
        ("CreateRestApi", "requestParameters.createRestApiInput.name", "responseElements.id"),
    "apigatewayv2 create-api --name form --protocol-type HTTP": ("CreateApi", "responseElements.apiId"),
    "stepfunctions create-state-machine --name form --role-arn {role}"
    ' --definition {{"StartAt":"A","States":{{"A":{{"Type":"Pass","End":true}}}}}}':
        ("CreateStateMachine", "responseElements.stateMachineArn"),
    "elbv2 create-target-group --name form --protocol HTTP --port 80 --vpc-id {vpc}":
        ("CreateTargetGroup", "responseElements.targetGroups[].targetGroupArn"),
    "efs create-file-system --creation-token t": ("CreateFileSystem", "responseElements.fileSystemId"),
    "lambda tag-resource --resource arn:aws:lambda:us-east-1:{account}:function:form --tags a=b":
        ("TagResource20170331v2", "requestParameters.resource"),
}
SECRETS = ("hunter2", "secret123", "BEGIN RSA", "BEGIN PRIVATE", '"SECRET"')


def kind(value) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "list"
    return "value"


def paths(value, at: str = "") -> dict[str, str]:
    found = {at: kind(value)} if at else {}
    if isinstance(value, dict):
        for name, item in value.items():
            found.update(paths(item, f"{at}.{name}" if at else name))
    elif isinstance(value, list):
        for item in value:
            found.update(paths(item, at + "[]"))
    return found


class Form(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = cloud = Cloud()
        cls.addClassCleanup(cloud.stop)
        archive = os.path.join(cloud.state, "form.zip")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("bootstrap", "#!/bin/sh\n")
        with open(archive, "wb") as output:
            output.write(buffer.getvalue())
        vpc = cloud.aws("ec2", "create-vpc", "--cidr-block", "10.1.0.0/16")["Vpc"]["VpcId"]
        role = cloud.aws("iam", "create-role", "--role-name", "made", "--assume-role-policy-document", TRUST)["Role"]["Arn"]
        cloud.aws("s3api", "create-bucket", "--bucket", "form-east")
        cls.names = {
            "vpc": vpc, "role": role, "zip": archive, "bucket": "form-east", "trust": TRUST.replace(" ", ""),
            "account": ACCOUNT,
            "subnet": cloud.aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.1.1.0/24")["Subnet"]["SubnetId"],
            "group": cloud.aws("ec2", "create-security-group", "--group-name", "made", "--description", "d", "--vpc-id",
                               vpc)["GroupId"],
            "key": cloud.aws("kms", "create-key")["KeyMetadata"]["Arn"],
            "api": cloud.aws("apigateway", "create-rest-api", "--name", "form")["id"],
        }
        cloud.aws("lambda", "create-function", "--function-name", "form", "--runtime", "provided.al2023", "--handler", "x",
                  "--role", role, "--zip-file", f"fileb://{archive}")
        with open(os.path.join(HERE, "records.json"), encoding="utf-8") as file:
            cls.samples = {(item["eventSource"].split(".")[0], item["eventName"]): item for item in json.load(file)}

    def call(self, line: str) -> dict:
        return self.cloud.recorded(*line.format(**self.names).split())

    def test_same_paths_as_the_real_record(self) -> None:
        for (source, name), line in CALLS.items():
            with self.subTest(f"{source} {name}"):
                sample = self.samples[(source, name)]
                record = self.call(line)
                self.assertEqual((record["eventSource"], record["eventName"]), (f"{source}.amazonaws.com", name))
                self.assertNotIn("errorCode", record)
                for side in ("requestParameters", "responseElements"):
                    self.compare(side, paths(sample[side], side), paths(record[side], side), sample["source"])

    def compare(self, side: str, expected: dict[str, str], found: dict[str, str], source: str) -> None:
        spelled = {path.lower(): path for path in expected}
        for path, found_kind in found.items():
            real = path if path in expected else spelled.get(path.lower())
            if real is None:
                continue  # the emulator knows more, or the sample's call did not use it
            self.assertEqual(real, path, f"expected the spelling of {source}")
            kinds = {expected[real], found_kind}
            # The wire form has an object for one element and a list for several; "" is an empty set.
            if kinds not in ({"object", "list"}, {"object", "value"}, {"list", "value"}):
                self.assertEqual(expected[real], found_kind, f"expected {path} as in {source}")
        common = [path for path in expected if path in found]
        at_least = 1 if len(expected) < 2 else 2
        self.assertGreaterEqual(len(common), at_least, f"expected some of {sorted(expected)}, found {sorted(found)}")

    def test_paths_that_readers_of_real_records_use(self) -> None:
        for line, (name, *wanted) in PATHS.items():
            with self.subTest(name):
                record = self.call(line)
                self.assertEqual(record["eventName"], name)
                found = paths({side: record[side] for side in ("requestParameters", "responseElements")})
                for path in wanted:
                    self.assertIn(path, found)

    def test_null_responses(self) -> None:
        for line in ("logs create-log-group --log-group-name form", "kinesis create-stream --stream-name s --shard-count 1",
                     "s3 mb s3://form-mb", "autoscaling create-auto-scaling-group --auto-scaling-group-name form --min-size 0"
                     " --max-size 1 --availability-zones us-east-1a --launch-configuration-name x"):
            with self.subTest(line):
                self.assertIsNone(self.call(line)["responseElements"])

    def test_region_of_global_services_and_of_others(self) -> None:
        for service, line, region in (("iam", "iam create-group --group-name g", "us-east-1"),
                                      ("sqs", "sqs create-queue --queue-name west", "eu-west-1")):
            with self.subTest(service):
                record = self.cloud.recorded(*line.split(), region="eu-west-1")
                self.assertEqual(record["awsRegion"], region)

    def test_envelope_of_a_record(self) -> None:
        record = self.call("sns create-topic --name envelope")
        for name in ("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
                     "sourceIPAddress", "userAgent", "requestParameters", "responseElements", "requestID", "eventID",
                     "readOnly", "eventType", "managementEvent", "recipientAccountId", "eventCategory", "tlsDetails"):
            self.assertIn(name, record)
        self.assertNotIn("sessionCredentialFromConsole", record)
        self.assertEqual((record["readOnly"], record["managementEvent"], record["recipientAccountId"]),
                         (False, True, ACCOUNT))

    def test_zz_no_secret_and_no_mistake_of_the_recorder(self) -> None:
        self.call("ssm put-parameter --name /form --value hunter2 --type SecureString")
        text = json.dumps(self.cloud.records())
        for secret in SECRETS:
            self.assertNotIn(secret, text)
        status = self.cloud.status()
        self.assertEqual((status["errors"], status["unexplained"]), (0, 0), self.cloud.log()[-3000:])


if __name__ == "__main__":
    unittest.main()
