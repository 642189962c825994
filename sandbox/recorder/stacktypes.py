"""Which call of its service CloudFormation makes for a type of resource, and how that call names the properties: data.

Most of it follows from the names: `AWS::SQS::Queue` is `CreateQueue` and `DeleteQueue` of `sqs`. Here is what does not.
The calls are those of the type's handler, whose permissions are in its schema:
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schemas.html
"""

from __future__ import annotations

# The part of a type's name between the colons, where it is not the service's name in botocore.
SERVICE = {
    "CertificateManager": "acm", "Cognito": "cognito-idp", "ElasticLoadBalancingV2": "elbv2",
    "KinesisFirehose": "firehose", "OpenSearchService": "opensearch", "S3ObjectLambda": "s3control", "SES": "sesv2",
}
SERVICE_OF_TYPE = {
    "AWS::Cognito::IdentityPool": "cognito-identity", "AWS::Cognito::IdentityPoolPrincipalTag": "cognito-identity",
    "AWS::Cognito::IdentityPoolRoleAttachment": "cognito-identity", "AWS::S3::AccessPoint": "s3control",
    "AWS::S3::MultiRegionAccessPoint": "s3control",
}

# (what creates it, what deletes it), where it is not Create and Delete with the last part of the type's name.
# None: there is no such call.
CALLS: dict[str, tuple[str, str | None]] = {
    "AWS::ApiGateway::Account": ("UpdateAccount", None),
    "AWS::ApiGateway::GatewayResponse": ("PutGatewayResponse", "DeleteGatewayResponse"),
    "AWS::ApiGateway::Method": ("PutMethod", "DeleteMethod"),
    "AWS::AppConfig::Deployment": ("StartDeployment", None),
    "AWS::AppSync::FunctionConfiguration": ("CreateFunction", "DeleteFunction"),
    "AWS::AppSync::GraphQLSchema": ("StartSchemaCreation", None),
    "AWS::AutoScaling::LifecycleHook": ("PutLifecycleHook", "DeleteLifecycleHook"),
    "AWS::AutoScaling::ScalingPolicy": ("PutScalingPolicy", "DeletePolicy"),
    "AWS::AutoScaling::ScheduledAction": ("PutScheduledUpdateGroupAction", "DeleteScheduledAction"),
    "AWS::CertificateManager::Certificate": ("RequestCertificate", "DeleteCertificate"),
    # Each has at least the tags of its stack.
    "AWS::CloudFront::Distribution": ("CreateDistributionWithTags", "DeleteDistribution"),
    "AWS::CloudWatch::Alarm": ("PutMetricAlarm", "DeleteAlarms"),
    "AWS::CloudWatch::Dashboard": ("PutDashboard", "DeleteDashboards"),
    "AWS::Cognito::IdentityPoolPrincipalTag": ("SetPrincipalTagAttributeMap", None),
    "AWS::Cognito::IdentityPoolRoleAttachment": ("SetIdentityPoolRoles", None),
    "AWS::Cognito::UserPoolGroup": ("CreateGroup", "DeleteGroup"),
    "AWS::Cognito::UserPoolResourceServer": ("CreateResourceServer", "DeleteResourceServer"),
    "AWS::DynamoDB::GlobalTable": ("CreateTable", "DeleteTable"),
    "AWS::EC2::EIP": ("AllocateAddress", "ReleaseAddress"),
    "AWS::EC2::SubnetRouteTableAssociation": ("AssociateRouteTable", "DisassociateRouteTable"),
    "AWS::EC2::VPCEndpoint": ("CreateVpcEndpoint", "DeleteVpcEndpoints"),
    "AWS::EC2::VPCGatewayAttachment": ("AttachInternetGateway", "DetachInternetGateway"),
    "AWS::ECS::TaskDefinition": ("RegisterTaskDefinition", "DeregisterTaskDefinition"),
    "AWS::ElastiCache::ParameterGroup": ("CreateCacheParameterGroup", "DeleteCacheParameterGroup"),
    "AWS::ElastiCache::SubnetGroup": ("CreateCacheSubnetGroup", "DeleteCacheSubnetGroup"),
    "AWS::ElasticLoadBalancingV2::ListenerRule": ("CreateRule", "DeleteRule"),
    "AWS::Events::Rule": ("PutRule", "DeleteRule"),
    "AWS::IAM::ManagedPolicy": ("CreatePolicy", "DeletePolicy"),
    "AWS::IAM::Policy": ("PutRolePolicy", "DeleteRolePolicy"),
    "AWS::IoT::CACertificate": ("RegisterCACertificate", "DeleteCACertificate"),
    "AWS::IoT::Certificate": ("RegisterCertificate", "DeleteCertificate"),
    "AWS::IoT::PolicyPrincipalAttachment": ("AttachPolicy", "DetachPolicy"),
    "AWS::IoT::ThingPrincipalAttachment": ("AttachThingPrincipal", "DetachThingPrincipal"),
    "AWS::KMS::Key": ("CreateKey", "ScheduleKeyDeletion"),
    "AWS::KinesisAnalyticsV2::ApplicationCloudWatchLoggingOption": (
        "AddApplicationCloudWatchLoggingOption", "DeleteApplicationCloudWatchLoggingOption"),
    "AWS::Lambda::EventInvokeConfig": ("PutFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig"),
    "AWS::Lambda::LayerVersion": ("PublishLayerVersion", "DeleteLayerVersion"),
    "AWS::Lambda::LayerVersionPermission": ("AddLayerVersionPermission", "RemoveLayerVersionPermission"),
    "AWS::Lambda::Permission": ("AddPermission", "RemovePermission"),
    "AWS::Lambda::Url": ("CreateFunctionUrlConfig", "DeleteFunctionUrlConfig"),
    "AWS::Lambda::Version": ("PublishVersion", None),
    "AWS::Logs::MetricFilter": ("PutMetricFilter", "DeleteMetricFilter"),
    "AWS::Logs::ResourcePolicy": ("PutResourcePolicy", "DeleteResourcePolicy"),
    "AWS::Logs::SubscriptionFilter": ("PutSubscriptionFilter", "DeleteSubscriptionFilter"),
    "AWS::Route53::RecordSet": ("ChangeResourceRecordSets", "ChangeResourceRecordSets"),
    "AWS::S3::BucketPolicy": ("PutBucketPolicy", "DeleteBucketPolicy"),
    "AWS::S3ObjectLambda::AccessPoint": ("CreateAccessPointForObjectLambda", "DeleteAccessPointForObjectLambda"),
    "AWS::S3ObjectLambda::AccessPointPolicy": (
        "PutAccessPointPolicyForObjectLambda", "DeleteAccessPointPolicyForObjectLambda"),
    "AWS::SNS::Subscription": ("Subscribe", "Unsubscribe"),
    "AWS::SNS::TopicPolicy": ("SetTopicAttributes", "SetTopicAttributes"),
    "AWS::SQS::QueuePolicy": ("SetQueueAttributes", "SetQueueAttributes"),
    "AWS::SSM::Parameter": ("PutParameter", "DeleteParameter"),
    "AWS::ServiceDiscovery::HttpNamespace": ("CreateHttpNamespace", "DeleteNamespace"),
    "AWS::ServiceDiscovery::Instance": ("RegisterInstance", "DeregisterInstance"),
    "AWS::ServiceDiscovery::PrivateDnsNamespace": ("CreatePrivateDnsNamespace", "DeleteNamespace"),
    "AWS::ServiceDiscovery::PublicDnsNamespace": ("CreatePublicDnsNamespace", "DeleteNamespace"),
    "AWS::Signer::ProfilePermission": ("AddProfilePermission", "RemoveProfilePermission"),
    "AWS::Signer::SigningProfile": ("PutSigningProfile", "CancelSigningProfile"),
}

# Types that leave no record here, and why.
NO_RECORD = {
    "AWS::CDK::Metadata": "nothing is created",
    "AWS::CloudFormation::CustomResource": "the function's call is a data event, what it calls has records of its own",
    "AWS::CloudFormation::WaitCondition": "only CloudFormation knows it",
    "AWS::CloudFormation::WaitConditionHandle": "only CloudFormation knows it",
    "AWS::SecretsManager::SecretTargetAttachment": "it writes a secret's value, which CloudFormation's record does not show",
}

# CloudFormation's property -> the call's member, where the names differ by more than their case.
MEMBER: dict[str, dict[str, str]] = {
    "AWS::CloudFront::Distribution": {"DistributionConfig": "DistributionConfigWithTags"},
    "AWS::IAM::ManagedPolicy": {"ManagedPolicyName": "PolicyName"},
    "AWS::SES::ConfigurationSet": {"Name": "ConfigurationSetName"},
    "AWS::SNS::Topic": {"TopicName": "Name"},
    "AWS::StepFunctions::StateMachine": {"StateMachineName": "name", "DefinitionString": "definition",
                                         "StateMachineType": "type"},
}

# What the stack's own tags do not come with: S3 takes tags by PutBucketTagging (a public record of CreateBucket by
# CloudFormation, of 15 March 2022, has none), and records of RDS and IAM do not show `aws:cloudformation:*` (practice).
OWN_TAGS_ONLY = frozenset({"iam", "rds", "docdb", "neptune"})
NO_TAGS = frozenset({"s3"})

# EC2's word for a type in `TagSpecifications`, where it is not the last part of the type's name with hyphens.
EC2_TAGGED = {"AWS::EC2::EIP": "elastic-ip", "AWS::EC2::NatGateway": "natgateway", "AWS::EC2::VPC": "vpc",
              "AWS::EC2::VPCEndpoint": "vpc-endpoint"}

# Types whose `Ref` is an id that the service makes, although they have a name as well, which CloudFormation makes up.
MADE_UP_NAME = frozenset({"AWS::Cognito::IdentityPool", "AWS::Cognito::UserPool"})

# ARNs that neither `Ref` nor an attribute of the emulator's resources tells. docs: service authorization reference
ARN = {
    "AWS::KinesisAnalyticsV2::Application": "arn:aws:kinesisanalytics:{region}:{account}:application/{name}",
}

# Types whose id is their ARN, with the name in the middle of it.
ID_IS_ARN = frozenset({"AWS::CloudFormation::Stack"})
