"""The specification's handler: eight services, Python and boto3; what our function is measured beside.

CLIENTS says when boto3 clients are made: `eager` (all at import, the usual form) or `lazy` (at first
use, then kept).
"""
import functools
import os

import boto3

SERVICES = ("ec2", "s3", "rds", "lambda", "dynamodb", "sns", "sqs", "elasticache")

client = functools.cache(boto3.client)
if os.environ.get("CLIENTS", "eager") == "eager":
    for _service in SERVICES:
        client(_service)


def get_username(identity):
    principal = identity.get("principalId", "")
    if ":" in principal:
        return principal.split(":")[-1]
    arn = identity.get("arn", "")
    if ":user/" in arn:
        return arn.split("/")[-1]
    if ":role/" in arn:
        return arn.split(":role/")[1].split("/")[0]
    if identity.get("userName"):
        return identity["userName"]
    if identity.get("accountId"):
        return f"aws-account-{identity['accountId']}"
    return None


def tag_ec2(detail, tags):
    items = detail["responseElements"]["instancesSet"]["items"]
    client("ec2").create_tags(Resources=[item["instanceId"] for item in items], Tags=tags)


def tag_s3(detail, tags):
    client("s3").put_bucket_tagging(Bucket=detail["requestParameters"]["bucketName"], Tagging={"TagSet": tags})


def tag_rds(detail, tags):
    client("rds").add_tags_to_resource(ResourceName=detail["responseElements"]["dBInstanceArn"], Tags=tags)


def tag_lambda(detail, tags):
    client("lambda").tag_resource(Resource=detail["responseElements"]["functionArn"],
                                  Tags={tag["Key"]: tag["Value"] for tag in tags})


def tag_dynamodb(detail, tags):
    client("dynamodb").tag_resource(ResourceArn=detail["responseElements"]["tableDescription"]["tableArn"],
                                    Tags=tags)


def tag_sns(detail, tags):
    client("sns").tag_resource(ResourceArn=detail["responseElements"]["topicArn"], Tags=tags)


def tag_sqs(detail, tags):
    client("sqs").tag_queue(QueueUrl=detail["responseElements"]["queueUrl"],
                            Tags={tag["Key"]: tag["Value"] for tag in tags})


def tag_elasticache(detail, tags):
    name = detail["responseElements"]["cacheClusterId"]
    arn = f"arn:aws:elasticache:{detail['awsRegion']}:{detail['recipientAccountId']}:cluster:{name}"
    client("elasticache").add_tags_to_resource(ResourceName=arn, Tags=tags)


ROUTES = {
    "RunInstances": tag_ec2, "CreateBucket": tag_s3, "CreateDBInstance": tag_rds,
    "CreateFunction20150331": tag_lambda, "CreateTable": tag_dynamodb, "CreateTopic": tag_sns,
    "CreateQueue": tag_sqs, "CreateCacheCluster": tag_elasticache,
}


def handler(event, context):
    detail = event["detail"]
    username = get_username(detail.get("userIdentity", {}))
    if not username:
        return {"statusCode": 400, "body": "Could not determine username"}
    route = ROUTES.get(detail["eventName"])
    if route is None:
        return {"statusCode": 200, "body": f"No handler for {detail['eventName']}"}
    route(detail, [{"Key": "CreatedBy", "Value": username}])
    print(f"Tagged {detail['eventName']} for {username}")
    return {"statusCode": 200, "body": f"Tagged with CreatedBy={username}"}
