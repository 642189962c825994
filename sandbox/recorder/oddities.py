"""Where CloudTrail's form does not follow from the service's model: one table, each line with its source.

It must hold data only. A source is a file of the public record collections, or a page of AWS's documentation:
  permiso = Permiso-io-tools/CloudConsoleCartographer    stratus = DataDog/stratus-red-team
  c7n = cloud-custodian/cloud-custodian (placebo flights and fixtures)    maptagger = aws-samples/sample-auto-map-tagger
  spotlight = wwalpha/aws-spotlight (reads these paths from real records)    docs = awsdocs/* user guides
  sar = the event source that follows from the service authorization reference's prefix
  practice = known from practice; no record and no page was at hand to check it against
"""

from __future__ import annotations

# Services that write another event source than `<signing name>.amazonaws.com`.
EVENT_SOURCE = {
    "application-autoscaling": "autoscaling",  # docs: Application Auto Scaling user guide
    "application-insights": "application-insights",  # sar
    "backupsearch": "backup",  # the trait cloudTrailEventSource of aws/api-models-aws
    "chime-sdk-media-pipelines": "chime-sdk-media-pipelines",  # sar
    "chime-sdk-voice": "chime-sdk-voice",  # c7n
    "iotsecuretunneling": "iot",  # sar
    "marketplace-catalog": "agreement-marketplace",  # sar
    "marketplace-deployment": "agreement-marketplace",  # sar
    "mpa": "multi-party-approval",  # docs: Multi-party approval user guide
    "mq": "amazonmq",  # permiso
    "partnercentral-account": "partnercentral",  # sar
    "partnercentral-benefits": "partnercentral",  # sar
    "partnercentral-channel": "partnercentral",  # sar
    "partnercentral-selling": "partnercentral",  # sar
    "pinpoint": "pinpoint",  # practice
    "qconnect": "qconnect",  # sar
    "servicecatalog-appregistry": "servicecatalog-appregistry",  # permiso
    "wisdom": "qconnect",  # sar
}

# Services without a region of their own: CloudTrail records them in us-east-1. docs: cloudtrail-concepts "global services"
GLOBAL = frozenset({"iam", "route53", "cloudfront", "organizations", "waf", "shield", "account", "importexport"})

# API versions that are part of the event's name. practice, where there is no other mark
VERSION_IN_NAME = {
    ("lambda", "AddLayerVersionPermission"): "20181031",
    ("lambda", "AddPermission"): "20150331v2",  # permiso
    ("lambda", "CreateAlias"): "20150331",
    ("lambda", "CreateEventSourceMapping"): "20150331",
    ("lambda", "CreateFunction"): "20150331",  # spotlight
    ("lambda", "DeleteAlias"): "20150331",
    ("lambda", "DeleteEventSourceMapping"): "20150331",
    ("lambda", "DeleteFunction"): "20150331",
    ("lambda", "DeleteFunctionConcurrency"): "20171031",
    ("lambda", "DeleteLayerVersion"): "20181031",
    ("lambda", "GetFunction"): "20150331v2",
    ("lambda", "GetFunctionConfiguration"): "20150331v2",
    ("lambda", "GetPolicy"): "20150331v2",
    ("lambda", "ListEventSourceMappings"): "20150331",
    ("lambda", "ListFunctions"): "20150331",
    ("lambda", "ListTags"): "20170331",
    ("lambda", "ListVersionsByFunction"): "20150331",
    ("lambda", "PublishLayerVersion"): "20181031",
    ("lambda", "PublishVersion"): "20150331",
    ("lambda", "PutFunctionConcurrency"): "20171031",
    ("lambda", "RemoveLayerVersionPermission"): "20181031",
    ("lambda", "RemovePermission"): "20150331v2",
    ("lambda", "TagResource"): "20170331v2",
    ("lambda", "UntagResource"): "20170331v2",
    ("lambda", "UpdateAlias"): "20150331",
    ("lambda", "UpdateEventSourceMapping"): "20150331",
    ("lambda", "UpdateFunctionCode"): "20150331v2",  # stratus
    ("lambda", "UpdateFunctionConfiguration"): "20150331v2",  # permiso
    # CloudFront: plain names (c7n CreateDistribution, apiVersion 2020_05_31) but for the functions
    # (adanalvarez/TrailDiscover has CreateFunction2020_05_31 and PublishFunction2020_05_31).
    ("cloudfront", "CreateFunction"): "2020_05_31",
    ("cloudfront", "DeleteFunction"): "2020_05_31",
    ("cloudfront", "PublishFunction"): "2020_05_31",
    ("cloudfront", "UpdateFunction"): "2020_05_31",
}

# The event's name where it is another one than the API's.
EVENT_NAME = {
    ("s3", "PutBucketLifecycleConfiguration"): "PutBucketLifecycle",  # practice
    ("s3", "GetBucketLifecycleConfiguration"): "GetBucketLifecycle",  # permiso
    ("s3", "PutPublicAccessBlock"): "PutBucketPublicAccessBlock",  # permiso
    ("s3", "GetPublicAccessBlock"): "GetBucketPublicAccessBlock",  # permiso
    ("s3", "DeletePublicAccessBlock"): "DeleteBucketPublicAccessBlock",  # practice
    ("s3", "PutBucketNotificationConfiguration"): "PutBucketNotification",  # practice
    ("s3", "GetBucketNotificationConfiguration"): "GetBucketNotification",  # permiso
    ("s3control", "PutPublicAccessBlock"): "PutAccountPublicAccessBlock",  # airbnb/streamalert
    ("s3control", "DeletePublicAccessBlock"): "DeleteAccountPublicAccessBlock",  # airbnb/streamalert
}

# Services whose only response structure is laid out flat. rds: docs CreateDBInstance; elasticache: docs
# CreateCacheCluster; redshift: maptagger CreateCluster; neptune and docdb share RDS's API.
FLAT_RESPONSE = frozenset({"rds", "docdb", "neptune", "redshift", "elasticache"})

# Names that differ from "first letter lower case": (service, operation or "*", "req"/"resp", path of lower-cased
# names without list marks) -> the last name.
RENAME = {
    ("secretsmanager", "*", "resp", "aRN"): "arn",  # permiso CreateSecret, PutSecretValue
}

# Responses of which only some members are recorded.
RESPONSE_ONLY = {
    ("secretsmanager", "CreateSecret"): ("arn",),  # permiso, 22 records
    ("secretsmanager", "PutSecretValue"): ("arn",),  # permiso, 20 records
}

# Operations whose response is recorded as null although the API answers something.
RESPONSE_NULL = frozenset({
    ("rds", "ApplyPendingMaintenanceAction"),  # umccr/cloudtrail-parquet-lambda
    ("elasticbeanstalk", "CreateEnvironment"),  # maptagger
    ("sqs", "SetQueueAttributes"),  # docs: sqs
    ("sqs", "AddPermission"),  # docs: sqs
    ("elasticfilesystem", "CreateTags"),  # docs: efs
    ("kms", "GenerateDataKey"), ("kms", "Encrypt"), ("kms", "Decrypt"), ("kms", "ReEncrypt"), ("kms", "Sign"),  # docs: kms
    ("kms", "PutKeyPolicy"),  # docs: kms
})

# Sensitive members. By default a member with the model's `sensitive` trait is replaced by HIDDEN.
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
SENSITIVE_TEXT = {
    "rds": "****",  # docs: rds CreateDBInstance
    "docdb": "****", "neptune": "****",  # as rds
    "organizations": "****",  # docs: organizations CreateAccount
    "ec2": "<sensitiveDataRemoved>",  # docs: ec2 CreateKeyPair; stratus ModifyInstanceAttribute userData
}
# Services that leave a sensitive member out: the records have no trace of it.
SENSITIVE_OMITTED = frozenset({
    "iam",  # permiso CreateAccessKey without secretAccessKey
    "sts",  # stratus GetFederationToken without secretAccessKey
    "secretsmanager",  # permiso CreateSecret without secretString
    "lambda",  # practice: CreateFunction has an empty environment and code
})
# Members that are secret although the model does not say so: (service, member) with "*" for every service.
ALSO_SENSITIVE = frozenset({
    ("rds", "MasterUserPassword"), ("rds", "TdeCredentialPassword"),  # docs: rds; c7n
    ("redshift", "MasterUserPassword"),  # maptagger
    ("docdb", "MasterUserPassword"), ("neptune", "MasterUserPassword"),  # as rds
    ("ec2", "KeyMaterial"), ("ec2", "UserData"), ("ec2", "PresignedUrl"),  # docs: ec2; stratus
    ("elasticache", "AuthToken"),  # a password; practice
    ("iam", "SecretAccessKey"), ("sts", "SecretAccessKey"),  # permiso; stratus
})

# How a point in time is printed. Default: "Nov 24, 2026, 8:30:00 AM" (kms, sts, secretsmanager, ssm records of 2022+).
TIME_WITHOUT_COMMA = frozenset({
    "iam",  # permiso 2024
    "route53", "cloudfront", "es", "opensearch", "apigateway", "apigatewayv2",  # docs; c7n; permiso
    "elasticache", "organizations", "dms", "athena", "codebuild", "redshift-serverless", "redshift-data",  # docs
})
TIME_ISO = frozenset({"rolesanywhere", "route53resolver", "gamelift"})  # public collections
TIME_EPOCH_SECONDS = frozenset({"eks"})  # docs: eks CreateCluster

# The `apiVersion` member of the record, for the services that write one.
API_VERSION = {
    "cloudfront": "2020_05_31",  # c7n
    "events": "2015-10-07",  # docs: eventbridge PutRule
    "efs": "2015-02-01",  # docs: efs CreateTags
    "route53": "2013-04-01",  # docs: route53
    "dynamodb": "2012-08-10",  # docs: dynamodb; maptagger
    "logs": "20140328",  # docs: cloudwatch logs
    "elbv2": "2015-12-01",  # c7n
    "elb": "2012-06-01",  # practice
}

# EC2 requests, the old form. Lists are {"items": [...]}; the key of the list, and the member's name in each
# item where the list is of plain values. Default: the wire's name, e.g. blockDeviceMapping.
EC2_LIST = {
    "BlockDeviceMapping": "blockDeviceMapping",  # docs: ec2 RunInstances
    "TagSpecification": "tagSpecificationSet",  # permiso RunInstances
    "NetworkInterface": "networkInterfaceSet",  # permiso RunInstances
    "Filter": "filterSet",  # permiso
    "Tag": "tagSet",  # pycloudtrailprocesser CreateTags
    "IpPermissions": "ipPermissions",  # permiso AuthorizeSecurityGroupIngress
    "PrivateIpAddresses": "privateIpAddressesSet",  # docs: efs CreateNetworkInterface
    "DhcpConfiguration": "dhcpConfigurationSet",  # practice
}
EC2_ITEM = {
    "ResourceId": ("resourcesSet", "resourceId"),  # pycloudtrailprocesser CreateTags
    "InstanceId": ("instancesSet", "instanceId"),  # permiso StopInstances
    "SecurityGroupId": ("groupSet", "groupId"),  # docs: ec2 RunInstances
    "SecurityGroup": ("groupSet", "groupName"),  # docs: ec2 RunInstances
    "GroupId": ("groupSet", "groupId"), "GroupName": ("groupSet", "groupName"),  # as SecurityGroupId
    "SubnetId": ("subnetSet", "subnetId"),  # permiso DescribeSubnets
    "VpcId": ("vpcSet", "vpcId"),  # permiso DescribeVpcs
    "VolumeId": ("volumeSet", "volumeId"),  # permiso DescribeVolumes
    "SnapshotId": ("snapshotSet", "snapshotId"),  # permiso DescribeSnapshots
    "ImageId": ("imagesSet", "imageId"),  # permiso DescribeImages
    "Owner": ("ownersSet", "owner"),  # permiso DescribeImages
    "RouteTableId": ("routeTableIdSet", "routeTableId"),  # permiso DescribeRouteTables
    "NetworkInterfaceId": ("networkInterfaceIdSet", "networkInterfaceId"),  # permiso DescribeNetworkInterfaces
    "InternetGatewayId": ("internetGatewayIdSet", "internetGatewayId"),  # permiso DescribeInternetGateways
    "NetworkAclId": ("networkAclIdSet", "networkAclId"),  # permiso DescribeNetworkAcls
    "AllocationId": ("allocationIdsSet", "allocationId"),  # permiso DescribeAddresses
    "PublicIp": ("publicIpsSet", "publicIp"),  # permiso DescribeAddresses
    "KeyName": ("keySet", "keyName"),  # practice
}
# (operation, member) -> name, where the old form has its own word.
EC2_NAME = {
    ("CreateVolume", "AvailabilityZone"): "zone",  # docs: ec2 CreateVolume
}
# RunInstances puts these into instancesSet.items[0]. docs: ec2 RunInstances; permiso
EC2_RUN_INSTANCES_ITEM = ("ImageId", "MinCount", "MaxCount", "KeyName")
# What EC2 fills in when the caller did not say: (operation) -> {path: value}. permiso, docs
EC2_DEFAULT = {
    "RunInstances": {"blockDeviceMapping": {}, "monitoring": {"enabled": False}, "disableApiTermination": False,
                     "disableApiStop": False, "ebsOptimized": False},  # permiso RunInstances
    "CreateNetworkInterface": {"groupSet": {}, "privateIpAddressesSet": {}},  # docs: efs CreateNetworkInterface
}
# In these places a rule's parts are always written, empty as {}. permiso AuthorizeSecurityGroupIngress
EC2_RULE_PARTS = ("groups", "ipRanges", "ipv6Ranges", "prefixListIds")
EC2_TEXT_MEMBERS = frozenset({("CreateVolume", "size")})  # docs: ec2 CreateVolume has "size": "10"
EC2_RESPONSE_NAME = {("CreateVolume", "availabilityZone"): "zone"}  # docs: ec2 CreateVolume
EC2_ITEM_NOT_ITEMS = frozenset({"privateIpAddressesSet"})  # permiso RunInstances, docs: efs

# API Gateway's REST APIs: the body is in `<operation>Input`, the path's values beside it. c7n TagResource, CreateStage
BODY_IN_INPUT = frozenset({"apigateway"})
BODY_IN_INPUT_EXTRA = {"template": False}

# A denied call has null requestParameters (stratus AssumeRole, permiso LeaveOrganization), but for these services.
DENIED_WITH_PARAMETERS = frozenset({"ec2", "s3", "secretsmanager"})  # stratus; streamalert; permiso

# readOnly that does not follow from the verb. practice, where there is no other mark
READ_ONLY = {
    ("sts", "GetFederationToken"): False,  # stratus
    ("kms", "Sign"): True, ("kms", "Verify"): True, ("kms", "VerifyMac"): True, ("kms", "ReEncrypt"): True,  # docs: kms
    ("kms", "GenerateMac"): True, ("kms", "GenerateRandom"): True,  # docs: kms
    ("iam", "GenerateCredentialReport"): True, ("iam", "GenerateServiceLastAccessedDetails"): True,
    ("iam", "SimulateCustomPolicy"): True, ("iam", "SimulatePrincipalPolicy"): True,
    ("events", "TestEventPattern"): True,
    ("cloudformation", "ValidateTemplate"): True,
    ("logs", "StartQuery"): True, ("logs", "FilterLogEvents"): True,
    ("sts", "DecodeAuthorizationMessage"): True,
    ("secretsmanager", "ValidateResourcePolicy"): True,
    ("resourcegroupstaggingapi", "StartReportCreation"): False,
}
READ_ONLY_VERBS = ("Get", "List", "Describe", "Head", "Lookup", "Search", "BatchGet", "BatchDescribe", "Check", "Query",
                   "Scan", "Select", "View", "Preview", "Estimate", "Detect", "AssumeRole", "Decrypt", "Encrypt",
                   "GenerateDataKey", "Download", "Discover", "Filter", "Test", "Simulate", "Verify")
