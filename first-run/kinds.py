"""One of each kind of resource: how it is made, found again by the run's name, asked for its tags, and deleted.

A thing is found by its name and not by an id that was noted, so that whatever killed the run between a creation and a
note, it is found. Each `make` does nothing when the thing is there.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Callable

from account import ROLE, Account, gone

Tags = dict[str, str]
MARK = "first-run"


@dataclass(frozen=True)
class Kind:
    """`id` is that of the row; `find` answers ids or ARNs, as `tags` and `delete` take them."""

    id: str
    make: Callable[[Account, str], Any]
    find: Callable[[Account, str], list[str]]
    tags: Callable[[Account, str], Tags]
    delete: Callable[[Account, str], Any]


def pairs(tags: list[dict[str, str]], key: str = "Key", value: str = "Value") -> Tags:
    return {tag[key]: tag[value] for tag in tags}


def arn(account: Account, service: str, resource: str, owner: bool = True) -> str:
    return f"arn:{account.partition()}:{service}:{account.region}:{account.id if owner else ''}:{resource}"


def pages(client: Any, operation: str, member: str, **more: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**more) for item in page.get(member) or []]


# S3: a bucket's name is the world's, so it has the account in it.

def make_bucket(account: Account, name: str) -> None:
    if not find_bucket(account, name):
        account.client("s3").create_bucket(
            Bucket=f"{name}-{account.id}", CreateBucketConfiguration={"LocationConstraint": account.region})


def find_bucket(account: Account, name: str) -> list[str]:
    bucket = f"{name}-{account.id}"
    return [bucket] if gone(lambda: account.client("s3").head_bucket(Bucket=bucket), "404") is not None else []


def bucket_tags(account: Account, bucket: str) -> Tags:
    found = gone(lambda: account.client("s3").get_bucket_tagging(Bucket=bucket), "NoSuchTagSet")
    return pairs(found["TagSet"]) if found else {}


def delete_bucket(account: Account, bucket: str) -> None:
    """With every version in it. CloudTrail may write while it is emptied, so it is emptied more than once."""
    s3 = account.client("s3")
    for last in (False, False, True):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            objects = [{"Key": item["Key"], "VersionId": item["VersionId"]}
                       for item in page.get("Versions", []) + page.get("DeleteMarkers", [])]
            if objects:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        try:
            s3.delete_bucket(Bucket=bucket)
            return
        except s3.exceptions.ClientError as error:
            if last or error.response["Error"]["Code"] != "BucketNotEmpty":
                raise
            time.sleep(5)


# SQS

def find_queue(account: Account, name: str) -> list[str]:
    found = gone(lambda: account.client("sqs").get_queue_url(QueueName=name),
                 "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
    return [found["QueueUrl"]] if found else []


# DynamoDB

def make_table(account: Account, name: str) -> None:
    if not find_table(account, name):
        account.client("dynamodb").create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])


def find_table(account: Account, name: str) -> list[str]:
    found = gone(lambda: account.client("dynamodb").describe_table(TableName=name), "ResourceNotFoundException")
    return [name] if found and found["Table"]["TableStatus"] != "DELETING" else []


def delete_table(account: Account, name: str) -> None:
    dynamodb = account.client("dynamodb")
    # A table that is being made cannot be deleted.
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    dynamodb.delete_table(TableName=name)


# EC2: the cheapest thing that it has, with a tag of its own.

def make_volume(account: Account, name: str) -> None:
    ec2 = account.client("ec2")
    if not find_volume(account, name):
        zones = ec2.describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])
        ec2.create_volume(
            Size=1, VolumeType="gp3", AvailabilityZone=zones["AvailabilityZones"][0]["ZoneName"],
            TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": MARK, "Value": name}]}])


def find_volume(account: Account, name: str) -> list[str]:
    found = account.client("ec2").describe_volumes(Filters=[{"Name": f"tag:{MARK}", "Values": [name]}])["Volumes"]
    return [volume["VolumeId"] for volume in found if volume["State"] not in ("deleting", "deleted")]


def volume_tags(account: Account, volume: str) -> Tags:
    return pairs(account.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [volume]}])["Tags"])


def delete_volume(account: Account, volume: str) -> None:
    account.client("ec2").get_waiter("volume_available").wait(VolumeIds=[volume])
    account.client("ec2").delete_volume(VolumeId=volume)


# API Gateway

def find_rest(account: Account, name: str) -> list[str]:
    apis = pages(account.client("apigateway"), "get_rest_apis", "items")
    return [api["id"] for api in apis if api["name"] == name]


def rest_tags(account: Account, api: str) -> Tags:
    resource = arn(account, "apigateway", f"/restapis/{api}", owner=False)
    return account.client("apigateway").get_tags(resourceArn=resource)["tags"]


def find_http(account: Account, name: str) -> list[str]:
    apis = pages(account.client("apigatewayv2"), "get_apis", "Items")
    return [api["ApiId"] for api in apis if api["Name"] == name]


def v2_tags(account: Account, path: str) -> Tags:
    resource = arn(account, "apigateway", f"/apis/{path}", owner=False)
    return account.client("apigatewayv2").get_tags(ResourceArn=resource)["Tags"]


def make_stage(account: Account, name: str) -> None:
    if not find_stage(account, name):
        account.client("apigatewayv2").create_stage(ApiId=find_http(account, name)[0], StageName="tried")


def find_stage(account: Account, name: str) -> list[str]:
    found = []
    for api in find_http(account, name):
        stages = account.client("apigatewayv2").get_stages(ApiId=api)["Items"]
        found += [f"{api}/stages/{stage['StageName']}" for stage in stages]
    return found


def delete_stage(account: Account, path: str) -> None:
    api, _, stage = path.split("/")
    account.client("apigatewayv2").delete_stage(ApiId=api, StageName=stage)


# Athena

def find_workgroup(account: Account, name: str) -> list[str]:
    # It answers InvalidRequestException for a workgroup that is not there, so the list is asked.
    groups, more = [], {}
    while True:
        page = account.client("athena").list_work_groups(**more)
        groups += page["WorkGroups"]
        if not page.get("NextToken"):
            return [name] if any(group["Name"] == name for group in groups) else []
        more = {"NextToken": page["NextToken"]}


# KMS: a key has no name, so its description tells whose it is. A key is deleted after 7 days at the earliest.

def make_key(account: Account, name: str) -> None:
    if not find_key(account, name):
        account.client("kms").create_key(Description=name)


def make_locked_key(account: Account, name: str) -> None:
    """A key that everybody in the account may use by their own policies, but for the tagger's role."""
    if find_locked_key(account, name):
        return
    owner = f"arn:{account.partition()}:iam::{account.id}"
    policy = {"Version": "2012-10-17", "Statement": [{
        "Sid": "AllButTheTagger", "Effect": "Allow", "Principal": {"AWS": f"{owner}:root"}, "Action": "kms:*",
        "Resource": "*", "Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"{owner}:role/{ROLE}"}}}]}
    account.client("kms").create_key(Description=f"{name}-locked", Policy=json.dumps(policy))


def find_key(account: Account, name: str) -> list[str]:
    kms = account.client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in pages(kms, "list_keys", "Keys")]
    return [key["KeyId"] for key in keys
            if key.get("Description") == name and key["KeyState"] != "PendingDeletion"]


def find_locked_key(account: Account, name: str) -> list[str]:
    return find_key(account, f"{name}-locked")


# IAM: the events of which come from us-east-1.

def make_role(account: Account, name: str) -> None:
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    if not find_role(account, name):
        account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))


def find_role(account: Account, name: str) -> list[str]:
    return [name] if gone(lambda: account.client("iam").get_role(RoleName=name), "NoSuchEntity") else []


def delete_role(account: Account, name: str) -> None:
    iam = account.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)


def find_policies(account: Account, name: str) -> list[str]:
    policies = pages(account.client("iam"), "list_policies", "Policies", Scope="Local")
    return [policy["Arn"] for policy in policies if policy["PolicyName"].startswith(f"{name}-")]


# Elastic Beanstalk, AppSync, CloudWatch Logs, SNS, SSM

def find_application(account: Account, name: str) -> list[str]:
    found = account.client("elasticbeanstalk").describe_applications(ApplicationNames=[name])["Applications"]
    return [name] if found else []


def application_tags(account: Account, name: str) -> Tags:
    found = account.client("elasticbeanstalk").list_tags_for_resource(
        ResourceArn=arn(account, "elasticbeanstalk", f"application/{name}"))
    return pairs(found["ResourceTags"])


def find_graphql(account: Account, name: str) -> list[str]:
    apis = pages(account.client("appsync"), "list_graphql_apis", "graphqlApis")
    return [api["apiId"] for api in apis if api["name"] == name]


def find_log_group(account: Account, name: str) -> list[str]:
    groups = account.client("logs").describe_log_groups(logGroupNamePrefix=f"/{name}")["logGroups"]
    return [group["logGroupName"] for group in groups if group["logGroupName"] == f"/{name}"]


def find_topic(account: Account, name: str) -> list[str]:
    topic = arn(account, "sns", name)
    return [topic] if gone(lambda: account.client("sns").get_topic_attributes(TopicArn=topic), "NotFound") else []


def find_parameter(account: Account, name: str) -> list[str]:
    found = gone(lambda: account.client("ssm").get_parameter(Name=f"/{name}"), "ParameterNotFound")
    return [f"/{name}"] if found else []


def unless_there(find: Callable[[Account, str], list[str]], make: Callable[[Account, str], Any]) -> Callable:
    return lambda account, name: find(account, name) or make(account, name)


KINDS = (
    Kind("tag-s3-bucket", make_bucket, find_bucket, bucket_tags, delete_bucket),
    Kind("tag-sqs-queue", lambda a, n: a.client("sqs").create_queue(QueueName=n), find_queue,
         lambda a, i: a.client("sqs").list_queue_tags(QueueUrl=i).get("Tags", {}),
         lambda a, i: a.client("sqs").delete_queue(QueueUrl=i)),
    Kind("tag-dynamodb-table", make_table, find_table,
         lambda a, i: pairs(a.client("dynamodb").list_tags_of_resource(
             ResourceArn=arn(a, "dynamodb", f"table/{i}"))["Tags"]), delete_table),
    Kind("tag-ec2-volume", make_volume, find_volume, volume_tags, delete_volume),
    Kind("tag-rest-api", unless_there(find_rest, lambda a, n: a.client("apigateway").create_rest_api(name=n)), find_rest,
         rest_tags, lambda a, i: a.client("apigateway").delete_rest_api(restApiId=i)),
    Kind("tag-http-api",
         unless_there(find_http, lambda a, n: a.client("apigatewayv2").create_api(Name=n, ProtocolType="HTTP")),
         find_http, v2_tags, lambda a, i: a.client("apigatewayv2").delete_api(ApiId=i)),
    Kind("tag-http-stage", make_stage, find_stage, v2_tags, delete_stage),
    Kind("tag-athena-workgroup",
         unless_there(find_workgroup, lambda a, n: a.client("athena").create_work_group(Name=n)), find_workgroup,
         lambda a, i: pairs(a.client("athena").list_tags_for_resource(
             ResourceARN=arn(a, "athena", f"workgroup/{i}"))["Tags"]),
         lambda a, i: a.client("athena").delete_work_group(WorkGroup=i, RecursiveDeleteOption=True)),
    Kind("tag-kms-key", make_key, find_key,
         lambda a, i: pairs(a.client("kms").list_resource_tags(KeyId=i)["Tags"], "TagKey", "TagValue"),
         lambda a, i: a.client("kms").schedule_key_deletion(KeyId=i, PendingWindowInDays=7)),
    Kind("kms-locked", make_locked_key, find_locked_key,
         lambda a, i: pairs(a.client("kms").list_resource_tags(KeyId=i)["Tags"], "TagKey", "TagValue"),
         lambda a, i: a.client("kms").schedule_key_deletion(KeyId=i, PendingWindowInDays=7)),
    Kind("tag-iam-role", make_role, find_role,
         lambda a, i: pairs(a.client("iam").list_role_tags(RoleName=i)["Tags"]), delete_role),
    Kind("tag-beanstalk-application",
         unless_there(find_application, lambda a, n: a.client("elasticbeanstalk").create_application(ApplicationName=n)),
         find_application, application_tags,
         lambda a, i: a.client("elasticbeanstalk").delete_application(ApplicationName=i)),
    Kind("tag-appsync-api", unless_there(find_graphql, lambda a, n: a.client("appsync").create_graphql_api(
        name=n, authenticationType="API_KEY")), find_graphql,
         lambda a, i: a.client("appsync").list_tags_for_resource(resourceArn=arn(a, "appsync", f"apis/{i}"))["tags"],
         lambda a, i: a.client("appsync").delete_graphql_api(apiId=i)),
    Kind("tag-log-group",
         unless_there(find_log_group, lambda a, n: a.client("logs").create_log_group(logGroupName=f"/{n}")),
         find_log_group,
         lambda a, i: a.client("logs").list_tags_for_resource(resourceArn=arn(a, "logs", f"log-group:{i}"))["tags"],
         lambda a, i: a.client("logs").delete_log_group(logGroupName=i)),
    Kind("tag-sns-topic", lambda a, n: a.client("sns").create_topic(Name=n), find_topic,
         lambda a, i: pairs(a.client("sns").list_tags_for_resource(ResourceArn=i)["Tags"]),
         lambda a, i: a.client("sns").delete_topic(TopicArn=i)),
    Kind("tag-ssm-parameter", unless_there(find_parameter, lambda a, n: a.client("ssm").put_parameter(
        Name=f"/{n}", Type="String", Value="tried")), find_parameter,
         lambda a, i: pairs(a.client("ssm").list_tags_for_resource(
             ResourceType="Parameter", ResourceId=i)["TagList"]),
         lambda a, i: a.client("ssm").delete_parameter(Name=i)),
)
