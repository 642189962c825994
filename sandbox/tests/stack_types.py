"""A resource of each type that the emulator can make in a stack and whose creation is worth tagging: data for tests."""

from __future__ import annotations

import json
from typing import Any

TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


# Logical id: (type, properties).
RESOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "Bucket": ("AWS::S3::Bucket", {}),
    "Role": ("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST}),
    "User": ("AWS::IAM::User", {}),
    "ManagedPolicy": ("AWS::IAM::ManagedPolicy", {"PolicyDocument": POLICY}),
    "InstanceProfile": ("AWS::IAM::InstanceProfile", {"Roles": [ref("Role")]}),
    "Vpc": ("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"}),
    "Subnet": ("AWS::EC2::Subnet", {"VpcId": ref("Vpc"), "CidrBlock": "10.0.1.0/24"}),
    "OtherSubnet": ("AWS::EC2::Subnet", {"VpcId": ref("Vpc"), "CidrBlock": "10.0.2.0/24"}),
    "SecurityGroup": ("AWS::EC2::SecurityGroup", {"GroupDescription": "some", "VpcId": ref("Vpc")}),
    "InternetGateway": ("AWS::EC2::InternetGateway", {}),
    "RouteTable": ("AWS::EC2::RouteTable", {"VpcId": ref("Vpc")}),
    "VpcEndpoint": ("AWS::EC2::VPCEndpoint", {"VpcId": ref("Vpc"), "ServiceName": "com.amazonaws.us-east-1.s3"}),
    "Address": ("AWS::EC2::EIP", {"Domain": "vpc"}),
    "Gateway": ("AWS::EC2::NatGateway", {"AllocationId": att("Address", "AllocationId"), "SubnetId": ref("Subnet")}),
    "LaunchTemplate": ("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": {"ImageId": "ami-12345678", "InstanceType": "t3.micro"}}),
    "Queue": ("AWS::SQS::Queue", {}),
    "Topic": ("AWS::SNS::Topic", {}),
    "Key": ("AWS::KMS::Key", {"KeyPolicy": POLICY}),
    "Table": ("AWS::DynamoDB::Table", {
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}),
    "LogGroup": ("AWS::Logs::LogGroup", {}),
    "Function": ("AWS::Lambda::Function", {
        "Runtime": "python3.13", "Handler": "index.handler", "Role": att("Role", "Arn"),
        "Code": {"ZipFile": "def handler(event, context): pass"}}),
    "EventSourceMapping": ("AWS::Lambda::EventSourceMapping", {
        "EventSourceArn": att("Queue", "Arn"), "FunctionName": ref("Function"), "BatchSize": 1}),
    "Alarm": ("AWS::CloudWatch::Alarm", {
        "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "MetricName": "m", "Namespace": "n",
        "Period": 60, "Statistic": "Sum", "Threshold": 1}),
    "Dashboard": ("AWS::CloudWatch::Dashboard", {"DashboardBody": "{\"widgets\":[]}"}),
    "Rule": ("AWS::Events::Rule", {"ScheduleExpression": "rate(1 day)"}),
    "EventBus": ("AWS::Events::EventBus", {"Name": "of-a-stack"}),
    "Secret": ("AWS::SecretsManager::Secret", {"SecretString": "x"}),
    "Parameter": ("AWS::SSM::Parameter", {"Type": "String", "Value": "x"}),
    "StateMachine": ("AWS::StepFunctions::StateMachine", {
        "RoleArn": att("Role", "Arn"), "DefinitionString": "{\"StartAt\":\"a\",\"States\":{\"a\":{\"Type\":\"Succeed\"}}}"}),
    "Stream": ("AWS::Kinesis::Stream", {"ShardCount": 1}),
    "DeliveryStream": ("AWS::KinesisFirehose::DeliveryStream", {
        "ExtendedS3DestinationConfiguration": {"BucketARN": att("Bucket", "Arn"), "RoleARN": att("Role", "Arn")}}),
    "KinesisApplication": ("AWS::KinesisAnalyticsV2::Application", {
        "RuntimeEnvironment": "FLINK-1_20", "ServiceExecutionRole": att("Role", "Arn")}),
    "Repository": ("AWS::ECR::Repository", {}),
    "Cluster": ("AWS::ECS::Cluster", {}),
    "TaskDefinition": ("AWS::ECS::TaskDefinition", {
        "Family": "of-a-stack", "ContainerDefinitions": [{"Name": "a", "Image": "a", "Memory": 128}]}),
    "Service": ("AWS::ECS::Service", {"Cluster": ref("Cluster"), "TaskDefinition": ref("TaskDefinition"), "DesiredCount": 0}),
    "FileSystem": ("AWS::EFS::FileSystem", {}),
    "AccessPoint": ("AWS::EFS::AccessPoint", {"FileSystemId": ref("FileSystem")}),
    "KubernetesCluster": ("AWS::EKS::Cluster", {
        "RoleArn": att("Role", "Arn"), "ResourcesVpcConfig": {"SubnetIds": [ref("Subnet"), ref("OtherSubnet")]}}),
    "Nodegroup": ("AWS::EKS::Nodegroup", {
        "ClusterName": ref("KubernetesCluster"), "NodeRole": att("Role", "Arn"), "Subnets": [ref("Subnet")]}),
    "CacheSubnetGroup": ("AWS::ElastiCache::SubnetGroup", {"Description": "d", "SubnetIds": [ref("Subnet")]}),
    "CacheParameterGroup": ("AWS::ElastiCache::ParameterGroup", {"Description": "d", "CacheParameterGroupFamily": "redis7"}),
    "CacheCluster": ("AWS::ElastiCache::CacheCluster", {
        "Engine": "memcached", "CacheNodeType": "cache.t3.micro", "NumCacheNodes": 1}),
    "ReplicationGroup": ("AWS::ElastiCache::ReplicationGroup", {
        "ReplicationGroupDescription": "d", "Engine": "redis", "CacheNodeType": "cache.t3.micro", "NumCacheClusters": 1}),
    "CacheUser": ("AWS::ElastiCache::User", {
        "UserId": "of-a-stack", "UserName": "default", "Engine": "redis", "NoPasswordRequired": True, "AccessString": "on ~* +@all"}),
    "CacheUserGroup": ("AWS::ElastiCache::UserGroup", {"UserGroupId": "of-a-stack", "Engine": "redis", "UserIds": [ref("CacheUser")]}),
    "LoadBalancer": ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Subnets": [ref("Subnet"), ref("OtherSubnet")]}),
    "TargetGroup": ("AWS::ElasticLoadBalancingV2::TargetGroup", {"Port": 80, "Protocol": "HTTP", "VpcId": ref("Vpc")}),
    "Listener": ("AWS::ElasticLoadBalancingV2::Listener", {
        "LoadBalancerArn": ref("LoadBalancer"), "Port": 80, "Protocol": "HTTP",
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": ref("TargetGroup")}]}),
    "ListenerRule": ("AWS::ElasticLoadBalancingV2::ListenerRule", {
        "ListenerArn": ref("Listener"), "Priority": 1, "Actions": [{"Type": "forward", "TargetGroupArn": ref("TargetGroup")}],
        "Conditions": [{"Field": "path-pattern", "Values": ["/a"]}]}),
    "RestApi": ("AWS::ApiGateway::RestApi", {"Name": "a"}),
    "RestMethod": ("AWS::ApiGateway::Method", {
        "RestApiId": ref("RestApi"), "ResourceId": att("RestApi", "RootResourceId"), "HttpMethod": "GET",
        "AuthorizationType": "NONE", "Integration": {"Type": "MOCK"}}),
    "RestDeployment": ("AWS::ApiGateway::Deployment", {"RestApiId": ref("RestApi")}),
    "RestStage": ("AWS::ApiGateway::Stage", {
        "RestApiId": ref("RestApi"), "DeploymentId": ref("RestDeployment"), "StageName": "s"}),
    "ApiKey": ("AWS::ApiGateway::ApiKey", {"Enabled": True}),
    "UsagePlan": ("AWS::ApiGateway::UsagePlan", {"UsagePlanName": "u"}),
    "RestDomain": ("AWS::ApiGateway::DomainName", {
        "DomainName": "rest.example.com", "RegionalCertificateArn": ref("Certificate"),
        "EndpointConfiguration": {"Types": ["REGIONAL"]}}),
    "HttpApi": ("AWS::ApiGatewayV2::Api", {"Name": "h", "ProtocolType": "HTTP"}),
    "HttpStage": ("AWS::ApiGatewayV2::Stage", {"ApiId": ref("HttpApi"), "StageName": "s"}),
    "Certificate": ("AWS::CertificateManager::Certificate", {"DomainName": "example.com"}),
    "Application": ("AWS::AppConfig::Application", {"Name": "a"}),
    "Environment": ("AWS::AppConfig::Environment", {"ApplicationId": ref("Application"), "Name": "e"}),
    "Profile": ("AWS::AppConfig::ConfigurationProfile", {
        "ApplicationId": ref("Application"), "Name": "p", "LocationUri": "hosted"}),
    "Strategy": ("AWS::AppConfig::DeploymentStrategy", {
        "Name": "s", "DeploymentDurationInMinutes": 0, "GrowthFactor": 100, "ReplicateTo": "NONE"}),
    "HostedVersion": ("AWS::AppConfig::HostedConfigurationVersion", {
        "ApplicationId": ref("Application"), "ConfigurationProfileId": ref("Profile"), "Content": "{}",
        "ContentType": "application/json"}),
    "ConfigDeployment": ("AWS::AppConfig::Deployment", {
        "ApplicationId": ref("Application"), "EnvironmentId": ref("Environment"), "DeploymentStrategyId": ref("Strategy"),
        "ConfigurationProfileId": ref("Profile"), "ConfigurationVersion": ref("HostedVersion")}),
    "GraphApi": ("AWS::AppSync::GraphQLApi", {"Name": "g", "AuthenticationType": "API_KEY"}),
    "WorkGroup": ("AWS::Athena::WorkGroup", {"Name": "of-a-stack"}),
    "Group": ("AWS::AutoScaling::AutoScalingGroup", {
        "MinSize": "0", "MaxSize": "1", "AvailabilityZones": ["us-east-1a"],
        "LaunchTemplate": {"LaunchTemplateId": ref("LaunchTemplate"), "Version": "1"}}),
    "Vault": ("AWS::Backup::BackupVault", {"BackupVaultName": "of-a-stack"}),
    "Plan": ("AWS::Backup::BackupPlan", {"BackupPlan": {
        "BackupPlanName": "p", "BackupPlanRule": [{"RuleName": "r", "TargetBackupVault": ref("Vault")}]}}),
    "Distribution": ("AWS::CloudFront::Distribution", {"DistributionConfig": {
        "Enabled": True, "Origins": [{"Id": "o", "DomainName": "example.com", "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"}}],
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all",
                                 "ForwardedValues": {"QueryString": False}}}}),
    "EdgeFunction": ("AWS::CloudFront::Function", {
        "Name": "of-a-stack", "AutoPublish": False, "FunctionCode": "function handler(event) { return event.request }",
        "FunctionConfig": {"Comment": "c", "Runtime": "cloudfront-js-2.0"}}),
    "KeyValueStore": ("AWS::CloudFront::KeyValueStore", {"Name": "of-a-stack"}),
    "BuildProject": ("AWS::CodeBuild::Project", {
        "Artifacts": {"Type": "NO_ARTIFACTS"}, "ServiceRole": att("Role", "Arn"), "Source": {"Type": "NO_SOURCE", "BuildSpec": "version: 0.2"},
        "Environment": {"ComputeType": "BUILD_GENERAL1_SMALL", "Image": "i", "Type": "LINUX_CONTAINER"}}),
    "UserPool": ("AWS::Cognito::UserPool", {}),
    "IdentityPool": ("AWS::Cognito::IdentityPool", {"AllowUnauthenticatedIdentities": False}),
    "DocumentSubnets": ("AWS::DocDB::DBSubnetGroup", {
        "DBSubnetGroupDescription": "d", "SubnetIds": [ref("Subnet"), ref("OtherSubnet")]}),
    "DocumentParameters": ("AWS::DocDB::DBClusterParameterGroup", {"Description": "d", "Family": "docdb5.0", "Parameters": {}}),
    "DocumentCluster": ("AWS::DocDB::DBCluster", {"MasterUsername": "admin1", "MasterUserPassword": "correct-horse"}),
    "DocumentInstance": ("AWS::DocDB::DBInstance", {"DBClusterIdentifier": ref("DocumentCluster"), "DBInstanceClass": "db.t3.medium"}),
    "Subnets": ("AWS::RDS::DBSubnetGroup", {
        "DBSubnetGroupDescription": "d", "SubnetIds": [ref("Subnet"), ref("OtherSubnet")]}),
    "Parameters": ("AWS::RDS::DBParameterGroup", {"Description": "d", "Family": "mysql8.0"}),
    "ClusterParameters": ("AWS::RDS::DBClusterParameterGroup", {
        "Description": "d", "Family": "aurora-mysql8.0", "Parameters": {"time_zone": "UTC"}}),
    "Database": ("AWS::RDS::DBInstance", {
        "Engine": "mysql", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": "20", "MasterUsername": "admin1",
        "MasterUserPassword": "correct-horse"}),
    "DatabaseCluster": ("AWS::RDS::DBCluster", {
        "Engine": "aurora-mysql", "MasterUsername": "admin1", "MasterUserPassword": "correct-horse"}),
    "GlueConnection": ("AWS::Glue::Connection", {"CatalogId": ref("AWS::AccountId"), "ConnectionInput": {
        "Name": "of-a-stack", "ConnectionType": "NETWORK", "ConnectionProperties": {}}}),
    "GlueDatabase": ("AWS::Glue::Database", {"CatalogId": ref("AWS::AccountId"), "DatabaseInput": {"Name": "alltypes"}}),
    "Crawler": ("AWS::Glue::Crawler", {"Role": att("Role", "Arn"), "Targets": {"S3Targets": [{"Path": "s3://a"}]}}),
    "Job": ("AWS::Glue::Job", {"Role": att("Role", "Arn"), "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/b"}}),
    "Trigger": ("AWS::Glue::Trigger", {"Type": "ON_DEMAND", "Actions": [{"JobName": ref("Job")}]}),
    "ThingPolicy": ("AWS::IoT::Policy", {"PolicyDocument": POLICY}),
    "ThingRule": ("AWS::IoT::TopicRule", {"TopicRulePayload": {
        "Sql": "SELECT * FROM 'a'", "Actions": [{"Sqs": {"QueueUrl": ref("Queue"), "RoleArn": att("Role", "Arn")}}]}}),
    "ThingGroup": ("AWS::IoT::ThingGroup", {}),
    "ThingType": ("AWS::IoT::ThingType", {}),
    "ThingTemplate": ("AWS::IoT::ProvisioningTemplate", {
        "ProvisioningRoleArn": att("Role", "Arn"), "TemplateBody": json.dumps({
            "Parameters": {"AWS::IoT::Certificate::Id": {"Type": "String"}}, "Resources": {"certificate": {
                "Type": "AWS::IoT::Certificate", "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "ACTIVE"}}}})}),
    "ThingDomain": ("AWS::IoT::DomainConfiguration", {"ServiceType": "DATA"}),
    "ThingJobs": ("AWS::IoT::JobTemplate", {"JobTemplateId": "of-a-stack", "Description": "d", "Document": "{}"}),
    "Tracker": ("AWS::Location::Tracker", {"TrackerName": "of-a-stack"}),
    "Sink": ("AWS::Oam::Sink", {"Name": "of-a-stack"}),
    "Link": ("AWS::Oam::Link", {"ResourceTypes": ["AWS::Logs::LogGroup"], "SinkIdentifier": ref("Sink")}),
    "Search": ("AWS::OpenSearchService::Domain", {}),
    "Pipe": ("AWS::Pipes::Pipe", {
        "RoleArn": att("Role", "Arn"), "Source": att("Queue", "Arn"), "Target": att("Function", "Arn")}),
    "Zone": ("AWS::Route53::HostedZone", {"Name": "example.com"}),
    "BucketAccess": ("AWS::S3::AccessPoint", {"Bucket": ref("Bucket"), "Name": "of-a-stack"}),
    "TableBucket": ("AWS::S3Tables::TableBucket", {"TableBucketName": "of-a-stack"}),
    "Namespace": ("AWS::S3Tables::Namespace", {"TableBucketARN": ref("TableBucket"), "Namespace": "n"}),
    "BucketTable": ("AWS::S3Tables::Table", {
        "TableBucketARN": ref("TableBucket"), "Namespace": ref("Namespace"), "TableName": "t", "OpenTableFormat": "ICEBERG"}),
    "MailConfiguration": ("AWS::SES::ConfigurationSet", {"Name": "of-a-stack"}),
    "MailIdentity": ("AWS::SES::EmailIdentity", {"EmailIdentity": "example.com"}),
    "ScheduleGroup": ("AWS::Scheduler::ScheduleGroup", {}),
    "HttpNamespace": ("AWS::ServiceDiscovery::HttpNamespace", {"Name": "of-a-stack"}),
    "PrivateNamespace": ("AWS::ServiceDiscovery::PrivateDnsNamespace", {"Name": "of-a-stack.local", "Vpc": ref("Vpc")}),
    "PublicNamespace": ("AWS::ServiceDiscovery::PublicDnsNamespace", {"Name": "of-a-stack.example.com"}),
    "DiscoveryService": ("AWS::ServiceDiscovery::Service", {"Name": "s", "NamespaceId": ref("HttpNamespace")}),
    "SigningProfile": ("AWS::Signer::SigningProfile", {"PlatformId": "AWSLambda-SHA384-ECDSA"}),
    "WebAcl": ("AWS::WAFv2::WebACL", {
        "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": {
            "CloudWatchMetricsEnabled": False, "MetricName": "m", "SampledRequestsEnabled": False}}),
}

# Types with an entry in the catalog that no template can make in the emulator without more than a template.
NOT_MADE = {
    "AWS::CloudTrail::Trail": "it needs a bucket whose policy lets it write: test_cloudformation.py makes one",
    "AWS::IoT::CACertificate": "it needs a certificate that is signed for the account's registration code",
}
