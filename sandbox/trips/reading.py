"""The tags of a resource, as its own service tells them: which call, by botocore's models, or said in OWN.

It must not know the product's catalog: what is proved is that the tag is where a user of the service finds it.
"""

from __future__ import annotations

from typing import Any

import jmespath
from botocore.model import ServiceModel, Shape

from .row import Read

# Services of which the models do not tell it: other names, or the tags are part of a description.
OWN: dict[str, Read] = {
    "ec2": Read("DescribeTags", tags="Tags", parameters={"Filters": [{"Name": "resource-id", "Values": ["{id}"]}]}),
    "autoscaling": Read("DescribeTags", tags="Tags",
                        parameters={"Filters": [{"Name": "auto-scaling-group", "Values": ["{id}"]}]}),
    "elbv2": Read("DescribeTags", tags="TagDescriptions[].Tags[]", parameters={"ResourceArns": ["{id}"]}),
    "elb": Read("DescribeTags", tags="TagDescriptions[].Tags[]", parameters={"LoadBalancerNames": ["{id}"]}),
    "secretsmanager": Read("DescribeSecret", "SecretId", "Tags"),
    "s3": Read("GetBucketTagging", "Bucket", "TagSet"),
    "sqs": Read("ListQueueTags", "QueueUrl", "Tags"),
    "kms": Read("ListResourceTags", "KeyId", "Tags"),
    "cloudtrail": Read("ListTags", tags="ResourceTagList[].TagsList[]", parameters={"ResourceIdList": ["{id}"]}),
    "apigateway": Read("GetTags", "resourceArn", "tags"),
    "apigatewayv2": Read("GetTags", "ResourceArn", "Tags"),
    "dms": Read("ListTagsForResource", "ResourceArn", "TagList"),
    "redshift": Read("DescribeTags", "ResourceName", "TaggedResources[].Tag"),
    "emr": Read("DescribeCluster", "ClusterId", "Cluster.Tags"),
    "glue": Read("GetTags", "ResourceArn", "Tags"),
    "acm": Read("ListTagsForCertificate", "CertificateArn", "Tags"),
    "acm-pca": Read("ListTags", "CertificateAuthorityArn", "Tags"),
    "dynamodb": Read("ListTagsOfResource", "ResourceArn", "Tags"),
    "lambda": Read("ListTags", "Resource", "Tags"),
    "resource-groups": Read("GetTags", "Arn", "Tags"),
    "workspaces": Read("DescribeTags", "ResourceId", "TagList"),
    "opensearch": Read("ListTags", "ARN", "TagList"),
    "es": Read("ListTags", "ARN", "TagList"),
    "ds": Read("ListTagsForResource", "ResourceId", "Tags"),
    "route53": Read("ListTagsForResource", tags="ResourceTagSet.Tags"),
    "organizations": Read("ListTagsForResource", "ResourceId", "Tags"),
    "ssm": Read("ListTagsForResource", tags="TagList"),
    "cloudfront": Read("ListTagsForResource", "Resource", "Tags.Items"),
    "kinesis": Read("ListTagsForStream", "StreamName", "Tags"),
    "firehose": Read("ListTagsForDeliveryStream", "DeliveryStreamName", "Tags"),
    "directconnect": Read("DescribeTags", tags="resourceTags[].tags[]", parameters={"resourceArns": ["{id}"]}),
}
# What creations call the member that takes tags, in lower case.
TAG_MEMBERS = ("tags", "taglist", "tagslist", "hostedzonetags", "userpooltags", "identitypooltags", "backupvaulttags",
               "backupplantags", "reportplantags")
NAMES = ("ListTagsForResource", "ListTags", "GetTags", "ListTagsOfResource", "DescribeTags")


def read_of(model: ServiceModel) -> Read | None:
    """How this service tells tags, if its model has a call with one member that takes the resource."""
    if model.service_name in OWN:
        return OWN[model.service_name]
    for name in NAMES:
        if name not in model.operation_names:
            continue
        operation = model.operation_model(name)
        required = operation.input_shape.required_members if operation.input_shape else []
        members = required or [member for member in operation.input_shape.members if member.lower().endswith("arn")]
        tags = [member for member, shape in operation.output_shape.members.items() if _holds_tags(member, shape)]
        if len(members) == 1 and len(tags) == 1:
            return Read(name, members[0], tags[0])
    return None


def _holds_tags(name: str, shape: Shape) -> bool:
    return "tag" in name.lower() and shape.type_name in ("map", "list")


def parameters(read: Read, id_: Any) -> dict[str, Any]:
    return _filled(read.parameters, id_) | ({read.id: id_} if read.id else {})


def _filled(value: Any, id_: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, id_) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, id_) for item in value]
    return id_ if value == "{id}" else value


def tags(read: Read, answer: dict[str, Any]) -> dict[str, str]:
    """The tags of an answer, whatever the service calls their members."""
    found = jmespath.search(read.tags, answer) or {}
    if isinstance(found, dict):
        return {str(key): str(value) for key, value in found.items()}
    result = {}
    for tag in found:
        lower = {name.lower(): value for name, value in tag.items()}
        key = lower.get("key", lower.get("tagkey"))
        result[str(key)] = str(lower.get("value", lower.get("tagvalue")))
    return result


def with_owner(parameters_: dict[str, Any], shape: Shape | None, specification: str | None) -> dict[str, Any]:
    """The creation's parameters with the tag Owner=team, where the call takes tags and the row has none yet."""
    if shape is None or specification is None:
        return parameters_
    for member, child in shape.members.items():
        if member in parameters_:
            continue
        if member == "TagSpecifications" and specification:
            tags_ = [{"Key": "Owner", "Value": "team"}]
            return parameters_ | {member: [{"ResourceType": specification, "Tags": tags_}]}
        if member.lower() not in TAG_MEMBERS:
            continue
        if child.type_name == "map":
            return parameters_ | {member: {"Owner": "team"}}
        if child.type_name == "list" and child.member.type_name == "structure":
            names = {name.lower(): name for name in child.member.members}
            key, value = names.get("key") or names.get("tagkey"), names.get("value") or names.get("tagvalue")
            if key and value:
                return parameters_ | {member: [{key: "Owner", value: "team"}]}
    return parameters_
