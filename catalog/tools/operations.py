#!/usr/bin/env python3
"""Derives the table of AWS's tagging operations from AWS's published API models.

The models are the data files of botocore (service-2.json, endpoint-rule-set-1.json, partitions.json); only facts
are read from them, and botocore's code is not used.  The table says for each operation how it goes on the wire and
which operation of the same service reads the tags back.  `cargo xtask codegen` turns it into Rust.

    pip install --require-hashes -r catalog/tools/requirements.txt
    python catalog/tools/operations.py > catalog/operations.toml
    python catalog/tools/operations.py --partitions > catalog/partitions.toml
    python catalog/tools/operations.py --endpoints > catalog/endpoints.toml
    python catalog/tools/operations.py --check          # the files are what the models give, and every rule holds
    python catalog/tools/operations.py --report         # what was left out, which reads are missing or can truncate

What the models do not say (which identifier an operation takes, which IAM action guards it) is in the tables below.
"""
from __future__ import annotations

import functools
import gzip
import importlib.metadata
import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path

import separators

CATALOG = Path(__file__).resolve().parent.parent
PINNED = re.search(r"botocore==(\S+)", (CATALOG / "tools/requirements.txt").read_text()).group(1)

# Everything that puts tags onto an existing resource.
WRITE = re.compile(
    r"^(Tag|Tag(?!sFor|Option)[A-Z]\w*|AddTags(To\w+)?|CreateTags|CreateOrUpdateTags|UpdateTagsFor\w+"
    r"|ChangeTagsFor\w+|SetTagsFor\w+|Put(Bucket|Object|Job|StorageLensConfiguration)Tagging)$"
)

# Where the IAM prefix is not the signing name.
IAM_PREFIX = {
    "cloudwatch": "cloudwatch",
    "iotsecuretunneling": "iot",
    "partnercentral-account": "partnercentral",
    "partnercentral-benefits": "partnercentral",
    "partnercentral-channel": "partnercentral",
    "partnercentral-revenue-measurement": "partnercentral",
    "partnercentral-selling": "partnercentral",
    "resourcegroupstaggingapi": "tag",
}

# Several services share an IAM prefix.  This one has the plain name; the others are named as botocore names them.
PRIMARY = {
    "apigateway": "apigateway",
    "aws-marketplace": "marketplace-catalog",
    "bedrock": "bedrock",
    "connect-campaigns": "connectcampaignsv2",
    "elasticloadbalancing": "elbv2",
    "iot": "iot",
    "ivs": "ivs",
    "lex": "lexv2-models",
    "partnercentral": "partnercentral-selling",
    "ses": "sesv2",
}

# Operations that have no place in the table, with the reason.
LEFT_OUT = {
    ("compute-optimizer-automation", "TagResource"): "wants the rule's revision, a number that changes with the rule",
    ("connect", "TagContact"): "a contact is a phone call, not a resource that someone created",
    ("docdb", "AddTagsToResource"): "the same request as rds:AddTagsToResource, to the same endpoint",
    ("efs", "CreateTags"): "deprecated for elasticfilesystem:TagResource",
    ("es", "AddTags"): "the older form of es:AddTags, which opensearch's model has; both act on the same domains",
    ("kinesisanalytics", "TagResource"): "the older form of kinesisanalytics:TagResource, for the same applications",
    ("logs", "TagLogGroup"): "deprecated for logs:TagResource",
    ("neptune", "AddTagsToResource"): "the same request as rds:AddTagsToResource, to the same endpoint",
    ("s3", "PutObjectTagging"): "objects are not tagged; it replaces all tags",
    ("s3control", "PutBucketTagging"): "S3 on Outposts only: its own endpoint and headers; it replaces all tags",
    ("timestream-query", "TagResource"): "the endpoint must be discovered first; tag:TagResources does it instead",
    ("timestream-write", "TagResource"): "the endpoint must be discovered first; tag:TagResources does it instead",
}


# Identifiers whose name does not say that they take an ARN; their documentation does.
ARN_MEMBERS = {
    ("cloudfront", "Resource"),
    ("cloudtrail", "ResourceId"),
    ("dax", "ResourceName"),
    ("elasticache", "ResourceName"),
    ("iam", "SerialNumber"),  # a virtual MFA device's serial number is its ARN
    ("kms", "KeyId"),
    ("lambda", "Resource"),
    ("lambda-microvms", "Resource"),
    ("lambda-web", "resource"),
    ("mediastore", "Resource"),
    ("rds", "ResourceName"),
    ("redshift", "ResourceName"),
    ("secretsmanager", "SecretId"),
}
# Identifiers that cannot be cut off the ARN: the entry of the catalog says them with `id`.
GIVEN = {
    ("discovery", "CreateTags"),
    ("lightsail", "TagResource"),
    ("sqs", "TagQueue"),
}
# An identifier that does not take an ARN is what stands in it behind the word of the type, whatever that holds. Where more than
# one word and a name stands there, it is the last part, of which the model's pattern must say that it holds no separator.
LAST = {
    # The path of a role stands before its name.
    ("iam", "TagInstanceProfile"), ("iam", "TagRole"), ("iam", "TagServerCertificate"), ("iam", "TagUser"),
    # The organization stands before the unit, and the policy's type before the policy.
    ("organizations", "TagResource"),
    # The file system stands before its access point.
    ("s3files", "TagResource"),
}
SEPARATORS = "/:"
# What the operations of BY_HAND take.  The id of a group stands before its name, which can hold slashes and no colon:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html
PART = {
    ("autoscaling", "CreateOrUpdateTags"): "after :autoScalingGroupName/",
    ("ec2", "CreateTags"): "path",
}
# The identifier, where an operation offers several members or where the only required one is not it.
WRITE_ID = {
    ("kinesis", "AddTagsToStream"): "StreamName",
    ("kinesisvideo", "TagStream"): "StreamARN",
    ("lightsail", "TagResource"): "resourceName",
    ("ram", "TagResource"): "resourceShareArn",
    ("route53", "ChangeTagsForResource"): "ResourceId",
    ("ssm", "AddTagsToResource"): "ResourceId",
    ("machinelearning", "AddTags"): "ResourceId",
    ("pi", "TagResource"): "ResourceARN",
}
READ_ID = {
    ("codedeploy", "BatchGetOnPremisesInstances"): "instanceNames",
    ("kinesis", "ListTagsForStream"): "StreamName",
    ("kinesisvideo", "ListTagsForStream"): "StreamARN",
    ("ram", "GetResourceShares"): "resourceShareArns",
    ("redshift", "DescribeTags"): "ResourceName",
    ("resourcegroupstaggingapi", "GetResources"): "ResourceARNList",
}
# Required members that are the same for every resource.
FIXED = {
    ("glacier", "accountId"): "-",
    ("ram", "resourceOwner"): "SELF",
    ("s3control", "AccountId"): "{account}",
}
# Required members that differ from one resource type to the next: the entry of the catalog says them with `with`.
NEEDS = {
    ("machinelearning", "ResourceType"),
    ("pi", "ServiceType"),
    ("route53", "ResourceType"),
    ("ssm", "ResourceType"),
}
# The reading operation, where its name is not one of READ_NAMES or where the first of these is not the pair.
READ_NAMES = (
    "ListTagsForResource", "ListTags", "GetTags", "ListResourceTags", "ListTagsOfResource", "DescribeTags",
    "ListTagsForResources",
)
READ = {
    ("acm", "AddTagsToCertificate"): "ListTagsForCertificate",
    ("codedeploy", "AddTagsToOnPremisesInstances"): "BatchGetOnPremisesInstances",
    ("datapipeline", "AddTags"): "DescribePipelines",
    ("discovery", "CreateTags"): None,  # only by a nested filter
    ("emr", "AddTags"): "DescribeCluster",
    ("firehose", "TagDeliveryStream"): "ListTagsForDeliveryStream",
    ("glacier", "AddTagsToVault"): "ListTagsForVault",
    ("kinesis", "AddTagsToStream"): "ListTagsForStream",
    ("kinesisvideo", "TagStream"): "ListTagsForStream",
    ("mediaconnect", "TagGlobalResource"): "ListTagsForGlobalResource",
    ("ram", "TagResource"): "GetResourceShares",
    ("resourcegroupstaggingapi", "TagResources"): "GetResources",
    ("route53domains", "UpdateTagsForDomain"): "ListTagsForDomain",
    ("s3", "PutBucketTagging"): "GetBucketTagging",
    ("s3control", "PutJobTagging"): "GetJobTagging",
    ("s3control", "PutStorageLensConfigurationTagging"): "GetStorageLensConfigurationTagging",
    ("secretsmanager", "TagResource"): "DescribeSecret",
    ("sqs", "TagQueue"): "ListQueueTags",
}
# IAM actions that are not named as the operation is.
ACTIONS = {
    # Adding tags is a permission of its own, beside the one for the operation.
    # AddTags lets the call add, RemoveTags take away, "instead of the API operation name", which would let it do both:
    # https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_UpdateTagsForResource.html
    ("elasticbeanstalk", "UpdateTagsForResource"): ["elasticbeanstalk:AddTags"],
    # Tagging a connection or a database wants the permission to get it, too; nothing calls either, since GetConnection shows
    # passwords: https://docs.aws.amazon.com/glue/latest/dg/monitor-tags.html
    ("glue", "TagResource"): ["glue:GetConnection", "glue:GetDatabase", "glue:TagResource"],
    ("keyspaces", "ListTagsForResource"): ["cassandra:Select"],
    # The service authorization reference lists only the plain actions; both cost nothing.
    ("mediaconnect", "TagGlobalResource"): ["mediaconnect:TagGlobalResource", "mediaconnect:TagResource"],
    ("mediaconnect", "ListTagsForGlobalResource"): [
        "mediaconnect:ListTagsForGlobalResource", "mediaconnect:ListTagsForResource"],
}
# Operations that put a whole new set in the place of the old one.
REPLACES = {
    ("inspector", "SetTagsForResource"),
    ("s3", "PutBucketTagging"),
    ("s3control", "PutJobTagging"),
    ("s3control", "PutStorageLensConfigurationTagging"),
}
VARIANT = {
    ("autoscaling", "CreateOrUpdateTags"): "autoscaling",
    ("ec2", "CreateTags"): "ec2",
    ("resourcegroupstaggingapi", "TagResources"): "tagging-api",
    ("s3", "PutBucketTagging"): "s3-replace",
    ("s3control", "TagResource"): "s3",
}
# Fewer tags than 50, where the documentation says so and the model's list has no such maximum.
MAX_TAGS = {
    ("glacier", "AddTagsToVault"): 10,
    ("machinelearning", "AddTags"): 10,
    ("opensearch", "AddTags"): 10,
}
# Two operations whose identifier stands in an unusual place.  Keys with dots are literal form fields.
BY_HAND = {
    ("autoscaling", "CreateOrUpdateTags"): (
        {"operation": "CreateOrUpdateTags", "id": "ResourceId", "in": "tag", "tags": "Tags", "shape": "list",
         "tag-extra": {"ResourceType": "auto-scaling-group", "PropagateAtLaunch": "false"}},
        {"operation": "DescribeTags", "id": "Filters.member.1.Values", "many": True, "tags": "Tags", "shape": "list",
         "extra": {"Filters.member.1.Name": "auto-scaling-group", "MaxRecords": 100}},
    ),
    ("ec2", "CreateTags"): (
        {"operation": "CreateTags", "id": "ResourceId", "many": True, "flat": True, "tags": "Tag", "shape": "list",
         "flat-tags": True},
        {"operation": "DescribeTags", "id": "Filter.1.Value", "many": True, "flat": True, "tags": "tagSet",
         "shape": "list", "key": "key", "value": "value", "extra": {"Filter.1.Name": "resource-id"}},
    ),
}

# Rows beside those of the models, by name: the same write as another row's, with another read (some services show the tags
# of each type by a call of its own), through another door, or for what a row's variant is not for.
MORE = {
    "elasticmapreduce:AddTags.Studio": {
        "like": "elasticmapreduce:AddTags", "read": {"operation": "DescribeStudio", "id": "StudioId", "tags": "Studio.Tags"}},
    "lightsail:TagResource.Alarm": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetAlarms", "id": "alarmName", "tags": "alarms.tags"}},
    "lightsail:TagResource.Disk": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetDisk", "id": "diskName", "tags": "disk.tags"}},
    "lightsail:TagResource.DiskSnapshot": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetDiskSnapshot", "id": "diskSnapshotName", "tags": "diskSnapshot.tags"}},
    "lightsail:TagResource.Domain": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetDomain", "id": "domainName", "tags": "domain.tags"}},
    "lightsail:TagResource.Instance": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetInstance", "id": "instanceName", "tags": "instance.tags"}},
    "lightsail:TagResource.InstanceSnapshot": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetInstanceSnapshot", "id": "instanceSnapshotName", "tags": "instanceSnapshot.tags"}},
    "lightsail:TagResource.LoadBalancer": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetLoadBalancer", "id": "loadBalancerName", "tags": "loadBalancer.tags"}},
    "lightsail:TagResource.RelationalDatabase": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetRelationalDatabase", "id": "relationalDatabaseName", "tags": "relationalDatabase.tags"}},
    "lightsail:TagResource.RelationalDatabaseSnapshot": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetRelationalDatabaseSnapshot", "id": "relationalDatabaseSnapshotName", "tags": "relationalDatabaseSnapshot.tags"}},
    "lightsail:TagResource.Bucket": {
        "like": "lightsail:TagResource", "read": {"operation": "GetBuckets", "id": "bucketName", "tags": "buckets.tags"}},
    "lightsail:TagResource.Certificate": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetCertificates", "id": "certificateName", "tags": "certificates.tags"}},
    "lightsail:TagResource.ContainerService": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetContainerServices", "id": "serviceName", "tags": "containerServices.tags"}},
    "lightsail:TagResource.Distribution": {
        "like": "lightsail:TagResource",
        "read": {"operation": "GetDistributions", "id": "distributionName", "tags": "distributions.tags"}},
    "lightsail:TagResource.KeyPair": {
        "like": "lightsail:TagResource", "read": {"operation": "GetKeyPair", "id": "keyPairName", "tags": "keyPair.tags"}},
    # The variant falls back on the operation for buckets.
    "s3:TagResource.NotBucket": {"like": "s3:TagResource", "variant": None},
    # S3 Control's endpoint rules send directory buckets and their access points elsewhere, by their ARN.
    "s3express:TagResource": {
        "like": "s3:TagResource", "variant": None, "host-prefix": None, "endpoint": "s3express-control", "signing": "s3express",
        "actions": ["s3express:TagResource"], "reads": ["s3express:ListTagsForResource"]},
    # Timestream's own operation needs an endpoint that must be discovered first.
    # https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
    "timestream:TagResources": {
        "like": "tag:TagResources",
        "actions": ["tag:TagResources", "timestream:DescribeEndpoints", "timestream:TagResource"]},
}

# Headers that a service wants on every request, and that are not members of the input.
HEADERS = {
    "apigateway": {"accept": "application/json"},
    "glacier": {"x-amz-glacier-version": "2012-06-01"},
}
# Reads whose page holds all tags as it is, or whose member for the size of a page has no effect.
WHOLE_PAGE = {"apigateway", "clouddirectory", "ds", "efs", "iam", "ram", "redshift", "resourcegroupstaggingapi",
              "route53resolver"}
# How the members are called that say how many tags a page has.
PAGE_SIZE = r"(?i)(max(imum)?(results|items|records|pagesize)?|limit|pagesize|tagsperpage|resourcesperpage)"
# Services that have one home only, though their endpoint rules have a pattern for every region.
ONE_REGION = {
    "cur": "us-east-1",
    "globalaccelerator": "us-west-2",
    "marketplace-catalog": "us-east-1",
    "route53-recovery-readiness": "us-west-2",
    "route53domains": "us-east-1",
}
# Regions that a service is not in, and for which its endpoint rules break their pattern.
NOT_THERE = {("mediaconvert", "cn-north-1")}


# The kinds of endpoints beside the usual one: FIPS, dual-stack (IPv6 beside IPv4), and both.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html
KINDS = (("fips", True, False), ("dualstack", False, True), ("fips-dualstack", True, True))
USUAL = {
    "fips": "{endpoint}-fips.{region}.{dns}",
    "dualstack": "{endpoint}.{region}.{dual}",
    "fips-dualstack": "{endpoint}-fips.{region}.{dual}",
}
# S3's rules need more of a language than is read here; wire_samples.py holds these against botocore's own reading.
S3_VARIANTS = {
    endpoint: [{"kind": kind, "partitions": ["aws-cn"], "host": ""} for kind in ("fips", "fips-dualstack")] + [
        {"kind": "fips", "host": endpoint + "-fips.{region}.{dns-suffix}"},
        {"kind": "dualstack", "host": endpoint + ".dualstack.{region}.{dns-suffix}"},
        {"kind": "fips-dualstack", "host": endpoint + "-fips.dualstack.{region}.{dns-suffix}"},
    ] for endpoint in ("s3", "s3-control")
} | {
    "s3express-control": [
        {"kind": "fips", "partitions": ["aws-cn"], "host": ""},
        {"kind": "dualstack", "host": ""},
        {"kind": "fips-dualstack", "host": ""},
    ],
}


class Models:
    """AWS's published models, as botocore ships them."""

    def __init__(self) -> None:
        installed = importlib.metadata.version("botocore")
        if installed != PINNED:
            sys.exit(f"botocore {installed} is installed, requirements.txt pins {PINNED}")
        self.data = Path(importlib.util.find_spec("botocore").submodule_search_locations[0]) / "data"
        self.partitions = json.loads((self.data / "partitions.json").read_text())["partitions"]
        endpoints = json.loads((self.data / "endpoints.json").read_text())["partitions"]
        self.endpoints = {partition["partition"]: partition["services"] for partition in endpoints}

    def services(self) -> list[str]:
        return sorted(p.name for p in self.data.iterdir() if any(p.glob("*/service-2.json*")))

    @functools.cache
    def service(self, name: str) -> dict:
        return self._newest(name, "service-2.json")

    @functools.cache
    def rules(self, name: str) -> dict:
        return self._newest(name, "endpoint-rule-set-1.json")

    def _newest(self, name: str, file: str) -> dict:
        path = max((self.data / name).glob(f"*/{file}*"))
        raw = path.read_bytes()
        return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


class Endpoints:
    """Evaluates AWS's endpoint rules: which host and which signing region a service has in a region."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def resolve(self, service: str, region: str, static: dict, fips: bool = False, dualstack: bool = False) -> dict | None:
        rules = self.models.rules(service)
        scope = {n: p["default"] for n, p in rules["parameters"].items() if "default" in p}
        scope |= {"Region": region, "UseFIPS": fips, "UseDualStack": dualstack} | static
        found = self._rules(rules["rules"], scope)
        if found is None or "error" in found:
            return None
        schemes = found.get("properties", {}).get("authSchemes", [])
        sigv4 = next((s for s in schemes if s["name"] == "sigv4"), {})
        return {"host": found["url"].removeprefix("https://"), "region": sigv4.get("signingRegion", region),
                "signing": sigv4.get("signingName")}

    def _rules(self, rules: list, scope: dict) -> dict | None:
        for rule in rules:
            inner = dict(scope)
            if not all(self._holds(c, inner) for c in rule["conditions"]):
                continue
            if rule["type"] == "tree":
                found = self._rules(rule["rules"], inner)
                if found is not None:
                    return found
            elif rule["type"] == "error":
                return {"error": self._value(rule["error"], inner)}
            else:
                return {k: self._value(v, inner) for k, v in rule["endpoint"].items()}
        return None

    def _holds(self, condition: dict, scope: dict) -> bool:
        value = self._value(condition, scope)
        if "assign" in condition:
            scope[condition["assign"]] = value
        return value is not None and value is not False

    def _value(self, expr, scope: dict):
        if isinstance(expr, str):
            return re.sub(r"\{([^{}]+)\}", lambda m: str(self._path(m[1].replace("#", "."), scope)), expr)
        if isinstance(expr, list):
            return [self._value(e, scope) for e in expr]
        if not isinstance(expr, dict):
            return expr
        if "ref" in expr:
            return scope.get(expr["ref"])
        if "fn" not in expr:
            return {k: self._value(v, scope) for k, v in expr.items()}
        args = [self._value(a, scope) for a in expr["argv"]]
        match expr["fn"]:
            case "isSet":
                return args[0] is not None
            case "not":
                return not args[0]
            case "stringEquals" | "booleanEquals":
                return args[0] == args[1]
            case "getAttr":
                return self._path(args[1], args[0])
            case "aws.partition":
                return self.partition(args[0])
            case "isValidHostLabel":
                return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", args[0]))
            case other:
                raise NotImplementedError(other)

    @staticmethod
    def _path(path: str, value):
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value

    def partition(self, region: str) -> dict:
        everywhere = self.models.partitions
        found = next((p for p in everywhere if region in p["regions"]), None) or next(
            (p for p in everywhere if re.match(p["regionRegex"], region)), everywhere[0])
        return found["outputs"] | found["regions"].get(region, {})


class Service:
    """One service's model, with the wire names of its protocol."""

    def __init__(self, models: Models, name: str) -> None:
        self.name = name
        self.model = models.service(name)
        self.meta = self.model["metadata"]
        self.shapes = self.model["shapes"]
        self.operations = self.model["operations"]
        spoken = self.meta.get("protocols") or [self.meta["protocol"]]
        # Every service that speaks CBOR also speaks something older, but for those that have no sender here.
        protocol = next((p for p in spoken if p != "smithy-rpc-v2-cbor"), None)
        self.kind = protocol
        self.protocol = f"json-{self.meta['jsonVersion']}" if protocol == "json" else protocol

    def shape(self, ref: dict) -> dict:
        return self.shapes[ref["shape"]]

    def input(self, operation: str) -> dict:
        ref = self.operations[operation].get("input")
        return self.shape(ref) if ref else {"members": {}}

    def output(self, operation: str) -> dict:
        ref = self.operations[operation].get("output")
        return self.shape(ref) if ref else {"members": {}}

    def wire(self, name: str, ref: dict, sent: bool = False) -> str:
        if self.kind == "ec2" and sent:
            given = ref.get("queryName") or ref.get("locationName", name)
            return given[0].upper() + given[1:]
        return ref.get("locationName", name)

    def place(self, ref: dict) -> str:
        return {"uri": "uri", "querystring": "query", "header": "header"}.get(ref.get("location"), "body")

    def pair(self, shape: dict) -> tuple[str, str] | None:
        """The wire names of a tag's key and value, if the shape is a tag."""
        if shape["type"] != "structure":
            return None
        named = {}
        for name, ref in shape["members"].items():
            text = self.shape(ref)["type"] == "string"
            if text and re.fullmatch(r"(?i)(tag)?(key|value)", name):
                named[name.lower().removeprefix("tag")] = self.wire(name, ref)
        return (named["key"], named["value"]) if len(named) == 2 else None

    def tags(self, members: dict, prefix: tuple = (), depth: int = 0):
        """Yields where tags stand below the members: (members' names and references, facts)."""
        for name, ref in members.items():
            shape = self.shape(ref)
            path = (*prefix, (name, ref))
            tagged = "tag" in name.lower() or any("tag" in n.lower() for n, _ in prefix)
            if shape["type"] == "map" and tagged:
                if self.shape(shape["value"])["type"] == "string":
                    yield path, {"shape": "map"}
            elif shape["type"] == "list":
                inner = self.shape(shape["member"])
                if tagged and (pair := self.pair(inner)):
                    yield path, {"shape": "list", "key": pair[0], "value": pair[1]}
                elif inner["type"] == "structure" and depth < 3:
                    yield from self.tags(inner["members"], path, depth + 1)
            elif shape["type"] == "structure" and depth < 3:
                if tagged and (pair := self.pair(shape)):
                    yield path, {"shape": "list", "key": pair[0], "value": pair[1]}
                else:
                    yield from self.tags(shape["members"], path, depth + 1)

    def element(self, shape: dict) -> dict:
        """How a list's elements are called, where the protocol has a name for them."""
        if self.kind not in ("query", "ec2", "rest-xml"):
            return {}
        if shape.get("flattened"):
            return {"flat": True}
        name = shape["member"].get("locationName", "member")
        return {"member": name} if name != "member" else {}


class Table:
    """The operations, as the dictionaries that are written to operations.toml."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.endpoints = Endpoints(models)
        self.left_out: dict[str, str] = {}
        self.truncates: list[str] = []
        self.services: dict[str, Service] = {}
        rows: list[tuple[Service, str, dict]] = []
        for name in models.services():
            service = Service(models, name)
            for operation, facts in sorted(service.operations.items()):
                if not WRITE.match(operation):
                    continue
                reason = LEFT_OUT.get((name, operation))
                if facts.get("deprecated"):
                    reason = reason or "deprecated in the model"
                if service.protocol is None:
                    reason = reason or "the service speaks CBOR only"
                if reason:
                    self.left_out[f"{name} {operation}"] = reason
                else:
                    rows.append((service, operation, self.row(service, operation)))
        self.rows = self.named(rows)

    def named(self, rows: list) -> list[dict]:
        """Gives every row its unique name, and drops rows that say the same as another."""
        by_action: dict[str, list] = {}
        for service, operation, row in rows:
            prefix = IAM_PREFIX.get(service.name) or row.get("signing") or row["endpoint"]
            by_action.setdefault(f"{prefix}:{operation}", []).append((service, operation, row))
        out = {}
        for action, same in sorted(by_action.items()):
            prefix, operation = action.split(":")
            kept: list = []
            for service, _, row in same:
                twin = next((s for s, r in kept if on_wire(r) == on_wire(row)), None)
                if twin:
                    self.left_out[f"{service.name} {operation}"] = f"the same request as {twin.name}'s"
                else:
                    kept.append((service, row))
            for service, row in kept:
                plain = len(kept) == 1 or PRIMARY.get(prefix) == service.name
                name = action if plain else f"{service.name}:{operation}"
                if name in out:
                    sys.exit(f"two operations would be named {name}")
                guards = {"actions": self.actions(service, prefix, row["write"])}
                if "read" in row:
                    guards["reads"] = self.actions(service, prefix, row["read"])
                out[name] = {"name": name} | guards | row
                self.services[name] = service
        for name, more in MORE.items():
            row = out[more["like"]] | {"name": name}
            self.services[name] = service = self.services[more["like"]]
            row |= {k: v for k, v in more.items() if k in ("actions", "reads", "endpoint", "signing")}
            for absent in ("variant", "host-prefix"):
                if absent in more:
                    del row[absent]
            if "read" in more:
                prefix = name.split(":")[0]
                call = {k: v for k, v in row["write"].items() if k in ("shape", "key", "value")} | more["read"]
                http = service.operations[call["operation"]]["http"]
                if service.kind.startswith("rest"):
                    call |= {"method": http["method"], "uri": http["requestUri"]}
                row["read"] = {k: call[k] for k in ORDER if k in call}
                row["reads"] = [f"{prefix}:{call['operation']}"]
            out[name] = {k: row[k] for k in sorted(row, key=ROW.index)}
        return [out[n] for n in sorted(out)]

    @staticmethod
    def actions(service: Service, prefix: str, call: dict) -> list[str]:
        operation = call["operation"]
        if prefix == "apigateway":
            # API Gateway's actions are the methods of HTTP.
            return [f"{prefix}:{call.get('method', 'POST')}"]
        return ACTIONS.get((service.name, operation), [f"{prefix}:{operation}"])

    def row(self, service: Service, operation: str) -> dict:
        key = (service.name, operation)
        meta = service.meta
        endpoint = meta["endpointPrefix"]
        signing = meta.get("signingName", endpoint)
        row: dict = {"protocol": service.protocol, "endpoint": endpoint}
        if signing != endpoint:
            row["signing"] = signing
        if service.kind == "json":
            row["target"] = meta["targetPrefix"]
        elif service.kind in ("query", "ec2"):
            row["version"] = meta["apiVersion"]
        prefix = service.operations[operation].get("endpoint", {}).get("hostPrefix")
        if prefix:
            row["host-prefix"] = prefix.replace("{AccountId}", "{account}")
        row |= self.hosts(service, operation, row)
        if key in BY_HAND:
            write, read = BY_HAND[key]
            member = PART[key]
        else:
            write, member = self.write(service, operation)
            read = self.read(service, operation, member)
            if read:
                other = service.operations[read["operation"]].get("endpoint", {}).get("hostPrefix")
                if other != prefix:
                    sys.exit(f"{key}: the read has another host prefix: {other}")
            arn = "arn" in member.lower() or (service.name, member) in ARN_MEMBERS
            member = "given" if key in GIVEN else "arn" if arn else "last" if key in LAST else "path"
        row["takes"] = member
        if member == "last":
            row["pattern"] = self.without_separators(service, operation, write["id"])
        if key in VARIANT:
            row["variant"] = VARIANT[key]
        needs = [n for n in service.input(operation).get("required", []) if (service.name, n) in NEEDS]
        if needs:
            row["needs"] = [service.wire(n, service.input(operation)["members"][n], True) for n in needs]
        if key in REPLACES:
            row["replaces"] = True
        row |= refused_characters(service, operation)
        most = MAX_TAGS.get(key) or self.most(service, operation)
        if most and most < 50:
            row["max-tags"] = most
        row["write"] = {k: write[k] for k in ORDER if k in write}
        if read:
            row["read"] = {k: read[k] for k in ORDER if k in read}
        return row

    @staticmethod
    def without_separators(service: Service, operation: str, identifier: str) -> str:
        """The pattern of an identifier that is cut at the last separator of an ARN, so that it must hold none."""
        members = service.input(operation)["members"]
        ref = next(ref for name, ref in members.items() if service.wire(name, ref, True) == identifier)
        pattern = service.shape(ref).get("pattern")
        if pattern is None or separators.may_hold(pattern, SEPARATORS):
            sys.exit(f"{service.name} {operation}: {identifier} has the pattern {pattern}, and can hold one of {SEPARATORS}: "
                     "it cannot be what stands after the last one in an ARN; take it out of LAST")
        return pattern

    @staticmethod
    def most(service: Service, operation: str) -> int | None:
        for path, _ in service.tags(service.input(operation)["members"]):
            return service.shape(path[-1][1]).get("max")
        return None

    def hosts(self, service: Service, operation: str, row: dict) -> dict:
        """What differs from https://{endpoint}.{region}.{dns-suffix}, signed for {region} and {signing}."""
        if service.name == "s3control":
            return {"endpoint": "s3-control", "signing": "s3"}
        if service.name == "s3":
            return {}
        static = self.static(service, operation)
        usual = row["endpoint"] + ".{region}.{dns-suffix}"
        patterns, regions = {}, {}
        for partition in self.models.partitions:
            name, outputs = partition["id"], partition["outputs"]
            found = {r: self.endpoints.resolve(service.name, r, static)
                     for r in partition["regions"] if not r.endswith("-global")}
            found = {r: f for r, f in found.items() if f and (service.name, r) not in NOT_THERE}
            hosts = {f["host"] for f in found.values()}
            signed = {f["region"] for f in found.values()}
            own = {f["host"].replace(r, "{region}").replace(outputs["dualStackDnsSuffix"], "{dualstack-suffix}")
                   .replace(outputs["dnsSuffix"], "{dns-suffix}") for r, f in found.items() if f["region"] == r}
            if len(hosts) == len(signed) == 1 and (len(found) > 1 or "{region}" not in min(own)):
                patterns[name], regions[name] = hosts.pop(), signed.pop()
            elif len(own) == 1 and len(signed) == len(found):
                patterns[name] = own.pop()
            elif found:
                sys.exit(f"{service.name}: the hosts of {name} follow no pattern: {found}")
        if service.name in ONE_REGION:
            regions["aws"] = ONE_REGION[service.name]
            patterns["aws"] = patterns["aws"].replace("{region}", regions["aws"]).replace("{dns-suffix}", "amazonaws.com")
        out: dict = {}
        host = usual if "aws" in regions else patterns["aws"]
        if host != usual:
            out["host"] = host
        single = [{"partition": n, "host": p} | ({"region": regions[n]} if n in regions else {})
                  for n, p in patterns.items() if p != host]
        if single:
            out["global"] = single
        return out

    def static(self, service: Service, operation: str) -> dict:
        """What an operation always tells its service's endpoint rules."""
        static = {n: v["value"] for n, v in service.operations[operation].get("staticContextParams", {}).items()}
        known = self.models.rules(service.name)["parameters"]
        return {n: v for n, v in static.items() if n in known}

    def variants(self) -> dict[str, list[dict]]:
        """Where each service's endpoints of other kinds do not follow USUAL, by the prefix of its endpoint."""
        out: dict[str, list[dict]] = dict(S3_VARIANTS)
        for row in self.rows:
            service = self.services[row["name"]]
            if service.name in ("s3", "s3control"):
                continue
            found = self.variants_of(service, row)
            if out.setdefault(row["endpoint"], found) != found:
                sys.exit(f"{row['name']}: another operation of the endpoint {row['endpoint']} has other hosts")
        return {endpoint: found for endpoint, found in sorted(out.items()) if found}

    def variants_of(self, service: Service, row: dict) -> list[dict]:
        static = self.static(service, row["write"]["operation"])
        fixed = {g["partition"]: g["region"] for g in row.get("global", []) if "region" in g}
        places: dict[tuple[str, str], list] = {}
        for kind, fips, dualstack in KINDS:
            for partition in self.models.partitions:
                name, outputs = partition["id"], partition["outputs"]
                # What is in one region of a partition only is asked for there.
                regions = [fixed[name]] if name in fixed else [r for r in partition["regions"] if not r.endswith("-global")]
                hosts: dict[str, list[str]] = {}
                for region in regions:
                    host = (self.endpoints.resolve(service.name, region, static, fips, dualstack) or {}).get("host", "")
                    if name not in fixed:
                        host = host.replace(region, "{region}")
                    host = host.replace(outputs["dualStackDnsSuffix"], "{dualstack-suffix}").replace(
                        outputs["dnsSuffix"], "{dns-suffix}")
                    hosts.setdefault(host, []).append(region)
                usual = USUAL[kind].format(endpoint=row["endpoint"], region="{region}", dns="{dns-suffix}", dual="{dualstack-suffix}")
                # The fewer regions of a partition are named, the others follow the partition's own host.
                most = max(hosts, key=lambda host: len(hosts[host]))
                for host, where in hosts.items():
                    if host != most:
                        places.setdefault((kind, host), []).extend(where)
                if most != usual or len(hosts) > 1:
                    places.setdefault((kind, most), []).append(name)
        names = {partition["id"] for partition in self.models.partitions}
        out = []
        for (kind, host), where in places.items():
            regions = sorted(set(where) - names)
            out += [{"kind": kind, "regions": regions, "host": host}] if regions else []
            partitions = [name for name in where if name in names]
            if set(partitions) == names:
                out.append({"kind": kind, "host": host})
            elif partitions:
                out.append({"kind": kind, "partitions": partitions, "host": host})
        # What names regions stands first, then what names partitions, so that a reader takes the first that fits.
        return sorted(out, key=lambda variant: ("regions" not in variant, "partitions" not in variant))

    def write(self, service: Service, operation: str) -> tuple[dict, str]:
        """The writing call, and the model's name of the identifier."""
        given = service.input(operation)
        members, required = given["members"], given.get("required", [])
        found = list(service.tags(members))
        if len(found) != 1:
            sys.exit(f"{service.name} {operation}: tags stand at {[[n for n, _ in p] for p, _ in found]}")
        path, facts = found[0]
        rest = [n for n in required if n != path[0][0] and (service.name, n) not in NEEDS and (service.name, n) not in FIXED]
        member = WRITE_ID.get((service.name, operation)) or (rest[0] if len(rest) == 1 else None)
        if member is None:
            sys.exit(f"{service.name} {operation}: which of {rest} is the identifier?")
        call = self.call(service, operation, member)
        shape = service.shape(path[-1][1])
        names = [service.wire(n, r, True) for n, r in path]
        if service.kind == "rest-xml":
            # The body's root is the payload's member, or else the input itself.
            outer = given.get("payload")
            ref = members[outer] if outer else service.operations[operation]["input"]
            call["root"] = ref.get("locationName", outer)
            call["xmlns"] = ref["xmlNamespace"]["uri"]
        if given.get("payload"):
            names = names[1:]
        if not names or service.place(path[0][1]) != "body":
            sys.exit(f"{service.name} {operation}: the tags are not below the body's root")
        call["tags"] = ".".join(names)
        call |= pairs(facts)
        if shape["type"] == "list":
            element = service.element(shape)
            if "member" in element:
                call["tag-member"] = element["member"]
            if "flat" in element:
                call["flat-tags"] = True
        checksum = service.operations[operation].get("httpChecksum", {})
        if checksum.get("requestChecksumRequired") or service.operations[operation].get("httpChecksumRequired"):
            call["checksum"] = True
        return call, member

    def read(self, service: Service, operation: str, member: str) -> dict | None:
        """The reading call of the same service that is the pair of a writing one."""
        key = (service.name, operation)
        if service.name == "iam":
            name = f"List{operation.removeprefix('Tag')}Tags"
        else:
            name = READ[key] if key in READ else next((n for n in READ_NAMES if n in service.operations), None)
        if name is None:
            return None
        given = service.input(name)
        rest = [n for n in given.get("required", [])
                if (service.name, n) not in NEEDS and (service.name, n) not in FIXED]
        member = READ_ID.get((service.name, name)) or (
            rest[0] if len(rest) == 1 else member if member in given["members"] else None)
        if member is None:
            members = [n for n in given["members"] if not re.search(r"(?i)token|marker|max|limit|size", n)]
            if len(members) != 1:
                sys.exit(f"{service.name} {name}: which of {members} is the identifier?")
            member = members[0]
        call = self.call(service, name, member)
        output = service.output(name)
        found = list(service.tags(output["members"]))
        if len(found) != 1:
            sys.exit(f"{service.name} {name}: tags are read at {[[n for n, _ in p] for p, _ in found]}")
        path, facts = found[0]
        names = [service.wire(n, r) for n, r in path]
        call["tags"] = ".".join(names[1:] if output.get("payload") else names)
        call |= pairs(facts)
        size = next((n for n in given["members"] if re.fullmatch(PAGE_SIZE, n)), None)
        if size and service.name not in WHOLE_PAGE:
            ref = given["members"][size]
            limits = service.shape(ref)
            # A resource has at most 50 tags, and several services refuse a larger page; Athena refuses a smaller one than 75.
            number = max(50, limits.get("min", 0))
            number = min(number, limits.get("max", number))
            if number < 50:
                self.truncates.append(f"{service.name} {name}: at most {number} a page")
            where = {"query": "query", "body": "extra"}[service.place(ref)]
            text = limits["type"] == "string"
            call.setdefault(where, {})[service.wire(size, ref, True)] = str(number) if text else number
        elif size is None and any(re.search(r"(?i)token|marker", n) for n in given["members"]):
            self.truncates.append(f"{service.name} {name}: pages, and has no member for the size of a page")
        return call

    def call(self, service: Service, operation: str, member: str) -> dict:
        http = service.operations[operation]["http"]
        given = service.input(operation)
        ref = given["members"][member]
        call: dict = {"operation": operation}
        if service.kind in ("rest-json", "rest-xml"):
            if http["method"] != "POST":
                call["method"] = http["method"]
            if http["requestUri"] != "/":
                call["uri"] = http["requestUri"]
        call["id"] = service.wire(member, ref, True)
        if service.kind.startswith("rest") and service.place(ref) != "body":
            call["in"] = service.place(ref)
        shape = service.shape(ref)
        if shape["type"] == "list":
            call["many"] = True
            element = service.element(shape)
            if "member" in element:
                call["id-member"] = element["member"]
            if "flat" in element:
                call["flat"] = True
        if service.name in HEADERS:
            call["headers"] = HEADERS[service.name]
        for name in given.get("required", []):
            if (service.name, name) in FIXED:
                ref = given["members"][name]
                where = {"query": "query", "header": "headers"}.get(service.place(ref), "extra")
                call.setdefault(where, {})[service.wire(name, ref, True)] = FIXED[service.name, name]
        return call

    def toml(self) -> str:
        head = (
            "# AWS's tagging operations: how each goes on the wire, and which operation reads the tags back.\n"
            f"# Generated from AWS's API models as botocore {PINNED} ships them; do not edit by hand.\n"
            "#     pip install --require-hashes -r catalog/tools/requirements.txt\n"
            "#     python catalog/tools/operations.py > catalog/operations.toml\n"
            "# What the fields mean is in catalog/tools/README.md.\n"
        )
        return head + "".join("\n[[operation]]\n" + "".join(f"{k} = {inline(v)}\n" for k, v in row.items())
                              for row in self.rows)

    def report(self) -> None:
        print(f"{len(self.rows)} operations of {len({s.name for s in self.services.values()})} services")
        print("left out:", *(f"  {k}: {v}" for k, v in sorted(self.left_out.items())), sep="\n")
        print("no read:", *(f"  {r['name']}" for r in self.rows if "read" not in r), sep="\n")
        print("reads that can truncate:", *(f"  {t}" for t in sorted(set(self.truncates))), sep="\n")


def tag_shapes(service: Service, operation: str) -> tuple[dict, dict]:
    """The shapes of a tag's key and value in a writing call."""
    (path, facts), = service.tags(service.input(operation)["members"])
    shape = service.shape(path[-1][1])
    if shape["type"] == "map":
        return service.shape(shape["key"]), service.shape(shape["value"])
    pair = service.shape(shape["member"]) if shape["type"] == "list" else shape
    members = {service.wire(n, r): service.shape(r) for n, r in pair["members"].items()}
    return members[facts["key"]], members[facts["value"]]


# What crates/core/src/value.rs lets into keys and values, beside letters and digits, and how long these may be there.
SIGNS = " _.:/=+-@"
MOST_IN_KEY, MOST_IN_VALUE = 127, 255


def refused_characters(service: Service, operation: str) -> dict:
    """Which of SIGNS a writing call refuses by the patterns of its tags."""
    out = {}
    for part, shape, most in zip(("keys", "values"), tag_shapes(service, operation), (MOST_IN_KEY, MOST_IN_VALUE)):
        where = f"{service.name} {operation}: in {part}"
        if shape.get("max", most) < most or shape.get("min", 0) > 1:
            sys.exit(f"{where}: {shape}: let value.rs know of this length")
        if "pattern" not in shape:
            continue
        pattern = re.compile(python_pattern(shape["pattern"]), re.ASCII)
        refused = "".join(sign for sign in SIGNS if not pattern.fullmatch(f"x{sign}x"))
        rest = "".join(sign for sign in SIGNS if sign not in refused)
        # Whatever is left may stand anywhere, alone, and as often as there is room; a space never begins or ends a text.
        ends = rest.replace(" ", "")
        texts = ["x", "X", "0", "xX09", "x" + rest + "x", *(text for sign in ends for text in (sign, f"{sign}x", f"x{sign}", f"x{sign}{sign}x"))]
        texts.append(("x" + rest + "x") * (most // (len(rest) + 2)))
        wrong = [text for text in texts if not pattern.fullmatch(text)]
        if wrong or part == "values" and "_" in refused:
            sys.exit(f"{where}: {shape['pattern']} is no set of characters: it refuses {wrong[0] if wrong else '_'}")
        if refused:
            out[f"refused-in-{part}"] = refused
    return out


def on_wire(row: dict) -> dict:
    """A row without what has no effect on the request: the names of labels, and what is read from the answer."""
    write = dict(row["write"])
    if write.get("in") == "uri":
        write["uri"] = write["uri"].replace("{" + write.pop("id") + "}", "{}")
    return {k: row.get(k) for k in ("protocol", "endpoint", "signing", "target", "version", "host", "global")} | write


def pairs(facts: dict) -> dict:
    out = {"shape": facts["shape"]}
    if facts.get("key", "Key") != "Key":
        out["key"] = facts["key"]
    if facts.get("value", "Value") != "Value":
        out["value"] = facts["value"]
    return out


# The order in which the members of a row, and of a call, are written.
ROW = ("name", "actions", "reads", "protocol", "endpoint", "signing", "target", "version", "host-prefix", "host", "global",
       "takes", "pattern", "variant", "needs", "replaces", "refused-in-keys", "refused-in-values", "max-tags", "write", "read")
ORDER = ("operation", "method", "uri", "id", "in", "many", "id-member", "flat", "tags", "shape", "key", "value",
         "tag-member", "flat-tags", "tag-extra", "root", "xmlns", "checksum", "extra", "query", "headers")


def inline(value) -> str:
    """A value of TOML on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    keys = (k if re.fullmatch(r"[A-Za-z0-9_-]+", k) else json.dumps(k) for k in value)
    return "{ " + ", ".join(f"{k} = {inline(v)}" for k, v in zip(keys, value.values())) + " }"


def global_event_regions(models: Models, partition: dict) -> list[str]:
    """Where IAM, CloudFront and Route 53 sign, which is where CloudTrail logs them; China has two such regions."""
    found = {partition["outputs"]["implicitGlobalRegion"]}
    for service in ("iam", "cloudfront", "route53"):
        for endpoint in models.endpoints[partition["id"]].get(service, {}).get("endpoints", {}).values():
            if not endpoint.get("deprecated"):
                found.update(endpoint.get("credentialScope", {}).values())
    return sorted(region for region in found if re.search(r"-\d$", region))


# Where EventBridge does not send events from one region to another. It does since 2021 between all regions but those of
# GovCloud and China (https://aws.amazon.com/blogs/compute/expanding-cross-region-event-routing-with-amazon-eventbridge/),
# and since June 2022 in GovCloud
# (https://aws.amazon.com/about-aws/whats-new/2022/06/amazon-eventbridge-cross-region-routing-aws-govcloud-regions/).
# Nothing says it of China since. Of the partitions of which AWS says nothing the rule is taken.
NO_EVENTS_BETWEEN_REGIONS = {"aws-cn"}


def partitions_toml(models: Models) -> str:
    out = [
        "# AWS's partitions: a region belongs to the partition one of whose prefixes it starts with, else to aws.\n"
        f"# Generated from partitions.json and endpoints.json as botocore {PINNED} ships it; do not edit by hand.\n"
        "#     python catalog/tools/operations.py --partitions > catalog/partitions.toml\n"
    ]
    for partition in models.partitions:
        name, outputs = partition["id"], partition["outputs"]
        # The country of the European partition is spelled out in its pattern; the prefix before it is unique already.
        prefix = re.match(r"\^((?:\w|\\-)+?)(?:\\-\\w|\\-\()", partition["regionRegex"])
        prefixes = [] if name == "aws" else [prefix[1].replace("\\", "") + "-"]
        out.append(
            "\n[[partition]]\n"
            f"name = {inline(name)}\n"
            f"prefixes = {inline(prefixes)}\n"
            f"dns-suffix = {inline(outputs['dnsSuffix'])}\n"
            f"dualstack-suffix = {inline(outputs['dualStackDnsSuffix'])}\n"
            f"global-region = {inline(outputs['implicitGlobalRegion'])}\n"
            f"global-event-regions = {inline(global_event_regions(models, partition))}\n"
            f"forwards-events = {inline(name not in NO_EVENTS_BETWEEN_REGIONS)}\n"
        )
    return "".join(out)


def endpoints_toml(table: Table) -> str:
    out = [
        "# FIPS and dual-stack endpoints that are not {endpoint}-fips.{region}.{dns-suffix}, {endpoint}.{region}.{dualstack-suffix} and\n"
        "# {endpoint}-fips.{region}.{dualstack-suffix}, by the prefix of the usual endpoint. The first that names the region, then the\n"
        "# first that names the partition (or none at all) holds; an empty host means that AWS's rules refuse it.\n"
        f"# Generated from the endpoint rules as botocore {PINNED} ships them; do not edit by hand.\n"
        "#     python catalog/tools/operations.py --endpoints > catalog/endpoints.toml\n"
    ]
    for endpoint, variants in table.variants().items():
        out.append(f"\n[[endpoint]]\nprefix = {inline(endpoint)}\nvariants = [\n")
        out += [f"    {inline(variant)},\n" for variant in variants]
        out.append("]\n")
    return "".join(out)


def check(models: Models, table: Table) -> None:
    """Holds the committed files against the models, and the rows against what a reader of them relies on."""
    wrong = []
    for file, text in (("operations.toml", table.toml()), ("partitions.toml", partitions_toml(models)),
                       ("endpoints.toml", endpoints_toml(table))):
        if (CATALOG / file).read_text() != text:
            wrong.append(f"catalog/{file} is not what the models give: generate it anew")
    rows = tomllib.loads((CATALOG / "operations.toml").read_text())["operation"]
    names = [r["name"] for r in rows]
    if names != sorted(set(names)):
        wrong.append("names are not sorted, or not unique")
    for row in rows:
        service = table.services.get(row["name"])
        for call in (row[c] for c in ("write", "read") if c in row):
            where = f"{row['name']} {call['operation']}"
            if service is None or call["operation"] not in service.operations:
                wrong.append(f"{where}: no such operation in the model")
                continue
            known = wire_names(service, call["operation"])
            labels = re.findall(r"\{([^}+]+)\+?\}", call.get("uri", ""))
            used = [call["id"], *call["tags"].split("."), *row.get("needs", []), *labels]
            used += [call.get("key", "Key"), call.get("value", "Value")] if call["shape"] == "list" else []
            used += [n for t in ("extra", "headers", "query", "tag-extra") for n in call.get(t, {})
                     if n not in HEADERS.get(service.name, {})]
            for name in {part for u in used for part in u.split(".") if part != "1" and part != "member"} - known:
                wrong.append(f"{where}: the model knows no {name}")
            if set(labels) - {call["id"], *call.get("extra", {}), *row.get("needs", [])}:
                wrong.append(f"{where}: {call['uri']} has a label that nothing fills")
            wrong += [f"{where}: {problem}" for problem in refused(service, call)]
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(1)
    print(f"{len(rows)} operations agree with botocore {PINNED}'s models")


def refused(service: Service, call: dict) -> list[str]:
    """The fixed values of a call that its model refuses: out of range, too short or long, of another form or enum."""
    members = {service.wire(n, r, True): service.shape(r) for n, r in service.input(call["operation"])["members"].items()}
    out = []
    for table in ("extra", "query", "headers"):
        for name, value in call.get(table, {}).items():
            # A form's dotted name is written by hand, and a header of HEADERS is no member.
            if name in members and value != "{account}":
                out += [f"{name} = {value!r} {problem}" for problem in against(members[name], value)]
    return out


def against(shape: dict, value) -> list[str]:
    """What a shape of a model has against a number or a text."""
    kind, out = shape["type"], []
    least, most = shape.get("min"), shape.get("max")
    size = len(value) if kind == "string" else int(value) if kind in ("integer", "long") else None
    if size is not None and least is not None and size < least:
        out.append(f"is less than {least}")
    if size is not None and most is not None and size > most:
        out.append(f"is more than {most}")
    if kind == "string" and "enum" in shape and value not in shape["enum"]:
        out.append(f"is none of {', '.join(shape['enum'])}")
    if kind == "string" and "pattern" in shape and not re.fullmatch(python_pattern(shape["pattern"]), value):
        out.append(f"does not match {shape['pattern']}")
    return out


# Java's classes of characters, as far as they are ASCII: what is sent is ASCII only.
CLASSES = {"\\p{L}": "A-Za-z", "\\p{N}": "0-9", "\\p{Z}": " ", "\\p{all}": "\\x00-\\x7f", "\\p{IsLatin}": "A-Za-z",
           "\\p{IsAlphabetic}": "A-Za-z", "\\p{IsDigit}": "0-9", "\\p{M}": "", "\\p{S}": "$+<=>^`|~"}


def python_pattern(pattern: str) -> str:
    """A pattern of a model, which is Java's, as Python's, right for ASCII text."""
    out = pattern.replace("\\P{C}", "[\\x20-\\x7e]")
    for java, python in CLASSES.items():
        out = out.replace(java, python)
    # Pairs of surrogates are no ASCII, and Python's ranges know single characters only.
    out = re.sub(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..-\\u[dD][89abAB]..\\u[dD][c-fC-F]..", "", out)
    if re.search(r"\\[pP]\{", out):
        sys.exit(f"{pattern}: write this class of characters into CLASSES")
    return out


def wire_names(service: Service, operation: str) -> set[str]:
    out, seen = set(), set()

    def walk(ref: dict) -> None:
        if ref["shape"] in seen:
            return
        seen.add(ref["shape"])
        shape = service.shape(ref)
        for name, member in shape.get("members", {}).items():
            out.update((service.wire(name, member, True), service.wire(name, member)))
            walk(member)
        for inner in ("member", "value"):
            if inner in shape:
                out.add(shape[inner].get("locationName", "member"))
                walk(shape[inner])

    for side in ("input", "output"):
        if side in service.operations[operation]:
            walk(service.operations[operation][side])
    return out


def main() -> None:
    models = Models()
    table = Table(models)
    if "--check" in sys.argv:
        check(models, table)
    elif "--partitions" in sys.argv:
        sys.stdout.write(partitions_toml(models))
    elif "--endpoints" in sys.argv:
        sys.stdout.write(endpoints_toml(table))
    elif "--report" in sys.argv:
        table.report()
    else:
        sys.stdout.write(table.toml())


if __name__ == "__main__":
    main()
