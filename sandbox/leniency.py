"""What AWS's API models say and AWS's services do not hold callers to: data, each with its reason.

A row is (service, operation, kind of constraint, path, reason); "*" stands for any. Paths are those of constraints.py,
without the numbers of list members.
"""

from __future__ import annotations

import fnmatch
import functools
import re

EXCUSED: tuple[tuple[str, str, str, str, str], ...] = (
    ("bedrock-agent", "*agResource", "pattern", "resourceArn", "The pattern has '/d{12}' where a backslash is meant: no ARN has it."),
    ("bedrock-agent", "ListTagsForResource", "pattern", "resourceArn", "As for TagResource."),
    ("s3control", "*agResource", "pattern", "resourceArn",
     "The pattern leaves out arn:aws:s3:::bucket, by which Terraform tags every bucket: "
     "https://github.com/hashicorp/terraform-provider-aws/pull/45251"),
    ("s3control", "ListTagsForResource", "pattern", "resourceArn", "As for TagResource."),
    ("mq", "*", "enum", "engineType",
     "The documents and every client write ActiveMQ and RabbitMQ: "
     "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-amazonmq-broker.html"),
    ("appsync", "*", "pattern", "resourceArn",
     "The pattern is older than channel namespaces and domain names, whose types are tagged by TagResource: "
     "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-appsync-channelnamespace.html"),
    ("appsync", "*", "length", "resourceArn", "As for the pattern."),
    # The emulator's ids are of another form than AWS's; what it made has to be tagged all the same.
    ("bedrock", "*", "pattern", "resourceARN", "The emulator's guardrails and jobs have ids of their own form."),
)


@functools.lru_cache(maxsize=65536)
def _known(service: str, operation: str, kind: str, path: str) -> bool:
    return any(
        fnmatch.fnmatchcase(service, row[0]) and fnmatch.fnmatchcase(operation, row[1])
        and row[2] in ("*", kind) and fnmatch.fnmatchcase(path, row[3]) for row in EXCUSED)


def is_excused(service: str, operation: str, kind: str, path: str) -> bool:
    """Whether a service takes what its model does not."""
    return _known(service, operation, kind, re.sub(r"\.\d+\.", ".", path))
