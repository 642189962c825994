"""What a rule looks at: each check says what is wrong with a call or with a resource of a template, or nothing.

A check gets a Subject and gives None, or the words for the rule's message: {} where the message has no gaps. Values of a
template may still be references ({"Ref": …}); a check passes over what it cannot read. Nothing here does I/O: what is
there already is asked of the subject's world (rule_world.py).
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

Found = dict[str, Any] | None


class World(Protocol):
    """What a rule may ask about what is there. None: not there, or not known."""

    def queue(self, reference: Any) -> dict[str, Any] | None: ...
    def timeout(self, function: Any) -> int | None: ...
    def trust(self, role: Any) -> dict | None: ...
    def is_missing(self, kind: str, name: Any) -> bool: ...
    def deleted_ago(self, queue: Any) -> float | None: ...
    def inline_policies(self, role: Any) -> dict[str, Any]: ...
    def targets(self, rule: Any, bus: Any) -> set[str]: ...
    def tags(self, resource: Any) -> dict[str, str]: ...
    def bucket_owner(self, name: Any) -> str | None: ...
    def reserved_concurrency(self, but: Any) -> int: ...


@dataclasses.dataclass(frozen=True)
class Subject:
    """A call ("sqs:SetQueueAttributes", its input) or a resource ("AWS::SQS::QueuePolicy", its properties)."""
    kind: str
    values: dict[str, Any]
    world: World
    account: str = ""
    region: str = ""

    @property
    def is_resource(self) -> bool:
        return self.kind.startswith("AWS::")

    def at(self, *paths: str) -> Any:
        """The first value that is there; a path goes through members by dots."""
        for path in paths:
            value: Any = self.values
            for name in path.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None


def as_list(value: Any) -> list:
    return [] if value is None else value if isinstance(value, list) else [value]


def number(value: Any) -> int | None:
    """Of a property or an attribute, which may be written as text."""
    try:
        return None if isinstance(value, (dict, list, bool)) or value is None else int(value)
    except ValueError:
        return None


# ---------------------------------------------------------------------------------------------------------- policies

POLICIES = {
    "sqs:*": ("Attributes.Policy",), "sns:CreateTopic": ("Attributes.Policy",), "sns:SetTopicAttributes": ("AttributeValue",),
    "s3:PutBucketPolicy": ("Policy",), "iam:CreateRole": ("AssumeRolePolicyDocument",), "AWS::IAM::Role": ("AssumeRolePolicyDocument",),
    "iam:*": ("PolicyDocument",), "AWS::*": ("PolicyDocument",)}


def document(value: Any) -> dict | None:
    """A policy, which calls carry as text and templates as it is."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _text(subject: Subject) -> Any:
    if subject.kind == "sns:SetTopicAttributes" and subject.at("AttributeName") != "Policy":
        return None
    for kind, paths in POLICIES.items():
        if fnmatch.fnmatchcase(subject.kind, kind):
            found = subject.at(*paths)
            if found is not None:
                return found
    return None


def statements(subject: Subject) -> Iterator[dict]:
    policy = document(_text(subject)) or {}
    for statement in as_list(policy.get("Statement")):
        if isinstance(statement, dict):
            yield statement


def not_json(subject: Subject) -> Found:
    text = _text(subject)
    return {} if isinstance(text, str) and text and document(text) is None else None


def several_resources(subject: Subject) -> Found:
    return {} if any(len(as_list(one.get("Resource"))) > 1 for one in statements(subject)) else None


def foreign_resource(subject: Subject) -> Found:
    """A statement about another queue or topic than the one that the policy is for."""
    own = subject.at("TopicArn") or (subject.world.queue(subject.at("QueueUrl")) or {}).get("QueueArn")
    if not isinstance(own, str) or subject.is_resource:
        return None
    for statement in statements(subject):
        for resource in as_list(statement.get("Resource")):
            if isinstance(resource, str) and resource.startswith("arn:") and not fnmatch.fnmatchcase(own, resource):
                return {}
    return None


def too_many(subject: Subject, member: str, most: int) -> Found:
    """Of a member of each statement."""
    for statement in statements(subject):
        count = len(as_list(statement.get(member)))
        if count > most:
            return {"count": count, "most": most}
    return None


def other_actions(subject: Subject, patterns: tuple[str, ...]) -> Found:
    """An action that this kind of policy does not take. A pattern without a star takes none."""
    for statement in statements(subject):
        for action in as_list(statement.get("Action")):
            if isinstance(action, str) and not any(fnmatch.fnmatchcase(action.lower(), one) for one in patterns):
                return {"action": action}
    return None


def no_vendor(subject: Subject) -> Found:
    for statement in statements(subject):
        for action in as_list(statement.get("Action")) + as_list(statement.get("NotAction")):
            if isinstance(action, str) and action != "*" and not re.fullmatch(r"[\w-]+:[\w*?]+", action):
                return {"action": action}
    return None


def wrong_sid(subject: Subject) -> Found:
    known = set()
    for statement in statements(subject):
        sid = statement.get("Sid")
        if isinstance(sid, str):
            if not re.fullmatch(r"[A-Za-z0-9]*", sid) or sid and sid in known:
                return {"sid": sid}
            known.add(sid)
    return None


def has_principal(subject: Subject) -> Found:
    return {} if any("Principal" in one or "NotPrincipal" in one for one in statements(subject)) else None


def is_empty_trust(subject: Subject) -> Found:
    text = _text(subject)
    return {} if text is not None and isinstance(document(text), dict) and not list(statements(subject)) else None


def unknown_principal(subject: Subject) -> Found:
    """A user or role that a policy names and that is not there: AWS looks it up when the policy is written."""
    for statement in statements(subject):
        principal = statement.get("Principal")
        for arn in as_list(principal.get("AWS") if isinstance(principal, dict) else None):
            hit = re.fullmatch(r"arn:[\w-]+:iam::(\d{12}):(role|user)/(?:.*/)?([^/]+)", arn) if isinstance(arn, str) else None
            if hit and hit[1] == subject.account and subject.world.is_missing(hit[2], hit[3]):
                return {"arn": arn}
    return None


def size(value: Any) -> int:
    """In the characters that IAM counts: without white space."""
    found = document(value)
    return len(re.sub(r"\s", "", json.dumps(_placeholders(found), separators=(",", ":")))) if found is not None else 0


_PSEUDO = {"AWS::AccountId": "1" * 12, "AWS::Partition": "aws", "AWS::Region": "ap-southeast-1", "AWS::URLSuffix": "amazonaws.com"}


def _placeholders(value: Any) -> Any:
    """Of a template: a reference becomes an ARN of a usual length, and a parameter of CloudFormation's what it is like."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            name, content = next(iter(value.items()))
            if name == "Ref" and content in _PSEUDO:
                return _PSEUDO[content]
            return re.sub(r"\$\{[^}]*\}", "x" * 12, content) if name == "Fn::Sub" and isinstance(content, str) else "x" * 90
        return {key: _placeholders(item) for key, item in value.items()}
    return [_placeholders(item) for item in value] if isinstance(value, list) else value


def longer_than(subject: Subject, most: int) -> Found:
    return {} if size(_text(subject)) > most else None


def inline_longer_than(subject: Subject, most: int) -> Found:
    """All inline policies of a role together."""
    if subject.is_resource:
        total = sum(size(one.get("PolicyDocument")) for one in as_list(subject.at("Policies")) if isinstance(one, dict))
        return {"role": subject.at("RoleName") or ""} if total > most else None
    name = subject.at("PolicyName")
    others = subject.world.inline_policies(subject.at("RoleName"))
    total = size(subject.at("PolicyDocument")) + sum(size(text) for key, text in others.items() if key != name)
    return {"role": subject.at("RoleName")} if total > most else None


# -------------------------------------------------------------------------------------------------------------- tags

# Members that hold tags: a list of pairs, or a map.
_TAG_MEMBERS = ("Tags", "tags", "TagList", "tagList", "TagsList", "tagsList", "AddTags", "TagsToAdd", "tagsToAdd", "Tagging.TagSet", "TagsModel.tags",
                "CreateBucketConfiguration.Tags", "TagSpecifications", "tagSpecifications")
_READS = ("Untag", "Remove", "Delete", "List", "Describe", "Get", "Search")


def tags(subject: Subject) -> list[tuple[str, str]]:
    """All pairs that the call or the resource gives."""
    if subject.kind.partition(":")[2].startswith(_READS):
        return []
    found: list[tuple[str, str]] = []
    for path in _TAG_MEMBERS:
        found += _pairs(subject.at(path))
    return found


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if "Items" in value and isinstance(value["Items"], list):  # CloudFront
            value = value["Items"]
        elif not any(name in value for name in ("Ref", "Fn::If")):
            value = [{"Key": key, "Value": item} for key, item in value.items()]
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            inner = item.get("Tags") or item.get("tags")
            if isinstance(inner, list):  # a specification for a type of resource
                yield from _pairs(inner)
                continue
            key = next((item[name] for name in ("Key", "key", "TagKey", "tagKey") if name in item), None)
            text = next((item[name] for name in ("Value", "value", "TagValue", "tagValue") if name in item), "")
            if isinstance(key, str):
                yield key, text if isinstance(text, str) else ""


def reserved_tag(subject: Subject) -> Found:
    """S3 takes a bucket's tags as a whole: AWS's own that are there stay, unchanged.

    https://github.com/hashicorp/terraform-provider-aws writes them back in the same way, for buckets of stacks.
    """
    there = subject.world.tags(subject.at("Bucket")) if subject.kind == "s3:PutBucketTagging" else {}
    for key, value in tags(subject):
        if key.lower().startswith("aws:") and there.get(key) != value:
            return {"key": key}
    return None


def long_tag(subject: Subject, key_most: int, value_most: int) -> Found:
    for key, value in tags(subject):
        if not 1 <= len(key) <= key_most:
            return {"part": "key", "text": key, "most": key_most}
        if len(value) > value_most:
            return {"part": "value", "text": value, "most": value_most}
    return None


def tag_characters(subject: Subject, pattern: str) -> Found:
    for key, value in tags(subject):
        for part, text in (("Key", key), ("Value", value)):
            if not re.fullmatch(pattern, text):
                return {"part": part, "text": text}
    return None


def twice(subject: Subject, fold: Callable[[str], str] = str) -> Found:
    known: set[str] = set()
    # Of specifications, each type of resource has its own.
    if isinstance(subject.at("TagSpecifications", "tagSpecifications"), list):
        return None
    for key, _ in tags(subject):
        if fold(key) in known:
            return {"key": key}
        known.add(fold(key))
    return None


def more_tags_than(subject: Subject, most: int) -> Found:
    """With those that are there already; S3 sets all at once, and a resource of a template too."""
    given = dict(tags(subject))
    if not given:
        return None
    if subject.is_resource or subject.kind == "s3:PutBucketTagging":
        return {"most": most} if len(given) > most else None
    targets = as_list(subject.at("Resources", "QueueUrl", "ResourceArn", "resourceArn", "ResourceARN", "Resource")) or [None]
    for target in targets:
        there = subject.world.tags(target) if target is not None else {}
        if len({key for key in {**there, **given} if not key.startswith("aws:")}) > most:
            return {"most": most}
    return None


# ------------------------------------------------------------------------------------------------- names and numbers

def unlike(subject: Subject, path: str, pattern: str) -> Found:
    value = subject.at(path)
    return {"value": value} if isinstance(value, str) and not re.fullmatch(pattern, value) else None


def like(subject: Subject, path: str, pattern: str) -> Found:
    value = subject.at(path)
    return {"value": value} if isinstance(value, str) and re.fullmatch(pattern, value) else None


def outside(subject: Subject, bounds: dict[str, tuple[int, int]]) -> Found:
    """A number that is not within its bounds; the key is a member, or an attribute."""
    for path, (least, most) in bounds.items():
        value = number(subject.at(path, f"Attributes.{path}"))
        if value is not None and not least <= value <= most:
            return {"member": path.rpartition(".")[2], "value": value, "least": least, "most": most}
    return None


def one_of(subject: Subject, path: str, allowed: tuple[int, ...], multiple_of: int = 0) -> Found:
    value = number(subject.at(path))
    if value is None or value in allowed or multiple_of and value > 0 and value % multiple_of == 0:
        return None
    return {"value": value}


def lacks_all(subject: Subject, *paths: str) -> Found:
    return {} if all(subject.at(path) is None for path in paths) else None


def together(subject: Subject, *paths: str) -> Found:
    return {} if all(subject.at(path) not in (None, []) for path in paths) else None


def wrong_rate(subject: Subject) -> Found:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html"""
    text = subject.at("ScheduleExpression")
    if not isinstance(text, str) or not text:
        return None
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", text)
    if rate:
        return {} if int(rate[1]) < 1 or (int(rate[1]) == 1) == bool(rate[3]) else None
    return None if re.fullmatch(r"cron\(\S+( \S+){5}\)|at\(.*\)", text) else {}


def long_pattern(subject: Subject, most: int) -> Found:
    pattern = subject.at("EventPattern")
    if isinstance(pattern, dict):
        pattern = json.dumps(_placeholders(pattern), separators=(",", ":"))
    return {"most": most} if isinstance(pattern, str) and len(pattern) > most else None


def too_many_targets(subject: Subject, most: int) -> Found:
    given = {one.get("Id") for one in as_list(subject.at("Targets")) if isinstance(one, dict)}
    there = set() if subject.is_resource else subject.world.targets(subject.at("Rule"), subject.at("EventBusName"))
    return {} if len(given | there) > most else None


def not_a_json_object(subject: Subject, path: str) -> Found:
    value = subject.at(path)
    if not isinstance(value, str):
        return None
    try:
        return None if isinstance(json.loads(value), dict) else {}
    except ValueError:
        return {}


# ------------------------------------------------------------------------------------------------ what is there already

def deleted_recently(subject: Subject, seconds: float) -> Found:
    ago = subject.world.deleted_ago(subject.at("QueueName"))
    return {} if ago is not None and ago < seconds else None


def bucket_of_another(subject: Subject) -> Found:
    owner = subject.world.bucket_owner(subject.at("Bucket", "BucketName"))
    return {} if owner and owner != subject.account else None


def own_bucket_again(subject: Subject) -> Found:
    """Only in us-east-1 S3 lets its owner create a bucket twice."""
    same = subject.world.bucket_owner(subject.at("Bucket", "BucketName")) == subject.account
    return {} if same and subject.region != "us-east-1" else None


def wrong_location(subject: Subject) -> Found:
    """A bucket is made in the region that is called, except in us-east-1, which makes it anywhere."""
    asked = subject.at("CreateBucketConfiguration.LocationConstraint")
    return {"asked": asked} if asked and subject.region != "us-east-1" and asked not in (subject.region, "EU") else None


def missing_ids(subject: Subject, kinds: dict[str, tuple[str, str]]) -> Found:
    """Ids of EC2 that are not there, or are none. `kinds`: by the id's beginning its code, and what messages call it."""
    for name in as_list(subject.at("Resources")):
        # A fleet's id ends in a UUID.
        hit = re.fullmatch(r"([a-z][a-z-]*)-(?:[0-9a-f]{8}|[0-9a-f]{17}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", name) \
            if isinstance(name, str) else None
        if not hit:
            return {"code": "InvalidID", "text": f"The ID '{name}' is not valid"}
        code, called = kinds.get(hit[1], ("InvalidID", ""))
        if subject.world.is_missing(hit[1], name):
            return {"code": code, "text": f"The {called} ID '{name}' does not exist"}
    return None


def not_assumable(subject: Subject, service: str) -> Found:
    """A role whose trust policy does not let the service in."""
    trust = subject.world.trust(subject.at("Role"))
    if trust is None:
        return None
    for statement in as_list(trust.get("Statement")):
        principal = statement.get("Principal")
        services = as_list(principal.get("Service")) if isinstance(principal, dict) else []
        if statement.get("Effect") == "Allow" and (principal == "*" or service in services):
            return None
    return {}


def visibility_below_timeout(subject: Subject) -> Found:
    queue = subject.world.queue(subject.at("EventSourceArn"))
    timeout = subject.world.timeout(subject.at("FunctionName"))
    if queue is None or timeout is None:
        return None
    visibility = number(queue.get("VisibilityTimeout", 30))
    return {"visibility": visibility, "timeout": timeout} if visibility is not None and visibility < timeout else None


def batch_without_window(subject: Subject) -> Found:
    source = subject.at("EventSourceArn")
    of_queue = isinstance(source, str) and ":sqs:" in source or subject.world.queue(source) is not None
    size_of_batch, window = number(subject.at("BatchSize")), number(subject.at("MaximumBatchingWindowInSeconds"))
    return {} if of_queue and (size_of_batch or 10) > 10 and not window else None


def is_missing(subject: Subject, kind: str, path: str, within: str = r"(.*)") -> Found:
    value = subject.at(path)
    hit = re.fullmatch(within, value) if isinstance(value, str) else None
    return {"name": value} if hit and subject.world.is_missing(kind, hit[1]) else None


def dead_letters_missing(subject: Subject) -> Found:
    policy = document(subject.at("Attributes.RedrivePolicy", "RedrivePolicy"))
    target = (policy or {}).get("deadLetterTargetArn")
    gone = isinstance(target, str) and subject.world.is_missing("queue", target)
    return {"value": json.dumps(policy)} if gone else None


def reserved_variables(subject: Subject, names: frozenset[str]) -> Found:
    variables = subject.at("Environment.Variables")
    taken = sorted(set(variables) & names) if isinstance(variables, dict) else []
    return {"names": ", ".join(taken)} if taken else None


def long_environment(subject: Subject, most: int) -> Found:
    variables = subject.at("Environment.Variables")
    if not isinstance(variables, dict):
        return None
    return {} if len(json.dumps(_placeholders(variables), separators=(",", ":")).encode()) > most else None


def too_much_concurrency(subject: Subject, account_has: int, left: int) -> Found:
    asked = number(subject.at("ReservedConcurrentExecutions"))
    if asked is None:
        return None
    others = subject.world.reserved_concurrency(subject.at("FunctionName"))
    return {} if account_has - others - asked < left else None
