"""What somebody decided about types and calls where the rules of `entries.py` leave it open: data of that script, nothing else."""
from __future__ import annotations

import re

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
    ("apigateway.amazonaws.com", "CreateDeployment", "requestParameters.createDeploymentInput.stageName"): "the wrapper, as CreateStage's",
    ("apigateway.amazonaws.com", "CreateStage", "requestParameters.createStageInput.stageName"): "a record: the call's own wrapper",
    ("ec2.amazonaws.com", "CopyImage", "responseElements.blockDeviceMapping.items[].ebs.snapshotId"): "of DescribeImages",
    ("ec2.amazonaws.com", "CreateImage", "responseElements.blockDeviceMapping.items[].ebs.snapshotId"): "of DescribeImages",
    ("eks.amazonaws.com", "CreateCluster", "requestParameters.clusterName"): "a record",
    ("neptune-graph.amazonaws.com", "CreateGraph", "responseElements.graph.arn"): "the guide's record",
    ("s3.amazonaws.com", "CreateBucket", "requestParameters.bucketName"): "a record",
    ("s3express.amazonaws.com", "CreateBucket", "requestParameters.bucketName"): "as S3's own; a record of CreateSession",
    ("secretsmanager.amazonaws.com", "CreateSecret", "responseElements.arn"): "a record: ARN in other casing",
    ("wellarchitected.amazonaws.com", "CreateWorkload", "responseElements.arn"): "the guide's record",
}
# Events that no model has, with what shows them.
NO_MODEL = {
    ("route53.amazonaws.com", "CreateServiceLinkedPrivateHostedZone"): "aws-spotlight reads its records, as CreateHostedZone's",
    ("route53.amazonaws.com", "CreateServiceLinkedPublicHostedZone"): "aws-spotlight reads its records, as CreateHostedZone's",
}
