#!/usr/bin/env python3
"""Proposes entries of the catalog from AWS's API models, where nothing is left to guess, and says what it doubts.

    pip install --require-hashes -r catalog/tools/requirements.txt
    python catalog/tools/entries.py --write     # adds what is certain to ../<service>.toml and ../samples, and the report
    python catalog/tools/entries.py --check     # holds every entry's paths against the models; the report is up to date
    python catalog/tools/entries.py --propose AWS::X::Y     # one type: its entry, or why there is none

An entry is proposed only when
  - one call of the models creates the type (reference/types.json), no other type has that event, and its name says Create;
  - its documentation does not tell of changing or answering with what is there already;
  - exactly one member of its answer is the type's own ARN: named `arn`, or as the type or its last words, at the top or in the structure
    that is the type; and the first reading of the models (reference/types.json) found the same;
  - the service has one tagging operation that takes an ARN, adds, and has a read (operations.toml);
  - the service authorization reference has one ARN format for the type (reference/arn_formats.json).
Where the answer has no ARN, it is made from that format when the type's own id or name and what the call was given fill it.
What the rules leave open and somebody decided is in DECIDED.  Everything else is a line of reference/doubtful.tsv.  What is there already is never changed.
"""
from __future__ import annotations

import hashlib
import json
import re
import sys
import tomllib
from pathlib import Path

import operations

CATALOG = operations.CATALOG
REFERENCE = CATALOG / "reference"
TYPES = json.loads((REFERENCE / "types.json").read_text())["types"]
FORMATS = json.loads((REFERENCE / "arn_formats.json").read_text())["formats"]

# Words of an operation's documentation that tell of an upsert, or of an answer with what was there already.
UPSERT = re.compile(
    r"(?i)idempoten|creates? (a new .{0,60})?or (updates?|modif|replac|overwrit)|updates? (an|the) existing|overwrit|upsert"
    r"|(already|previously) (exists?|created|registered|enabled|owns?)|existing [^.]{0,60} (is|are) (returned|updated|replaced)"
    r"|returns? (the|an) existing|always returns|call will succeed|success response|replaces? (the|an|any) existing|if (one|it) (doesn't|does not) (already )?exist"
)
# Those of them that were read and tell of an error or of something else, with what they say.
READ = {
    ("acm-pca", "CreateCertificateAuthority"): "a token of the caller's",
    ("amp", "CreateRuleGroupsNamespace"): "it only creates",
    ("application-signals", "CreateServiceLevelObjective"): "a service-linked role that may be there",
    ("chime-sdk-identity", "CreateAppInstance"): "a token of the caller's",
    ("dms", "CreateReplicationSubnetGroup"): "an error",
    ("fsx", "CreateSnapshot"): "a token of the caller's",
    ("glue", "CreateSchema"): "an error",
    ("iotwireless", "CreateWirelessGateway"): "an error",
    ("ivs", "CreateStreamKey"): "an error",
    ("logs", "CreateDelivery"): "its source and destination",
    ("migration-hub-refactor-spaces", "CreateRoute"): "a function behind it",
    ("pcs", "CreateCluster"): "its subnets",
    ("pinpoint-sms-voice-v2", "CreateOptOutList"): "an error",
    ("rum", "CreateAppMonitor"): "it only creates",
    ("sso-admin", "CreateInstance"): "an error",
}

# Types that the rules leave open and somebody decided: where the answer has its ARN (`path`) or the id that its format ends
# with (`id`), its format, and the operation that tags it, where there are several.
DECIDED = {
    "AWS::Cloud9::EnvironmentEC2": {"id": "environmentId", "format": "cloud9:environment"},
    "AWS::DataSync::LocationAzureBlob": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationEFS": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationFSxLustre": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationFSxONTAP": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationFSxOpenZFS": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationFSxWindows": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationHDFS": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationNFS": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationObjectStorage": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationS3": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DataSync::LocationSMB": {"path": "LocationArn", "format": "datasync:location"},
    "AWS::DirectConnect::Connection": {"id": "connectionId", "format": "directconnect:dxcon"},
    "AWS::DirectConnect::DirectConnectGateway": {
        "id": "directConnectGateway.directConnectGatewayId", "format": "directconnect:dx-gateway"},
    "AWS::DirectConnect::Lag": {"id": "lagId", "format": "directconnect:dxlag"},
    "AWS::DirectConnect::PrivateVirtualInterface": {"id": "virtualInterfaceId", "format": "directconnect:dxvif"},
    "AWS::DirectConnect::PublicVirtualInterface": {"id": "virtualInterfaceId", "format": "directconnect:dxvif"},
    "AWS::DirectConnect::TransitVirtualInterface": {
        "id": "virtualInterface.virtualInterfaceId", "format": "directconnect:dxvif"},
    "AWS::EC2::NetworkInsightsAccessScopeAnalysis": {
        "id": "networkInsightsAccessScopeAnalysis.networkInsightsAccessScopeAnalysisId",
        "format": "ec2:network-insights-access-scope-analysis"},
    "AWS::EC2::NetworkInsightsAnalysis": {
        "id": "networkInsightsAnalysis.networkInsightsAnalysisId", "format": "ec2:network-insights-analysis"},
    "AWS::EC2::TransitGatewayConnect": {
        "id": "transitGatewayConnect.transitGatewayAttachmentId", "format": "ec2:transit-gateway-attachment"},
    "AWS::EC2::TransitGatewayPeeringAttachment": {
        "id": "transitGatewayPeeringAttachment.transitGatewayAttachmentId", "format": "ec2:transit-gateway-attachment"},
    "AWS::EntityResolution::SchemaMapping": {"path": "schemaArn", "format": "entityresolution:SchemaMapping"},
    "AWS::IVS::Channel": {"path": "channel.arn", "format": "ivs:Channel"},
    "AWS::IVS::PlaybackKeyPair": {"path": "keyPair.arn", "format": "ivs:Playback-Key-Pair"},
    "AWS::IVS::PublicKey": {"path": "publicKey.arn", "format": "ivs:Public-Key"},
    "AWS::ImageBuilder::Component": {"path": "componentBuildVersionArn", "format": "imagebuilder:component"},
    "AWS::ImageBuilder::Image": {"path": "imageBuildVersionArn", "format": "imagebuilder:image"},
    "AWS::MediaConnect::Flow": {"path": "flow.flowArn", "format": "mediaconnect:Flow", "tag": "mediaconnect:TagResource"},
    "AWS::NetworkManager::ConnectAttachment": {
        "id": "connectAttachment.attachment.attachmentId", "format": "networkmanager:attachment"},
    "AWS::NetworkManager::DirectConnectGatewayAttachment": {
        "id": "directConnectGatewayAttachment.attachment.attachmentId", "format": "networkmanager:attachment"},
    "AWS::NetworkManager::SiteToSiteVpnAttachment": {
        "id": "siteToSiteVpnAttachment.attachment.attachmentId", "format": "networkmanager:attachment"},
    "AWS::NetworkManager::TransitGatewayPeering": {
        "id": "transitGatewayPeering.peering.peeringId", "format": "networkmanager:peering"},
    "AWS::NetworkManager::TransitGatewayRouteTableAttachment": {
        "id": "transitGatewayRouteTableAttachment.attachment.attachmentId", "format": "networkmanager:attachment"},
    "AWS::NetworkManager::VpcAttachment": {
        "id": "vpcAttachment.attachment.attachmentId", "format": "networkmanager:attachment"},
    "AWS::OpenSearchServerless::CollectionGroup": {
        "path": "createCollectionGroupDetail.arn", "format": "aoss:CollectionGroup"},
    "AWS::RDS::CustomDBEngineVersion": {"path": "DBEngineVersionArn", "format": "rds:cev"},
    "AWS::RDS::DBShardGroup": {"path": "DBShardGroupArn", "format": "rds:shardgrp"},
    "AWS::ResilienceHub::App": {"path": "app.appArn", "format": "resiliencehub:application"},
    "AWS::RolesAnywhere::CRL": {"path": "crl.crlArn", "format": "rolesanywhere:crl"},
    "AWS::Route53Resolver::FirewallRuleGroupAssociation": {
        "path": "FirewallRuleGroupAssociation.Arn", "format": "route53resolver:firewall-rule-group-association"},
}
# The formats of types that CloudFormation does not have, or that are named otherwise there.
FORMAT_OF = {
    "AWS::ApiGateway::ApiKey": ["apigateway:ApiKey"],
    "AWS::ApiGateway::ClientCertificate": ["apigateway:ClientCertificate"],
    "AWS::ApiGateway::DomainName": ["apigateway:DomainName"],
    "AWS::ApiGateway::RestApi": ["apigateway:RestApi"],
    "AWS::ApiGateway::Stage": ["apigateway:Stage"],
    "AWS::ApiGateway::UsagePlan": ["apigateway:UsagePlan"],
    "AWS::ApiGateway::VpcLink": ["apigateway:VpcLink"],
    "AWS::ApiGatewayV2::Api": ["apigateway:Api"],
    "AWS::ApiGatewayV2::Stage": ["apigateway:Stage"],
    "AWS::ApiGatewayV2::VpcLink": ["apigateway:VpcLink"],
    "AWS::Bedrock::ApplicationInferenceProfile": ["bedrock:application-inference-profile"],
    "AWS::Bedrock::ProvisionedModelThroughput": ["bedrock:provisioned-model"],
    "AWS::CloudHSM::Cluster": ["cloudhsm:cluster"],
    "AWS::DAX::Cluster": ["dax:application"],
    "AWS::DirectoryService::MicrosoftAD": ["ds:directory"],
    "AWS::DirectoryService::SimpleAD": ["ds:directory"],
    "AWS::EC2::EC2Fleet": ["ec2:fleet"],
    "AWS::EC2::EIP": ["ec2:elastic-ip"],
    "AWS::EC2::FlowLog": ["ec2:vpc-flow-log"],
    "AWS::EC2::PrefixList": ["ec2:prefix-list"],
    "AWS::EC2::Snapshot": ["ec2:snapshot"],
    "AWS::EC2::TransitGatewayVpcAttachment": ["ec2:transit-gateway-attachment"],
    "AWS::ECS::Task": ["ecs:task"],
    "AWS::EMR::Cluster": ["elasticmapreduce:cluster"],
    "AWS::ElasticLoadBalancingV2::Listener": [
        "elasticloadbalancing:listener/app", "elasticloadbalancing:listener/gwy", "elasticloadbalancing:listener/net"],
    "AWS::ElasticLoadBalancingV2::ListenerRule": [
        "elasticloadbalancing:listener-rule/app", "elasticloadbalancing:listener-rule/net"],
    "AWS::ElasticLoadBalancingV2::LoadBalancer": [
        "elasticloadbalancing:loadbalancer/app/", "elasticloadbalancing:loadbalancer/gwy/",
        "elasticloadbalancing:loadbalancer/net/"],
    "AWS::Elasticsearch::Domain": ["es:domain"],
    "AWS::Events::Rule": ["events:rule-on-custom-event-bus", "events:rule-on-default-event-bus"],
    "AWS::IAM::ManagedPolicy": ["iam:policy"],
    "AWS::IAM::VirtualMFADevice": ["iam:mfa"],
    "AWS::RDS::DBClusterParameterGroup": ["rds:cluster-pg"],
    "AWS::RDS::DBClusterSnapshot": ["rds:cluster-snapshot"],
    "AWS::RDS::DBInstance": ["rds:db"],
    "AWS::RDS::DBParameterGroup": ["rds:pg"],
    "AWS::RDS::DBSnapshot": ["rds:snapshot"],
    "AWS::RDS::DBSubnetGroup": ["rds:subgrp"],
    "AWS::RDS::EventSubscription": ["rds:es"],
    "AWS::RDS::OptionGroup": ["rds:og"],
    "AWS::Redshift::ClusterSnapshot": ["redshift:snapshot"],
    "AWS::StorageGateway::Gateway": ["storagegateway:gateway"],
    "AWS::WorkSpaces::Workspace": ["workspaces:workspaceid"],
}
# The models of event sources for which reference/types.json has no call.
MODELS_OF = {
    "cloudhsm.amazonaws.com": ["cloudhsmv2"], "ds.amazonaws.com": ["ds"], "ebs.amazonaws.com": ["ebs"],
    "es.amazonaws.com": ["es", "opensearch"],
}
# Paths that no model has, with what shows them.
NOT_IN_MODEL = {
    ("apigateway.amazonaws.com", "CreateStage", "requestParameters.createStageInput.stageName"): "a record: the call's own wrapper",
    ("ec2.amazonaws.com", "CopyImage", "responseElements.blockDeviceMapping.items[].ebs.snapshotId"): "of DescribeImages",
    ("ec2.amazonaws.com", "CreateImage", "responseElements.blockDeviceMapping.items[].ebs.snapshotId"): "of DescribeImages",
    ("eks.amazonaws.com", "CreateCluster", "requestParameters.clusterName"): "a record",
    ("s3.amazonaws.com", "CreateBucket", "requestParameters.bucketName"): "a record",
    ("secretsmanager.amazonaws.com", "CreateSecret", "responseElements.arn"): "a record: ARN in other casing",
}


def norm(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def lower(name: str) -> str:
    """CloudTrail's casing of a member: the first letter is a small one."""
    return name[:1].lower() + name[1:]


def noun(operation: str) -> str:
    return re.sub(r"^[A-Z][a-z]+", "", operation)


def single(name: str) -> str:
    """A name without the ending of a plural, and without the word resource that some formats have."""
    name = name.removesuffix("resource") or name
    return re.sub(r"(?<=[sxh])es$|s$", "", re.sub(r"ies$", "y", name))


def heads(word: str) -> list[str]:
    """The name and what its last words are: AutomationRule, Rule.  The last word of a name is what the thing is."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z][a-z0-9]*|[A-Z0-9]+|[a-z0-9]+", word)
    return [norm("".join(words[i:])) for i in range(len(words))]


class Doubt(Exception):
    """Why there is no entry."""


class Proposer:
    def __init__(self) -> None:
        self.table = operations.Table(operations.Models())
        self.services: dict[str, operations.Service] = {}
        self.files = {p.name: tomllib.loads(p.read_text()) for p in sorted(CATALOG.glob("*.toml"))}
        self.files = {n: f for n, f in self.files.items() if "event-source" in f}
        self.of_source = {f["event-source"]: n for n, f in self.files.items()}
        self.there = {e["type"] for f in self.files.values() for e in f["resource"]}
        self.events = {(f["event-source"], e["event"]): e["type"] for f in self.files.values() for e in f["resource"]}
        self.rows = {r["name"]: r for r in self.table.rows}

    def service(self, name: str) -> operations.Service:
        if name not in self.services:
            self.services[name] = operations.Service(self.table.models, name)
        return self.services[name]

    def models_of(self, source: str, event: str) -> list[tuple]:
        """The models that have the event: by the services whose events come from the source."""
        if not hasattr(self, "by_source"):
            self.by_source: dict[str, set] = {}
            for facts in TYPES.values():
                for call in facts.get("calls", []):
                    for s in facts.get("event-sources", []):
                        self.by_source.setdefault(s, set()).add(call.split(":")[0])
            for s, names in MODELS_OF.items():
                self.by_source.setdefault(s, set()).update(names)
        out = []
        for name in sorted(self.by_source.get(source, ())):
            try:
                service = self.service(name)
            except ValueError:
                continue
            if event in service.operations:
                out.append((service, event))
        return out

    def propose(self, kind: str) -> dict:
        facts = TYPES[kind]
        if kind in DECIDED:
            return self.decided(kind, facts)
        if "not updatable" in facts["ground"]:
            raise Doubt("tags cannot be changed after creation, says CloudFormation")
        calls = facts.get("calls", [])
        if len(calls) != 1:
            raise Doubt("no call is known to create it" if not calls else f"several calls create it: {', '.join(calls)}")
        if len(facts["event-sources"]) != 1:
            raise Doubt("several event sources")
        name, operation = calls[0].split(":")
        source = facts["event-sources"][0]
        same = [t for t, f in TYPES.items() if t != kind and calls[0] in f.get("calls", [])]
        if same:
            raise Doubt(f"{calls[0]} also creates {', '.join(same)}")
        if (source, operation) in self.events:
            raise Doubt(f"{source} {operation} creates {self.events[source, operation]} already")
        if not operation.startswith("Create"):
            raise Doubt(f"{operation} may act on what is there")
        try:
            service = self.service(name)
            model = service.operations[operation]
        except (KeyError, ValueError):
            raise Doubt(f"botocore {operations.PINNED} has no {calls[0]}") from None
        text = re.sub(r"<[^>]+>", "", model.get("documentation", ""))
        found = UPSERT.search(text)
        if found and (name, operation) not in READ:
            around = re.sub(r"\s+", " ", text[max(0, found.start() - 90):found.end() + 90]).strip()
            raise Doubt(f"{operation} may answer with what is there: …{around}…")
        if model.get("deprecated"):
            raise Doubt("deprecated in the model")
        tag = self.tagging(name)
        form = self.format(kind, operation, facts)
        try:
            path = self.own(service, operation, kind)
        except Doubt as doubt:
            if "0 members" not in str(doubt):
                raise
            arn = self.of_vars(service, operation, kind, form, facts, str(doubt))
            return self.entry(kind, operation, source, service, tag, form, [arn])
        first = facts.get("path", [])
        if not facts.get("by-name") and [p.lower() for p in first] != [".".join(["responseElements", *map(lower, path)]).lower()]:
            raise Doubt(f"the first reading of the models has {first or 'no ARN'}, this one {'.'.join(path)}")
        dotted = ".".join(map(lower, path))
        arns = ["{responseElements." + dotted + "}"]
        payload = service.output(operation).get("payload")
        if service.kind == "query" and len(path) > 1:
            # Where the answer of a query service is one structure, records show its members without its name.
            arns.insert(0, "{responseElements." + dotted.split(".", 1)[1] + "}")
        if payload:
            # The answer is that member alone, without its name; records show it with and without.
            arns.append("{responseElements." + dotted.split(".", 1)[1] + "}")
        return self.entry(kind, operation, source, service, tag, form, arns)

    @staticmethod
    def entry(kind, operation, source, service, tag, form, arns) -> dict:
        return {
            "type": kind, "event": operation, "arns": arns, "source": source, "service": service, "tag": tag,
            "format": form, "link": f"https://docs.aws.amazon.com/goto/WebAPI/{service.meta['uid']}/{operation}",
        }

    def of_vars(self, service, operation: str, kind: str, form: str, facts: dict, doubt: str) -> str:
        """The ARN made from its format, where the answer has none: the type's own id or name, and what the call was given."""
        text = FORMATS[form]
        variables = [v for v in re.findall(r"\$\{(\w+)\}", text) if v not in ("Partition", "Region", "Account")]
        whole = {norm(kind.split("::")[2]), norm(noun(operation))}
        names = {name for word in (kind.split("::")[2], noun(operation)) for name in heads(word)}
        if not variables or not text.endswith("}") or norm(variables[-1]) not in {
                "resourceid", "resourcename", "id", "name", *(n + e for n in names for e in ("id", "name", "identifier"))}:
            raise Doubt(f"{doubt}; the format has {variables}")
        asked, answered = service.input(operation), service.output(operation)
        found: dict[str, list] = {"id": [], "name": [], "given": []}

        def walk(shape: dict, path: list[str], depth: int) -> None:
            for member, ref in shape.get("members", {}).items():
                inner, wire, plain = service.shape(ref), service.wire(member, ref), norm(member)
                if inner["type"] == "string":
                    for end in ("id", "name"):
                        if plain in {end, *(n + end for n in whole)}:
                            found[end].append([*path, wire])
                elif inner["type"] == "structure" and not depth and (plain in names or norm(ref["shape"]) in names):
                    walk(inner, [*path, wire], 1)

        walk(answered, [], 0)
        for member in asked.get("required", []):
            if norm(member) in {"name", *(n + "name" for n in whole)}:
                found["given"].append(service.wire(member, asked["members"][member]))
        is_name = norm(variables[-1]).endswith("name")
        paths = {}
        if len(found["id"]) == 1 and not is_name:
            own = found["id"][0]
            paths[variables[-1]] = ".".join(["responseElements", *map(lower, own)])
        elif is_name and not found["id"] and len(found["given"]) == 1:
            own = []
            paths[variables[-1]] = f"requestParameters.{lower(found['given'][0])}"
            if len(found["name"]) == 1 and "response" in str(facts.get("vars")):
                own = found["name"][0]
                paths[variables[-1]] = ".".join(["responseElements", *map(lower, own)])
        else:
            raise Doubt(f"{doubt}; its own id or name is at {found}")
        for variable in variables[:-1]:
            given = [service.wire(m, asked["members"][m]) for m in asked.get("required", []) if norm(m) == norm(variable)]
            if len(given) != 1:
                raise Doubt(f"{doubt}; nothing that the call is given is the format's {variable}")
            paths[variable] = f"requestParameters.{lower(given[0])}"
        def ends(these: dict) -> dict:
            return {v: p.split(".")[-1].lower() for v, p in these.items()}

        if ends(facts.get("vars", {})) != ends(paths) and not (facts.get("by-name") and list(paths) == variables[-1:] and own):
            raise Doubt(f"the first reading of the models makes its ARN of {facts.get('vars', 'nothing')}, this one of {paths}")
        return self.filled(text, paths)

    @staticmethod
    def filled(text: str, paths: dict) -> str:
        for variable, own_name in (("Partition", "partition"), ("Region", "region"), ("Account", "account")):
            text = text.replace("${" + variable + "}", "{" + own_name + "}")
        for variable, path in paths.items():
            text = text.replace("${" + variable + "}", "{" + path + "}")
        return text

    def decided(self, kind: str, facts: dict) -> dict:
        """What somebody decided, held against the models and the table."""
        d = DECIDED[kind]
        call = d.get("call") or facts["calls"][0]
        name, operation = call.split(":")
        source, = facts["event-sources"]
        service = self.service(name)
        tag = d.get("tag") or self.tagging(name)
        if (source, operation) in self.events:
            raise Doubt(f"{source} {operation} creates {self.events[source, operation]} already")
        path = d.get("path", d.get("id", "")).split(".")
        dotted = ".".join(["responseElements", *map(lower, path)])
        if not has(service, operation, dotted):
            raise Doubt(f"DECIDED: {call} has no {dotted}")
        text = FORMATS[d["format"]]
        arn = "{" + dotted + "}"
        if "id" in d:
            own = [v for v in re.findall(r"\$\{(\w+)\}", text) if v not in ("Partition", "Region", "Account")]
            arn = self.filled(text, {own[-1]: dotted})
        arns = [arn]
        if service.kind == "query" and len(path) > 1:
            arns.insert(0, "{responseElements." + dotted.split(".", 2)[2] + "}")
        return self.entry(kind, operation, source, service, tag, d["format"], arns)

    def tagging(self, name: str) -> str:
        if name == "ec2":
            return "ec2:CreateTags"
        rows = [r for r in self.table.rows if self.table.services[r["name"]].name == name]
        usable = [r for r in rows if r["takes"] == "arn" and "read" in r and not r.get("replaces") and not r.get("needs")
                  and "variant" not in r]
        if len(rows) == len(usable) == 1:
            return usable[0]["name"]
        if not rows:
            raise Doubt(f"operations.toml has no operation of {name}'s own")
        raise Doubt(f"the tagging operations of {name} are {', '.join(r['name'] for r in rows)}")

    def own(self, service: operations.Service, operation: str, kind: str) -> list[str]:
        """The path of the type's own ARN in the answer, as the model's wire names."""
        names = {name for word in (kind.split("::")[2], noun(operation)) for name in heads(word)}
        arns: list[tuple[list[str], bool]] = []

        def walk(shape: dict, path: list[str], own: bool, depth: int) -> None:
            for member, ref in shape.get("members", {}).items():
                if ref.get("location"):
                    continue
                inner = service.shape(ref)
                wire = service.wire(member, ref)
                plain = norm(member)
                if inner["type"] == "string" and plain.endswith("arn"):
                    stem = plain.removesuffix("arn")
                    # `resourceArn` is elsewhere what the type is about: of an exclusion the network, of a log the service.
                    itself = ("", "resource") if service.name == "fsx" else ("",)
                    is_own = (stem in itself and own) or stem in names
                    arns.append(([*path, wire], bool(is_own)))
                elif inner["type"] == "structure" and depth < 2:
                    # The structure that is the type: named so, or of a shape named so, or what such a one says of itself.
                    holds = norm(member) in names or norm(ref["shape"]) in names or (own and path and plain == "metadata")
                    if holds or depth == 0:
                        walk(inner, [*path, wire], bool(holds), depth + 1)

        output = service.output(operation)
        walk(output, [], True, 0)
        own = [p for p, is_own in arns if is_own]
        if len(own) != 1:
            others = ", ".join(".".join(p) for p, _ in arns) or "none"
            raise Doubt(f"{len(own)} members are its own ARN; ARNs of the answer: {others}")
        return own[0]

    @staticmethod
    def format(kind: str, operation: str, facts: dict) -> str:
        names = [kind.split("::")[2], noun(operation)]
        keys = [k for k in facts.get("formats", []) if k in FORMATS]
        for known in ({single(norm(n)) for n in names}, {single(h) for n in names for h in heads(n)}):
            equal = [k for k in keys if single(norm(k.split(":")[1])) in known]
            if len(equal) == 1:
                break
        if len(equal) != 1:
            raise Doubt(f"its format in the service authorization reference may be that of {', '.join(keys) or 'none'}")
        return equal[0]


# ---- What is written -------------------------------------------------------------------------------------------------


def entry_text(g: dict) -> str:
    arn = json.dumps(g["arns"][0], ensure_ascii=False)
    if len(g["arns"]) > 1:
        arn = "[\n" + "".join(f"    {json.dumps(a)},\n" for a in g["arns"]) + "]"
    return (f'[[resource]]\ntype  = "{g["type"]}"\nevent = "{g["event"]}"\narn   = {arn}\ntag   = "{g["tag"]}"\n'
            f'evidence = "derived"\nsource   = "{g["link"]}"\n')


def added(text: str, new: list[dict]) -> str:
    """The file with the new entries in their places; what is there stays as it is."""
    blocks = text.rstrip("\n").split("\n\n")
    head = [b for b in blocks if "[[resource]]" not in b]
    if blocks[:len(head)] != head:
        sys.exit(f"an entry before the end of the file's head:\n{text[:300]}")

    def key(block: str) -> tuple:
        return re.search(r'^event +?= +?"(\w+)"', block, re.M)[1], bool(re.search(r"^describe", block, re.M))

    out = blocks[len(head):]
    for g in sorted(new, key=lambda g: (g["event"], g["type"])):
        at = next((i for i, b in enumerate(out) if key(b) > (g["event"], False)), len(out))
        out.insert(at, entry_text(g).rstrip("\n"))
    return "\n\n".join(head + out) + "\n"


ACCOUNT, REGION = "111122223333", "us-east-1"
WHO = {
    "type": "AssumedRole", "principalId": "AROAIDPPEZS35WEXAMPLE:deploy",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/deploy", "accountId": ACCOUNT,
    "accessKeyId": "ASIAI44QH8DHBEXAMPLE",
    "sessionContext": {
        "sessionIssuer": {"type": "Role", "principalId": "AROAIDPPEZS35WEXAMPLE",
                          "arn": f"arn:aws:iam::{ACCOUNT}:role/deployer", "accountId": ACCOUNT, "userName": "deployer"},
        "attributes": {"creationDate": "2026-11-24T09:58:12Z", "mfaAuthenticated": "false"}},
}


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def drawn(text: str) -> str:
    """An id that is the same each time."""
    d = hashlib.sha256(text.encode()).hexdigest()
    return f"{d[:8]}-{d[8:12]}-4{d[13:16]}-8{d[17:20]}-{d[20:32]}"


def arn_of(form: str) -> str:
    """An ARN of the format."""
    given = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT}
    return re.sub(r"\$\{(\w+)\}", lambda m: given.get(m[1]) or f"example-{kebab(m[1])}", FORMATS[form]).replace("*", "example")


class Synthesis:
    """A record made from the shapes of an operation, with another ARN in every member that is not the type's own."""

    def __init__(self, g: dict) -> None:
        self.g, self.service = g, g["service"]

    def place(self, record: dict) -> None:
        """Puts the type's own ARN, or what its ARN is made of, where the first template looks for it."""
        template = self.g["arns"][0]
        paths = re.findall(r"\{((?:request|response)[^}]+)\}", template)
        own = [v for v in re.findall(r"\$\{(\w+)\}", FORMATS[self.g["format"]]) if v not in ("Partition", "Region", "Account")]
        values = [f"example-{kebab(v)}" for v in own] if template.startswith("arn:") else [arn_of(self.g["format"])]
        for path, value in zip(paths, values, strict=True):
            *steps, last = path.split(".")
            inner = record
            for step in steps:
                inner = inner.setdefault(step, {})
            inner[last] = value

    def members(self, shape: dict, path: str, required: bool, depth: int) -> dict:
        found = {}
        members = sorted(shape.get("members", {}).items(), key=lambda m: ("arn" not in m[0].lower(), m[0]))
        for member, ref in members:
            wire = self.service.wire(member, ref)
            if ref.get("location") in ("header", "statusCode", "headers"):
                continue
            inner = self.service.shape(ref)
            here = f"{path}.{lower(wire)}"
            plain = member.lower()
            if inner.get("sensitive"):
                continue
            elif inner["type"] == "string" and plain.endswith(("arn", "arns")):
                found[lower(wire)] = f"arn:aws:decoy:{REGION}:{ACCOUNT}:{here}"
            elif inner["type"] == "list" and self.service.shape(inner["member"])["type"] == "string" and "arn" in plain:
                found[lower(wire)] = [f"arn:aws:decoy:{REGION}:{ACCOUNT}:{here}"]
            elif inner["type"] == "string" and (plain.endswith(("id", "name")) or member in shape.get("required", ())) and (
                    len(found) < 8):
                found[lower(wire)] = inner["enum"][0] if inner.get("enum") else f"other-{kebab(member)}"
            elif inner["type"] == "structure" and depth < 2 and (not required or member in shape.get("required", ())):
                below = self.members(inner, here, required, depth + 1)
                if below:
                    found[lower(wire)] = below
        return found

    def sample(self, versioned: bool) -> dict:
        g, service = self.g, self.service
        operation = service.operations[g["event"]]
        name = g["event"]
        if versioned:
            uri = re.match(r"/(20\d\d)-(\d\d)-(\d\d)/", operation["http"]["requestUri"])
            name += "".join(uri.groups()) if service.name == "lambda" else service.meta["apiVersion"].replace("-", "_")
        answer = service.output(g["event"])
        if service.kind == "query" and len(answer["members"]) == 1:
            answer = service.shape(*answer["members"].values())
        record = {
            "eventVersion": "1.11", "userIdentity": WHO, "eventTime": "2026-11-24T10:15:30Z", "eventSource": g["source"],
            "eventName": name, "awsRegion": REGION, "sourceIPAddress": "203.0.113.10", "userAgent": "aws-cli/2.31.0",
            "requestParameters": self.members(service.input(g["event"]), "requestParameters", True, 0),
            "responseElements": self.members(answer, "responseElements", False, 0),
            "requestID": drawn(f"request {g['source']} {g['event']}"), "eventID": drawn(f"{g['source']} {g['event']}"),
            "readOnly": False, "eventType": "AwsApiCall", "managementEvent": True, "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        }
        self.place(record)
        return {"origin": "synthetic", "source": g["link"], "record": record}


def report(doubts: dict) -> str:
    return (f"# Taggable types without an entry, and why the models alone do not give one (botocore {operations.PINNED}).\n"
            "# Generated by catalog/tools/entries.py; do not edit by hand.\n"
            + "".join(f"{k}\t{d}\n" for k, d in sorted(doubts.items())))


def entry_formats(proposer: Proposer, new: list[dict]) -> str:
    """The format of every type that has an entry."""
    formats = {g["type"]: g["format"] for g in new}
    for kind in sorted(proposer.there):
        facts = TYPES[kind]
        names = [kind.split("::")[2], *(noun(c.split(":")[1]) for c in facts.get("calls", []))]
        try:
            theirs = facts.get("formats") if facts["ground"] == "not a type of CloudFormation" else None
            formats[kind] = FORMAT_OF.get(kind) or theirs or DECIDED.get(kind, {}).get("format") or (
                Proposer.format(kind, f"Create{names[-1]}", facts))
        except Doubt:
            pass
    texts = {k: [t for key in as_list(v) for t in FORMATS[key].split(", ")] for k, v in sorted(formats.items())}
    rows = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in texts.items())
    return "{\n" + rows + "\n}\n"


def write(proposer: Proposer, good: list[dict], doubts: dict) -> None:
    of_source: dict[str, list] = {}
    for g in good:
        of_source.setdefault(g["source"], []).append(g)
    for source, new in sorted(of_source.items()):
        prefix = source.removesuffix(".amazonaws.com")
        name = proposer.of_source.get(source, f"{prefix}.toml")
        file = CATALOG / name
        text = file.read_text() if file.exists() else f'event-source = "{source}"\n'
        file.write_text(added(text, new))
        folder = CATALOG / "samples" / name.removesuffix(".toml")
        folder.mkdir(parents=True, exist_ok=True)
        versioned = bool(proposer.files.get(name, {}).get("versioned"))
        for g in new:
            sample = folder / f"{g['event']}.json"
            if sample.exists():
                sys.exit(f"{sample.relative_to(CATALOG)} is there already")
            sample.write_text(json.dumps(Synthesis(g).sample(versioned), indent=2, ensure_ascii=False) + "\n")
    (REFERENCE / "entry_formats.json").write_text(entry_formats(proposer, good))
    (REFERENCE / "doubtful.tsv").write_text(report(doubts))
    print(f"{len(good)} entries added, {len(doubts)} types doubtful")


def check(proposer: Proposer, good: list[dict], doubts: dict) -> None:
    """Holds every path of every entry against the models, and what is generated against what is there."""
    wrong = [f"{g['type']} could be added: --write" for g in good]
    for name, text in (("entry_formats.json", entry_formats(proposer, [])), ("doubtful.tsv", report(doubts))):
        if (REFERENCE / name).read_text() != text:
            wrong.append(f"catalog/reference/{name} is not what the models give: --write")
    seen, used = 0, set()
    for file, entries in proposer.files.items():
        for entry in entries["resource"]:
            where = (entries["event-source"], entry["event"])
            models = proposer.models_of(*where)
            if not models:
                wrong.append(f"catalog/{file}: no model has {where[0]} {where[1]}")
                continue
            texts = [t for k in ("arn", "id", "region", "except", "unless") for t in as_list(entry.get(k, []))]
            paths = [p for t in texts for p in re.findall(r"\{((?:request|response)[^}|]+)", t)]
            paths += [p for p in as_list(entry.get("unless", [])) if p.startswith("re")] + list(entry.get("when", {}))
            for path in paths:
                seen += 1
                if not any(has(service, operation, path) for service, operation in models):
                    exception = (*where, path)
                    if exception in NOT_IN_MODEL:
                        used.add(exception)
                    else:
                        wrong.append(f"catalog/{file}: {entry['type']} of {where[1]}: the model has no {path}")
    wrong += [f"NOT_IN_MODEL: {' '.join(e)} is in the model, or no entry has it" for e in NOT_IN_MODEL.keys() - used]
    print(*wrong, f"{seen} paths held against botocore {operations.PINNED}, {len(wrong)} complaints", sep="\n")
    sys.exit(1 if wrong else 0)


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def has(service: operations.Service, operation: str, path: str) -> bool:
    """Whether the operation has the path, in CloudTrail's casing: every member's first letter is a small one."""
    root, *steps = path.split(".")
    side = "input" if root == "requestParameters" else "output"
    shapes = [service.input(operation) if side == "input" else service.output(operation)]
    payload = shapes[0].get("payload")
    if payload:
        shapes.append(service.shape(shapes[0]["members"][payload]))
    elif service.kind == "query" and side == "output":
        # Where the answer of a query service is one structure, records show its members without its name.
        inner = [service.shape(r) for r in shapes[0]["members"].values()]
        shapes += inner if len(inner) == 1 else []
    return any(below(service, shape, steps) for shape in shapes)


def below(service: operations.Service, shape: dict, steps: list[str]) -> bool:
    if not steps:
        return shape["type"] not in ("structure", "map")
    step, many = steps[0].removesuffix("[]"), steps[0].endswith("[]")
    if shape["type"] == "list":
        inner = service.shape(shape["member"])
        # EC2 and the query protocols show a list as an object with `items`.
        return below(service, inner, steps[1:] if step in ("item", "items") and many else steps)
    for member, ref in shape.get("members", {}).items():
        names = {lower(member), lower(service.wire(member, ref)), member}
        if service.kind == "ec2":
            names |= {lower(service.wire(member, ref, True)) + "Set"}
        if step not in names:
            continue
        inner = service.shape(ref)
        if inner["type"] == "list" and many:
            inner = service.shape(inner["member"])
        if below(service, inner, steps[1:]):
            return True
    return False


def main() -> None:
    proposer = Proposer()
    if "--propose" in sys.argv:
        kind = sys.argv[sys.argv.index("--propose") + 1]
        try:
            print(entry_text(proposer.propose(kind)), end="")
        except (Doubt, KeyError) as doubt:
            sys.exit(f"{kind}: {doubt}")
        return
    good, doubts = [], {}
    for kind in TYPES:
        if kind in proposer.there:
            continue
        try:
            good.append(proposer.propose(kind))
        except Doubt as doubt:
            doubts[kind] = str(doubt)
    if "--write" in sys.argv:
        write(proposer, good, doubts)
    else:
        check(proposer, good, doubts)


if __name__ == "__main__":
    main()
