#!/usr/bin/env python3
"""Holds operations.toml against what botocore itself sends, and writes samples of that for the client's test.

Every operation of the table is called through botocore with its HTTP sender replaced, and the captured request is
compared with what the table's fields imply.  The requests are written out, one JSON
object a line; docs of the format are in catalog/tools/README.md.

    pip install --require-hashes -r catalog/tools/requirements.txt
    python catalog/tools/wire_samples.py > catalog/tools/wire_samples.jsonl
    python catalog/tools/wire_samples.py --check        # compare only, and fail when the file would change
"""
from __future__ import annotations

import base64
import json
import sys
import tomllib
import urllib.parse
import zlib
from pathlib import Path
from xml.sax.saxutils import escape

import botocore.awsrequest
import botocore.config
import botocore.session

import operations

REGION, ACCOUNT = "eu-west-1", "111122223333"
TAGS = {"CreatedBy": "alice"}
HEADERS = ("content-type", "x-amz-target", "accept", "x-amz-account-id", "x-amz-glacier-version",
           "x-amz-sdk-checksum-algorithm", "x-amz-checksum-crc32")
ARN = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:{{}}"

# Identifiers as these operations take them; the others get one with characters that have to be escaped.
SAMPLES = {
    "acm-pca:TagCertificateAuthority": ARN.format("acm-pca", "certificate-authority/0b1c2d3e"),
    "acm:AddTagsToCertificate": ARN.format("acm", "certificate/0b1c2d3e"),
    "apigateway:TagResource": f"arn:aws:apigateway:{REGION}::/restapis/a1b2c3d4e5",
    "apigatewayv2:TagResource": f"arn:aws:apigateway:{REGION}::/apis/a1b2c3d4e5",
    "athena:TagResource": ARN.format("athena", "workgroup/reports"),
    "autoscaling:CreateOrUpdateTags": "web",
    "backup:TagResource": ARN.format("backup", "backup-vault:nightly"),
    "batch:TagResource": ARN.format("batch", "job-queue/night"),
    "bedrock:TagResource": ARN.format("bedrock", "guardrail/a1b2c3d4"),
    "cloudfront:TagResource": f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1A2B3C4D5E6F7",
    "cloudtrail:AddTags": ARN.format("cloudtrail", "trail/all"),
    "cloudwatch:TagResource": ARN.format("cloudwatch", "alarm:cpu high"),
    "cognito-idp:TagResource": ARN.format("cognito-idp", "userpool/eu-west-1_Ab1Cd2Ef3"),
    "deadline:TagResource": ARN.format("deadline", "farm/farm-0123456789abcdef"),
    "dynamodb:TagResource": ARN.format("dynamodb", "table/orders"),
    "ec2:CreateTags": "i-0123456789abcdef0",
    "ecr:TagResource": ARN.format("ecr", "repository/web"),
    "ecs:TagResource": ARN.format("ecs", "service/main/web"),
    "eks:TagResource": ARN.format("eks", "cluster/main"),
    "elasticache:AddTagsToResource": ARN.format("elasticache", "cluster:sessions"),
    "elasticbeanstalk:UpdateTagsForResource": ARN.format("elasticbeanstalk", "environment/app/env"),
    "elasticfilesystem:TagResource": "fs-0123456789abcdef0",
    "elasticloadbalancing:AddTags": ARN.format("elasticloadbalancing", "loadbalancer/app/web/0123456789abcdef"),
    "elasticmapreduce:AddTags": "j-0123456789ABC",
    "elb:AddTags": "classic",
    "es:AddTags": ARN.format("es", "domain/search"),
    "events:TagResource": ARN.format("events", "rule/bus/nightly"),
    "firehose:TagDeliveryStream": "clicks",
    "geo:TagResource": ARN.format("geo", "tracker/cars"),
    "glacier:AddTagsToVault": "old",
    "globalaccelerator:TagResource": f"arn:aws:globalaccelerator::{ACCOUNT}:accelerator/0b1c2d3e",
    "glue:TagResource": ARN.format("glue", "job/etl"),
    "iam:TagInstanceProfile": "web",
    "iam:TagOpenIDConnectProvider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com",
    "iam:TagPolicy": f"arn:aws:iam::{ACCOUNT}:policy/team/read",
    "iam:TagRole": "deploy",
    "iam:TagUser": "bob@example.com",
    "kafka:TagResource": ARN.format("kafka", "cluster/main/0b1c2d3e-1"),
    "kinesis:AddTagsToStream": "clicks",
    "kinesis:TagResource": ARN.format("kinesis", "stream/clicks"),
    "kms:TagResource": ARN.format("kms", "key/0b1c2d3e"),
    "lambda:TagResource": ARN.format("lambda", "function:thumbs"),
    "logs:TagResource": ARN.format("logs", "log-group:/aws/lambda/thumbs"),
    "machinelearning:AddTags": ("ml-1", {"ResourceType": "MLModel"}),
    "mobiletargeting:TagResource": ARN.format("mobiletargeting", "apps/a1b2c3"),
    "mq:CreateTags": ARN.format("mq", "broker:jobs:b-0123"),
    "omics:TagResource": ARN.format("omics", "workflow/1234567"),
    "organizations:TagResource": "ou-ab12-cd34ef56",
    "osis:TagResource": ARN.format("osis", "pipeline/in"),
    "personalize:TagResource": ARN.format("personalize", "dataset-group/shop"),
    "pi:TagResource": (ARN.format("pi", "perf-reports/RDS/db-1/report-1"), {"ServiceType": "RDS"}),
    "qbusiness:TagResource": ARN.format("qbusiness", "application/a1b2c3"),
    "ram:TagResource": ARN.format("ram", "resource-share/0b1c2d3e"),
    "rds:AddTagsToResource": ARN.format("rds", "db:orders"),
    "redshift:CreateTags": ARN.format("redshift", "cluster:facts"),
    "route53:ChangeTagsForResource": ("Z0123456789ABC", {"ResourceType": "hostedzone"}),
    "route53domains:UpdateTagsForDomain": "example.com",
    "s3:PutBucketTagging": "my.bucket",
    "s3:PutJobTagging": "0b1c2d3e",
    "s3:TagResource": "arn:aws:s3:::my.bucket",
    "sagemaker:AddTags": ARN.format("sagemaker", "notebook-instance/lab"),
    "secretsmanager:TagResource": ARN.format("secretsmanager", "secret:db-AbCdEf"),
    "sns:TagResource": ARN.format("sns", "alerts"),
    "sqs:TagQueue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs",
    "ssm:AddTagsToResource": ("/app/db", {"ResourceType": "Parameter"}),
    "states:TagResource": ARN.format("states", "stateMachine:flow"),
    "tag:TagResources": ARN.format("sns", "alerts"),
    "wafv2:TagResource": ARN.format("wafv2", "regional/webacl/edge/0b1c2d3e"),
    "s3express:TagResource": ARN.format("s3express", "bucket/data--euw1-az1--x-s3"),
}
# botocore cuts these hosts out of the identifier; the plain endpoint serves the requests as well.
OWN_HOST = {"kinesis:TagResource", "sqs:TagQueue"}


class Sender:
    """Calls operations through botocore, and keeps the requests instead of sending them."""

    def __init__(self) -> None:
        self.session = botocore.session.Session()
        self.session.set_credentials("AKIDEXAMPLE", "secret")
        loader = self.session.get_component("data_loader")
        load = loader.load_service_model

        def older(service: str, kind: str, *args, **kwargs) -> dict:
            model = load(service, kind, *args, **kwargs)
            if kind == "service-2":
                meta = model["metadata"] = dict(model["metadata"])
                spoken = [p for p in meta.get("protocols", [meta["protocol"]]) if p != "smithy-rpc-v2-cbor"]
                if spoken:
                    meta["protocols"], meta["protocol"] = spoken[:1], spoken[0]
            return model

        loader.load_service_model = older
        self.clients: dict = {}

    def send(self, service: str, operation: str, params: dict) -> dict:
        if service not in self.clients:
            config = botocore.config.Config(
                s3={"addressing_style": "path"}, account_id_endpoint_mode="disabled",
                parameter_validation=False, retries={"max_attempts": 0})
            self.clients[service] = self.session.create_client(service, region_name=REGION, config=config)
        client = self.clients[service]
        caught = []

        def catch(request, **_):
            caught.append(request)
            return botocore.awsrequest.AWSResponse(request.url, 204, {}, Raw())

        client.meta.events.register("before-send", catch)
        try:
            client._make_api_call(operation, params)
        except Exception:  # an empty answer is not always a valid one, and only the request matters
            if not caught:
                raise
        finally:
            client.meta.events.unregister("before-send", catch)
        request = caught[0]
        url = urllib.parse.urlsplit(request.url)
        body = request.body if request.body is not None else b""
        headers = {k.lower(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        return {
            "method": request.method,
            "host": url.netloc,
            "scope": "/".join(headers["authorization"].split("Credential=")[1].split("/")[2:4]),
            "path": url.path + ("?" + url.query if url.query else ""),
            "headers": {h: headers[h] for h in HEADERS if h in headers},
            "body": body.decode() if isinstance(body, bytes) else body,
        }


class Raw:
    """An empty body."""

    def stream(self, **_):
        return iter(())


def params(service: operations.Service, row: dict, kind: str, identifier: str, given: dict) -> dict:
    """What a caller of botocore would pass, in the order of the table: identifier, `with`, tags, the rest."""
    call = row[kind]
    operation = call["operation"]
    members = service.input(operation)["members"]
    names = {service.wire(n, r, True): n for n, r in members.items()}
    tags = [{"Key": k, "Value": v} for k, v in TAGS.items()]
    if row["name"] == "autoscaling:CreateOrUpdateTags":
        if kind == "read":
            return {"Filters": [{"Name": "auto-scaling-group", "Values": [identifier]}], "MaxRecords": 100}
        return {"Tags": [{"ResourceId": identifier, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": False}
                         | t for t in tags]}
    if row["name"] == "ec2:CreateTags" and kind == "read":
        return {"Filters": [{"Name": "resource-id", "Values": [identifier]}]}
    out = {names[call["id"]]: [identifier] if call.get("many") else identifier}
    out |= {names[n]: v for n, v in given.items()}
    if kind == "write":
        path, facts = next(service.tags(members))
        value: object = dict(TAGS)
        if facts["shape"] == "list":
            shape = service.shape(service.shape(path[-1][1])["member"])
            named = {service.wire(n, r): n for n, r in shape["members"].items()}
            value = [{named[facts["key"]]: k, named[facts["value"]]: v} for k, v in TAGS.items()]
        for name, _ in reversed(path):
            value = {name: value}
        out |= value
    for table in ("extra", "query", "headers"):
        for name, value in call.get(table, {}).items():
            if name in names:
                out[names[name]] = value.replace("{account}", ACCOUNT) if isinstance(value, str) else value
    return out


def implied(row: dict, kind: str, identifier: str, given: dict) -> dict:
    """The request as the table says it, by nothing but the fields of the row."""
    call = row[kind]
    protocol = row["protocol"]
    place = call.get("in", "body")
    key, value = call.get("key", "Key"), call.get("value", "Value")
    fill = lambda v: v.replace("{account}", ACCOUNT) if isinstance(v, str) else v
    fixed = {n: fill(v) for n, v in call.get("extra", {}).items()}
    query = dict(call.get("query", {}))
    headers = {n: fill(v) for n, v in call.get("headers", {}).items()}
    body: dict = {}
    uri = call.get("uri", "/")
    labels = dict(given) | fixed
    if place == "uri":
        labels[call["id"]] = identifier
    for name, text in labels.items():
        for label, safe in ((f"{{{name}}}", ""), (f"{{{name}+}}", "/")):
            if label in uri:
                uri = uri.replace(label, urllib.parse.quote(text, safe=safe + "-._~"))
                fixed.pop(name, None)
                given = {n: v for n, v in given.items() if n != name}
    ids: object = [identifier] if call.get("many") else identifier
    if place == "body":
        body[call["id"]] = ids
    elif place == "query":
        query = {call["id"]: identifier} | query
    elif place == "header":
        headers[call["id"]] = identifier
    body |= given
    if kind == "write":
        tags: object = dict(TAGS)
        if call["shape"] == "list":
            tags = [{key: k, value: v} for k, v in TAGS.items()]
        if place == "tag":
            tags = [{call["id"]: identifier} | call["tag-extra"] | t for t in tags]
        names = call["tags"].split(".")
        for name in reversed(names):
            tags = {name: tags}
        body |= tags
    body |= fixed
    if query:
        uri += ("&" if "?" in uri else "?") + urllib.parse.urlencode(query, quote_via=urllib.parse.quote, safe="-._~")

    if protocol in ("query", "ec2"):
        form = {"Action": call["operation"], "Version": row["version"]}

        def flatten(name: str, item, flat: bool, member: str) -> None:
            if isinstance(item, list):
                for i, one in enumerate(item, 1):
                    flatten(f"{name}.{i}" if flat else f"{name}.{member}.{i}", one, flat, member)
            elif isinstance(item, dict):
                for k, v in item.items():
                    flatten(f"{name}.{k}", v, flat, member)
            else:
                form[name] = str(item)

        for name, item in body.items():
            if kind == "write" and name == call["tags"]:
                flatten(name, item, call.get("flat-tags", False), call.get("tag-member", "member"))
            else:
                flatten(name, item, call.get("flat", False), call.get("id-member", "member"))
        text = urllib.parse.urlencode(form)
        headers["content-type"] = "application/x-www-form-urlencoded; charset=utf-8"
    elif protocol == "rest-xml":
        text = ""
        if kind == "write":
            def xml(name: str, item) -> str:
                if isinstance(item, list):
                    inner = "".join(xml(call.get("tag-member", "member"), i) for i in item)
                elif isinstance(item, dict):
                    inner = "".join(xml(k, v) for k, v in item.items())
                else:
                    inner = escape(str(item))
                return f"<{name}>{inner}</{name}>"

            text = f'<{call["root"]} xmlns="{call["xmlns"]}">' + "".join(xml(k, v) for k, v in body.items())
            text += f'</{call["root"]}>'
    else:
        text = json.dumps(body) if body or protocol != "rest-json" else ""
        if protocol.startswith("json-"):
            headers["content-type"] = "application/x-amz-" + protocol
            headers["x-amz-target"] = f"{row['target']}.{call['operation']}"
        elif text:
            headers["content-type"] = "application/json"
    if call.get("checksum"):
        crc = zlib.crc32(text.encode()).to_bytes(4, "big")
        headers |= {"x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-crc32": base64.b64encode(crc).decode()}
    host = row.get("host", row["endpoint"] + ".{region}.{dns-suffix}")
    single = next((g for g in row.get("global", []) if g["partition"] == "aws"), {})
    host = single.get("host", host)
    host = row.get("host-prefix", "").replace("{account}", ACCOUNT) + host.replace("{region}", REGION).replace(
        "{dns-suffix}", "amazonaws.com").replace("{dualstack-suffix}", "api.aws")
    return {"method": call.get("method", "POST"), "host": host,
            "scope": f"{single.get('region', REGION)}/{row.get('signing', row['endpoint'])}",
            "path": uri, "headers": headers, "body": text}


def comparable(request: dict) -> dict:
    """A request without the order of a form's fields, of a JSON object's members and of a query string."""
    out = dict(request)
    kind = request["headers"].get("content-type", "")
    if "form" in kind:
        out["body"] = sorted(urllib.parse.parse_qsl(request["body"], keep_blank_values=True))
    elif "json" in kind and request["body"]:
        out["body"] = json.loads(request["body"])
    path, _, query = request["path"].partition("?")
    out["path"] = [path, sorted(query.split("&"))]
    return out


def describing(table: operations.Table, rows: list[dict], sender: Sender) -> list[dict]:
    """The calls of lifetimes.toml, of which the client's test knows what to expect."""
    tags = {}
    for file in operations.CATALOG.glob("*.toml"):
        for entry in tomllib.loads(file.read_text()).get("resource", []):
            tags.setdefault(entry["type"], entry["tag"])
    lines = []
    for told in tomllib.loads((operations.CATALOG / "lifetimes.toml").read_text())["told"]:
        call, name = told["describe"], told.get("at", tags[told["type"]])
        service = table.services[name]
        names = {service.wire(n, r, True): n for n, r in service.input(call["operation"])["members"].items()}
        identifier = SAMPLES["sqs:TagQueue"] if name == "sqs:TagQueue" else "one"
        given = {names[call["id"]]: [identifier] if call.get("many") else identifier} | call.get("list", {})
        query = urllib.parse.parse_qsl(urllib.parse.urlsplit(call.get("uri", "/")).query)
        given |= {names[n]: v for n, v in query if n in names}
        sent = sender.send(service.name, call["operation"], given)
        row = next(row for row in rows if row["name"] == name)
        single = next((g for g in row.get("global", []) if g["partition"] == "aws"), {})
        if name in OWN_HOST:
            sent["host"] = f"{row['endpoint']}.{REGION}.amazonaws.com"
        if service.name in operations.ONE_REGION and single:
            sent |= {"host": single["host"], "scope": f"{single['region']}/{row.get('signing', row['endpoint'])}"}
        lines.append({"operation": name, "call": "describe", "type": told["type"], "identifier": identifier} | sent)
    return lines


def queueing(sender: Sender) -> list[dict]:
    """What the function asks of its own queues."""
    queue = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/retry"
    calls = {
        "SendMessage": {"QueueUrl": queue, "MessageBody": "{}", "DelaySeconds": 20},
        "ChangeMessageVisibility": {"QueueUrl": queue, "ReceiptHandle": "receipt", "VisibilityTimeout": 20},
    }
    return [{"operation": f"sqs:{name}", "call": "queue", "identifier": queue}
            | sender.send("sqs", name, given) | {"host": f"sqs.{REGION}.amazonaws.com"} for name, given in calls.items()]


# One or two regions of each partition that has FIPS or dual-stack endpoints of some interest, and each that is an exception.
REGIONS = ("us-east-1", "eu-west-1", "cn-north-1", "eusc-de-east-1", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1")


def endpoints(table: operations.Table, rows: list[dict], sender: Sender) -> list[dict]:
    """The hosts of FIPS, dual-stack and both, as botocore's own reading of AWS's rules has them; null where it refuses."""
    from botocore.endpoint_provider import EndpointProvider
    from botocore.exceptions import EndpointProviderError

    loader = sender.session.get_component("data_loader")
    partitions = loader.load_data("partitions")
    lines, seen = [], set()
    for row in rows:
        if row["endpoint"] in seen:
            continue
        seen.add(row["endpoint"])
        service = table.services[row["name"]]
        provider = EndpointProvider(loader.load_service_model(service.name, "endpoint-rule-set-1"), partitions)
        told = {"s3": {"Bucket": "my.bucket", "ForcePathStyle": True}, "s3control": {"AccountId": ACCOUNT, "RequiresAccountId": True}}
        static = dict(told.get(service.name) or {}) or table.static(service, row["write"]["operation"])
        prefix = "" if service.name == "s3control" else row.get("host-prefix", "").replace("{account}", ACCOUNT)
        hosts = {}
        for region in REGIONS:
            partition = table.endpoints.partition(region)["name"]
            fixed = next((g["region"] for g in row.get("global", []) if g["partition"] == partition and "region" in g), region)
            if row["endpoint"] == "s3express-control":
                static["ResourceArn"] = f"arn:{partition}:s3express:{region}:{ACCOUNT}:bucket/data--az1--x-s3"
            hosts[region] = []
            for _, fips, dualstack in operations.KINDS:
                try:
                    found = provider.resolve_endpoint(Region=fixed, UseFIPS=fips, UseDualStack=dualstack, **static)
                    hosts[region].append(prefix + found.url.removeprefix("https://").split("/")[0])
                except EndpointProviderError:
                    hosts[region].append(None)
        lines.append({"operation": row["name"], "hosts": hosts})
    return lines


def main() -> None:
    rows = tomllib.loads((operations.CATALOG / "operations.toml").read_text())["operation"]
    table = operations.Table(operations.Models())
    sender = Sender()
    lines, wrong = [], 0
    for row in rows:
        service = table.services[row["name"]]
        identifier = SAMPLES.get(row["name"]) or (
            f"arn:aws:{row['actions'][0].split(':')[0]}:{REGION}:{ACCOUNT}:thing/a b:1" if row["takes"] == "arn" else "a-1")
        identifier, given = identifier if isinstance(identifier, tuple) else (identifier, {})
        for kind in ("write", "read"):
            if kind not in row:
                continue
            call = row[kind]
            sent = sender.send(service.name, call["operation"], params(service, row, kind, identifier, given))
            said = implied(row, kind, identifier, given)
            if row["name"] in OWN_HOST or service.name in operations.ONE_REGION:
                sent |= {"host": said["host"], "scope": said["scope"]}
            a, b = comparable(sent), comparable(said)
            if isinstance(a["body"], dict):
                a["body"].pop("clientToken", None)  # optional, and drawn by chance
            for field in a:
                if a[field] != b[field]:
                    wrong += 1
                    print(f"{row['name']} {kind} {field}:\n  sent    {a[field]}\n  implied {b[field]}", file=sys.stderr)
            # A member that botocore draws by chance would make another file each time.
            if "clientToken" not in sent["body"]:
                lines.append({"operation": row["name"], "call": kind, "identifier": identifier}
                             | ({"with": given} if given else {}) | sent)
    lines += describing(table, rows, sender) + queueing(sender)
    missing = set(SAMPLES) - {r["name"] for r in rows}
    if missing:
        wrong += 1
        print(f"the table has no {sorted(missing)}", file=sys.stderr)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    hosts = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in endpoints(table, rows, sender))
    if "--check" in sys.argv:
        for file, wanted in (("wire_samples.jsonl", text), ("endpoint_samples.jsonl", hosts)):
            if (Path(__file__).parent / file).read_text() != wanted:
                wrong += 1
                print(f"{file} is not what botocore sends: write it anew", file=sys.stderr)
    elif "--endpoints" in sys.argv:
        sys.stdout.write(hosts)
    else:
        sys.stdout.write(text)
    print(f"{len(rows)} operations compared, {wrong} differences", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
