"""What AWS's services refuse although their API models allow it: a table, each rule with its source.

A rule stands for calls ("sqs:SetQueueAttributes": botocore's name of the service, and the operation) and for resources of
templates ("AWS::SQS::QueuePolicy"); a star stands for any. It is broken when its check (rule_checks.py) finds something,
and then AWS answers with this code and message; "{…}" is filled in by the check. sandbox/tests/test_rules.py breaks each,
and templates/tests holds the product's templates against those that need no more than a template.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
import os
from collections.abc import Callable, Iterator
from functools import partial

import rule_checks as check
from rule_checks import Found, Subject

_DOCS = "https://docs.aws.amazon.com/"
_SQS_QUOTAS = _DOCS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html"
_SQS_API = _DOCS + "AWSSimpleQueueService/latest/APIReference/"
_IAM_QUOTAS = _DOCS + "IAM/latest/UserGuide/reference_iam-quotas.html"
_TAGGING = _DOCS + "tag-editor/latest/userguide/best-practices-and-strats.html"
_LAMBDA_API = _DOCS + "lambda/latest/api/"
# Seconds before the name of a deleted queue is free again. Tests that deploy often set less, so that they end sooner.
QUEUE_PAUSE = float(os.environ.get("SANDBOX_QUEUE_PAUSE", "60"))


@dataclasses.dataclass(frozen=True)
class Rule:
    """`service` is the name in CloudFormation's messages, `handler` its HandlerErrorCode."""
    name: str
    at: tuple[str, ...]
    broken: Callable[[Subject], Found]
    code: str
    message: str
    source: str
    status: int = 400
    handler: str = "InvalidRequest"


_QUEUE_POLICY = ("sqs:CreateQueue", "sqs:SetQueueAttributes", "AWS::SQS::QueuePolicy", "AWS::SQS::QueueInlinePolicy")
_TOPIC_POLICY = ("sns:CreateTopic", "sns:SetTopicAttributes", "AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy")
_IDENTITY_POLICY = ("iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:PutGroupPolicy",
                    "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy")
_TRUST_POLICY = ("iam:CreateRole", "iam:UpdateAssumeRolePolicy", "AWS::IAM::Role")
_FUNCTION = ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration", "AWS::Lambda::Function")
_MAPPING = ("lambda:CreateEventSourceMapping", "AWS::Lambda::EventSourceMapping")
_MALFORMED = "MalformedPolicyDocument"
_INVALID_LAMBDA = "InvalidParameterValueException"

_TOPIC_ACTIONS = tuple("sns:" + name for name in (
    "gettopicattributes", "settopicattributes", "addpermission", "removepermission", "deletetopic", "subscribe",
    "listsubscriptionsbytopic", "publish", "receive", "getdataprotectionpolicy", "putdataprotectionpolicy"))

# What a function may not set itself.
_RESERVED_VARIABLES = frozenset({
    "_HANDLER", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"})

# By the beginning of an id: the error when nothing has it, and what its message calls the resource.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
EC2_IDS = {
    "i": ("InvalidInstanceID.NotFound", "instance"), "vol": ("InvalidVolume.NotFound", "volume"),
    "snap": ("InvalidSnapshot.NotFound", "snapshot"), "ami": ("InvalidAMIID.NotFound", "image"),
    "vpc": ("InvalidVpcID.NotFound", "vpc"), "subnet": ("InvalidSubnetID.NotFound", "subnet"),
    "sg": ("InvalidGroup.NotFound", "security group"), "eni": ("InvalidNetworkInterfaceID.NotFound", "networkInterface"),
    "igw": ("InvalidInternetGatewayID.NotFound", "internetGateway"), "rtb": ("InvalidRouteTableID.NotFound", "routeTable"),
    "nat": ("NatGatewayNotFound", "natGateway"), "eipalloc": ("InvalidAllocationID.NotFound", "allocation"),
    "lt": ("InvalidLaunchTemplateId.NotFound", "launch template"), "acl": ("InvalidNetworkAclID.NotFound", "networkAcl"),
    "vpce": ("InvalidVpcEndpointId.NotFound", "vpcEndpoint"), "pcx": ("InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection"),
    "dopt": ("InvalidDhcpOptionID.NotFound", "dhcpOption"), "eigw": ("InvalidGatewayID.NotFound", "gateway"),
    "pl": ("InvalidPrefixListID.NotFound", "prefixList"), "vgw": ("InvalidVpnGatewayID.NotFound", "vpnGateway"),
    "cgw": ("InvalidCustomerGatewayID.NotFound", "customerGateway"), "vpn": ("InvalidVpnConnectionID.NotFound", "vpnConnection"),
    "fl": ("InvalidFlowLogId.NotFound", "flowLog"), "fleet": ("InvalidFleetId.NotFound", "fleet"),
    "key": ("InvalidKeyPair.NotFound", "key pair"), "pg": ("InvalidPlacementGroup.Unknown", "placement group"),
    "tgw": ("InvalidTransitGatewayID.NotFound", "transitGateway"), "eice": ("InvalidInstanceConnectEndpointId.NotFound", "endpoint")}

# How a service calls a tag that is not allowed. docs: each service's TagResource; EC2 and S3 on the pages below.
_TAG_ERRORS = {
    "ec2": "InvalidParameterValue", "s3": "InvalidTag", "iam": "InvalidInput", "sqs": "InvalidParameterValue",
    "sns": "InvalidParameter", "lambda": "InvalidParameterValueException", "logs": "InvalidParameterException",
    "cloudtrail": "InvalidTagParameterException", "rds": "InvalidParameterValue", "elasticache": "InvalidParameterValue",
    "elbv2": "ValidationError", "autoscaling": "ValidationError", "cloudformation": "ValidationError",
    "kms": "TagException", "secretsmanager": "InvalidParameterException", "ecs": "InvalidParameterException",
    "ecr": "InvalidTagParameterException", "eks": "InvalidParameterException", "efs": "BadRequest", "acm": "InvalidTagException",
    "cloudfront": "InvalidTagging", "route53": "InvalidInput", "redshift": "InvalidTagFault", "opensearch": "ValidationException"}


def _tag(name: str, broken: Callable[[Subject], Found], message: str, source: str, at: tuple[str, ...] = ("*",)) -> Rule:
    return Rule(name, at, broken, "", message, source)


RULES: tuple[Rule, ...] = (
    # ------------------------------------------------------------------------------------------------ SQS
    Rule("sqs-one-resource", _QUEUE_POLICY, check.several_resources, "InvalidAttributeValue",
         "Invalid value for the parameter Policy.", "https://github.com/remind101/stacker_blueprints/pull/71"),
    Rule("sqs-own-queue", ("sqs:SetQueueAttributes",), check.foreign_resource, "InvalidAttributeValue",
         "Invalid value for the parameter Policy.",
         "http://docs.amazonwebservices.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/AccessPolicyLanguage_SpecialInfo.html"),
    Rule("sqs-own-actions", _QUEUE_POLICY, partial(check.other_actions, patterns=("sqs:*", "[*]")), "InvalidAttributeValue",
         "Invalid value for the parameter Policy.", "https://github.com/aws/aws-cdk/issues/15602"),
    Rule("sqs-policy-is-json", ("sqs:CreateQueue", "sqs:SetQueueAttributes"), check.not_json, "InvalidAttributeValue",
         "Invalid value for the parameter Policy.", _SQS_API + "API_SetQueueAttributes.html"),
    Rule("sqs-seven-actions", _QUEUE_POLICY, partial(check.too_many, member="Action", most=7), "OverLimit",
         "{count} actions were found in a statement from the submitted policy, max allowed is {most}.", _SQS_QUOTAS),
    Rule("sqs-policy-size", _QUEUE_POLICY, partial(check.longer_than, most=8192), "InvalidAttributeValue",
         "Invalid value for the parameter Policy.", _SQS_QUOTAS),
    Rule("sqs-queue-name", ("sqs:CreateQueue", "AWS::SQS::Queue"),
         partial(check.unlike, path="QueueName", pattern=r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo"), "InvalidParameterValue",
         "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length", _SQS_API + "API_CreateQueue.html"),
    Rule("sqs-attribute-ranges", ("sqs:CreateQueue", "sqs:SetQueueAttributes", "AWS::SQS::Queue"),
         partial(check.outside, bounds={
             "DelaySeconds": (0, 900), "VisibilityTimeout": (0, 43_200), "MessageRetentionPeriod": (60, 1_209_600),
             "ReceiveMessageWaitTimeSeconds": (0, 20), "MaximumMessageSize": (1024, 1_048_576),
             "KmsDataKeyReusePeriodSeconds": (60, 86_400)}), "InvalidAttributeValue",
         "Invalid value for the parameter {member}.", _SQS_API + "API_SetQueueAttributes.html"),
    Rule("sqs-message-ranges", ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility"),
         partial(check.outside, bounds={"DelaySeconds": (0, 900), "WaitTimeSeconds": (0, 20), "MaxNumberOfMessages": (1, 10),
                                        "VisibilityTimeout": (0, 43_200)}), "InvalidParameterValue",
         "Value {value} for parameter {member} is invalid. Reason: Must be between {least} and {most}, if provided.",
         _SQS_API + "API_SendMessage.html"),
    Rule("sqs-deleted-recently", ("sqs:CreateQueue", "AWS::SQS::Queue"), partial(check.deleted_recently, seconds=QUEUE_PAUSE),
         "QueueDeletedRecently", "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
         _SQS_API + "API_CreateQueue.html"),
    Rule("sqs-dead-letter-queue", ("sqs:CreateQueue", "sqs:SetQueueAttributes", "AWS::SQS::Queue"), check.dead_letters_missing,
         "InvalidParameterValue", "Value {value} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
         _DOCS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"),
    # ------------------------------------------------------------------------------------------------ SNS
    Rule("sns-topic-actions", _TOPIC_POLICY, partial(check.other_actions, patterns=_TOPIC_ACTIONS), "InvalidParameter",
         "Invalid parameter: Policy statement action out of service scope!",
         "https://github.com/aws/serverless-application-model/issues/1591"),
    Rule("sns-one-resource", _TOPIC_POLICY, check.several_resources, "InvalidParameter", "Invalid parameter: Policy Error: null",
         _DOCS + "sns/latest/dg/sns-access-policy-language-api-permissions-reference.html"),
    Rule("sns-own-topic", ("sns:SetTopicAttributes",), check.foreign_resource, "InvalidParameter",
         "Invalid parameter: Policy Error: null", "https://github.com/serverless/serverless/issues/5519"),
    Rule("sns-topic-name", ("sns:CreateTopic",), partial(check.unlike, path="Name", pattern=r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo"),
         "InvalidParameter", "Invalid parameter: Topic Name", _DOCS + "sns/latest/api/API_CreateTopic.html"),
    Rule("sns-topic-name", ("AWS::SNS::Topic",), partial(check.unlike, path="TopicName", pattern=r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo"),
         "InvalidParameter", "Invalid parameter: Topic Name", _DOCS + "sns/latest/api/API_CreateTopic.html"),
    # ----------------------------------------------------------------------------------------------- tags
    _tag("tag-aws-prefix", check.reserved_tag,
         "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use", _TAGGING),
    _tag("tag-lengths", partial(check.long_tag, key_most=128, value_most=256),
         "Tag {part} exceeds the maximum length of {most} characters", _TAGGING),
    _tag("tag-twice", check.twice, "Duplicate tag key '{key}' specified.", _DOCS + "AWSEC2/latest/APIReference/API_CreateTags.html",
         ("ec2:CreateTags", "s3:PutBucketTagging", "AWS::*")),
    _tag("tag-twice-iam", partial(check.twice, fold=str.lower),
         "Duplicate tag keys found. Please note that Tag keys are case insensitive.", _DOCS + "IAM/latest/UserGuide/id_tags.html",
         ("iam:*", "AWS::IAM::*")),
    _tag("tag-characters", partial(check.tag_characters, pattern=r"[\w\s_.:/=+\-@]*"), "The Tag{part} you have provided is invalid",
         _DOCS + "AmazonS3/latest/userguide/CostAllocTagging.html", ("s3:PutBucketTagging", "AWS::S3::Bucket")),
    Rule("tag-limit-ec2", ("ec2:CreateTags",), partial(check.more_tags_than, most=50), "TagLimitExceeded",
         "The maximum number of Tags for a resource has been reached.", _DOCS + "AWSEC2/latest/APIReference/errors-overview.html"),
    Rule("tag-limit-s3", ("s3:PutBucketTagging",), partial(check.more_tags_than, most=50), "BadRequest",
         "Bucket tag count cannot be greater than 50", _DOCS + "AmazonS3/latest/API/API_PutBucketTagging.html"),
    Rule("tag-limit-sqs", ("sqs:TagQueue", "sqs:CreateQueue", "AWS::SQS::Queue"), partial(check.more_tags_than, most=50),
         "InvalidParameterValue", "Tag limit of {most} exceeded for the queue.",
         _DOCS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html"),
    Rule("tag-limit-sns", ("sns:TagResource",), partial(check.more_tags_than, most=50), "TagLimitExceeded",
         "Could not complete request: tag quota of per resource exceeded", _DOCS + "sns/latest/api/API_TagResource.html"),
    # ------------------------------------------------------------------------------------------------ EC2
    Rule("ec2-ids", ("ec2:CreateTags", "ec2:DeleteTags"), partial(check.missing_ids, kinds=EC2_IDS), "{code}", "{text}",
         _DOCS + "AWSEC2/latest/APIReference/errors-overview.html"),
    Rule("ec2-page-size", ("ec2:DescribeInstances", "ec2:DescribeTags", "ec2:DescribeVolumes", "ec2:DescribeSnapshots"),
         partial(check.outside, bounds={"MaxResults": (5, 1000)}), "InvalidParameterValue",
         "Value ( {value} ) for parameter maxResults is invalid. Expecting a value greater than or equal to {least}.",
         "https://github.com/aws/aws-sdk-ruby/pull/2575"),
    Rule("ec2-ids-or-pages", ("ec2:DescribeInstances",),
         lambda subject: check.together(subject, "InstanceIds", "MaxResults"), "InvalidParameterCombination",
         "The parameter instancesSet cannot be used with the parameter maxResults",
         _DOCS + "AWSEC2/latest/APIReference/API_DescribeInstances.html"),
    # ------------------------------------------------------------------------------------------------- S3
    Rule("s3-bucket-name", ("s3:CreateBucket",), partial(
        check.unlike, path="Bucket", pattern=r"(?!\d+\.\d+\.\d+\.\d+$)(?!xn--)(?!sthree-)(?!amzn-s3-demo-)(?!.*\.\.)(?!.*(-s3alias|--ol-s3|\.mrap)$)"
                                             r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"), "InvalidBucketName",
         "The specified bucket is not valid.", _DOCS + "AmazonS3/latest/userguide/bucketnamingrules.html"),
    Rule("s3-bucket-name", ("AWS::S3::Bucket",), partial(
        check.unlike, path="BucketName", pattern=r"(?!\d+\.\d+\.\d+\.\d+$)(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
         "InvalidBucketName", "The specified bucket is not valid.", _DOCS + "AmazonS3/latest/userguide/bucketnamingrules.html"),
    Rule("s3-taken-by-another", ("s3:CreateBucket", "AWS::S3::Bucket"), check.bucket_of_another, "BucketAlreadyExists",
         "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a "
         "different name and try again.", _DOCS + "AmazonS3/latest/API/API_CreateBucket.html", 409, "AlreadyExists"),
    Rule("s3-owned-by-you", ("s3:CreateBucket",), check.own_bucket_again, "BucketAlreadyOwnedByYou",
         "Your previous request to create the named bucket succeeded and you already own it.",
         _DOCS + "AmazonS3/latest/API/API_CreateBucket.html", 409),
    Rule("s3-location", ("s3:CreateBucket",), check.wrong_location, "IllegalLocationConstraintException",
         "The {asked} location constraint is incompatible for the region specific endpoint this request was sent to.",
         _DOCS + "AmazonS3/latest/API/API_CreateBucket.html"),
    Rule("s3-policy-principal", ("s3:PutBucketPolicy", "AWS::S3::BucketPolicy"), check.unknown_principal, "MalformedPolicy",
         "Invalid principal in policy", _DOCS + "AmazonS3/latest/userguide/troubleshoot-403-errors.html"),
    Rule("s3-policy-actions", ("s3:PutBucketPolicy", "AWS::S3::BucketPolicy"), partial(check.other_actions, patterns=("s3:*", "[*]")),
         "MalformedPolicy", "Policy has invalid action", _DOCS + "AmazonS3/latest/API/API_PutBucketPolicy.html"),
    # --------------------------------------------------------------------------------------------- Lambda
    Rule("lambda-role", _FUNCTION, partial(check.not_assumable, service="lambda.amazonaws.com"), _INVALID_LAMBDA,
         "The role defined for the function cannot be assumed by Lambda.", "https://github.com/aws/aws-sdk-js/issues/3498"),
    Rule("lambda-visibility", _MAPPING, check.visibility_below_timeout, _INVALID_LAMBDA,
         "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds",
         _DOCS + "lambda/latest/dg/services-sqs-configure.html"),
    Rule("lambda-batch-window", _MAPPING, check.batch_without_window, _INVALID_LAMBDA,
         "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
         _LAMBDA_API + "API_CreateEventSourceMapping.html"),
    Rule("lambda-source-exists", ("lambda:CreateEventSourceMapping",), partial(
        check.is_missing, kind="queue", path="EventSourceArn", within=r"(arn:[\w-]+:sqs:.*)"), _INVALID_LAMBDA,
         "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The "
         "specified queue does not exist.", _DOCS + "lambda/latest/dg/with-sqs.html"),
    Rule("lambda-reserved-variables", _FUNCTION, partial(check.reserved_variables, names=_RESERVED_VARIABLES), _INVALID_LAMBDA,
         "Lambda was unable to configure your environment variables because the environment variables you have provided contains "
         "reserved keys that are currently not supported for modification. Reserved keys used in this request: {names}",
         _DOCS + "lambda/latest/dg/configuration-envvars.html"),
    Rule("lambda-environment-size", _FUNCTION, partial(check.long_environment, most=4096), _INVALID_LAMBDA,
         "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded "
         "the 4KB limit.", _DOCS + "lambda/latest/dg/troubleshooting-deployment.html"),
    Rule("lambda-unreserved-concurrency", ("lambda:PutFunctionConcurrency",), partial(
        check.too_much_concurrency, account_has=1000, left=100), _INVALID_LAMBDA,
         "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum "
         "value of [100].", _DOCS + "lambda/latest/dg/configuration-concurrency.html"),
    Rule("lambda-permission-principal", ("lambda:AddPermission", "AWS::Lambda::Permission"), partial(
        check.is_missing, kind="role", path="Principal", within=r"arn:[\w-]+:iam::\d{12}:role/(?:.*/)?([^/]+)"), _INVALID_LAMBDA,
         "The provided principal was invalid. Please check the principal and try again.",
         "https://github.com/hashicorp/terraform-provider-aws/issues/41617"),
    # -------------------------------------------------------------------------------------- logs, metrics
    Rule("logs-reserved-name", ("logs:CreateLogGroup",), partial(check.like, path="logGroupName", pattern=r"(?i)aws/.*"),
         "InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS.",
         "https://github.com/aws-solutions/application-monitoring-with-amazon-cloudwatch/issues/11"),
    Rule("logs-reserved-name", ("AWS::Logs::LogGroup",), partial(check.like, path="LogGroupName", pattern=r"(?i)aws/.*"),
         "InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS.",
         "https://github.com/aws-solutions/application-monitoring-with-amazon-cloudwatch/issues/11"),
    Rule("logs-retention", ("AWS::Logs::LogGroup",), partial(check.one_of, path="RetentionInDays", allowed=(
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)),
         "InvalidParameterException", "1 validation error detected: Value '{value}' at 'retentionInDays' failed to satisfy constraint",
         _DOCS + "AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"),
    Rule("alarm-period", ("cloudwatch:PutMetricAlarm", "AWS::CloudWatch::Alarm"), partial(
        check.one_of, path="Period", allowed=(10, 20, 30), multiple_of=60), "ValidationError",
         "Metric period must be 10, 20, 30 or a multiple of 60", _DOCS + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"),
    Rule("alarm-metric", ("cloudwatch:PutMetricAlarm", "AWS::CloudWatch::Alarm"),
         lambda subject: check.lacks_all(subject, "MetricName", "Metrics", "EvaluationCriteria"), "ValidationError",
         "Exactly one of MetricName and Metrics must be specified",
         _DOCS + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"),
    Rule("dashboard-body", ("cloudwatch:PutDashboard", "AWS::CloudWatch::Dashboard"), partial(check.not_a_json_object, path="DashboardBody"),
         "InvalidParameterInput", "The field DashboardBody must be a valid JSON object",
         _DOCS + "AmazonCloudWatch/latest/APIReference/API_PutDashboard.html"),
    # --------------------------------------------------------------------------------------- EventBridge
    Rule("events-pattern-size", ("events:PutRule", "AWS::Events::Rule"), partial(check.long_pattern, most=2048), "LimitExceededException",
         "The requested resource exceeds the maximum number allowed: the event pattern has more than {most} characters",
         _DOCS + "eventbridge/latest/userguide/eb-quota.html", handler="ServiceLimitExceeded"),
    Rule("events-targets", ("events:PutTargets", "AWS::Events::Rule"), partial(check.too_many_targets, most=5), "LimitExceededException",
         "The requested resource exceeds the maximum number allowed.", "https://github.com/aws-cloudformation/cfn-lint/issues/306",
         handler="ServiceLimitExceeded"),
    Rule("events-needs-a-pattern", ("events:PutRule", "AWS::Events::Rule"),
         lambda subject: check.lacks_all(subject, "EventPattern", "ScheduleExpression"), "ValidationException",
         "Parameter(s) EventPattern or ScheduleExpression must be specified.", _DOCS + "eventbridge/latest/APIReference/API_PutRule.html"),
    Rule("events-schedule", ("events:PutRule", "AWS::Events::Rule"), check.wrong_rate, "ValidationException",
         "Parameter ScheduleExpression is not valid.", _DOCS + "eventbridge/latest/userguide/eb-rate-expressions.html"),
    Rule("events-bus-name", ("events:CreateEventBus", "AWS::Events::EventBus"), partial(check.like, path="Name", pattern=r"aws\..*|default|.*/.*"),
         "ValidationException", "Event bus name {value} is reserved or not valid.",
         _DOCS + "eventbridge/latest/APIReference/API_CreateEventBus.html"),
    # ------------------------------------------------------------------------------------------------ IAM
    Rule("iam-managed-size", ("iam:CreatePolicy", "iam:CreatePolicyVersion", "AWS::IAM::ManagedPolicy"),
         partial(check.longer_than, most=6144), "LimitExceeded", "Cannot exceed quota for PolicySize: 6144", _IAM_QUOTAS, 409,
         "ServiceLimitExceeded"),
    Rule("iam-inline-size", ("iam:PutRolePolicy", "AWS::IAM::Role"), partial(check.inline_longer_than, most=10_240), "LimitExceeded",
         "Maximum policy size of 10240 bytes exceeded for role {role}", _IAM_QUOTAS, 409, "ServiceLimitExceeded"),
    Rule("iam-trust-size", _TRUST_POLICY, partial(check.longer_than, most=2048), "LimitExceeded",
         "Cannot exceed quota for ACLSizePerRole: 2048", _IAM_QUOTAS, 409, "ServiceLimitExceeded"),
    Rule("iam-trust-empty", _TRUST_POLICY, check.is_empty_trust, _MALFORMED, "Missing required field Statement",
         _DOCS + "IAM/latest/UserGuide/reference_policies_elements_statement.html"),
    Rule("iam-principal-exists", _TRUST_POLICY, check.unknown_principal, _MALFORMED,
         'Invalid principal in policy: "AWS":"{arn}"', _DOCS + "IAM/latest/UserGuide/troubleshoot_roles.html"),
    Rule("iam-no-principal", _IDENTITY_POLICY, check.has_principal, _MALFORMED, "Policy document should not specify a principal.",
         _DOCS + "IAM/latest/UserGuide/reference_policies_elements_principal.html"),
    Rule("iam-vendor", _IDENTITY_POLICY, check.no_vendor, _MALFORMED,
         "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
         _DOCS + "IAM/latest/UserGuide/reference_policies_elements_action.html"),
    Rule("iam-sid", _IDENTITY_POLICY, check.wrong_sid, _MALFORMED,
         "Statement IDs (SID) in a single policy must be unique, and alpha-numeric: {sid}",
         _DOCS + "IAM/latest/UserGuide/reference_policies_elements_sid.html"),
    # ----------------------------------------------------------------------------------------- CloudTrail
    Rule("trail-name", ("cloudtrail:CreateTrail",), partial(check.unlike, path="Name", pattern=r"(?!.*[._-]{2})[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]"),
         "InvalidTrailNameException", "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), "
         "hyphens (-), and underscores (_).", _DOCS + "awscloudtrail/latest/APIReference/API_CreateTrail.html"),
    Rule("trail-bucket", ("cloudtrail:CreateTrail", "cloudtrail:UpdateTrail"), partial(check.is_missing, kind="bucket", path="S3BucketName"),
         "S3BucketDoesNotExistException", "S3 bucket {name} does not exist!", _DOCS + "awscloudtrail/latest/APIReference/API_CreateTrail.html"),
    # -------------------------------------------------------------------------------------- CloudFormation
    Rule("stack-body-size", ("cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:CreateChangeSet",
                             "cloudformation:ValidateTemplate"),
         lambda subject: {} if len(str(subject.at("TemplateBody") or "").encode()) > 51_200 else None, "ValidationError",
         "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or "
         "equal to 51200", _DOCS + "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"),
)


@functools.lru_cache(maxsize=8192)
def of_kind(kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if any(fnmatch.fnmatchcase(kind, pattern) for pattern in rule.at))


def broken(subject: Subject) -> Iterator[tuple[Rule, str, str]]:
    """The rules that a call or resource breaks, each with the error's code and message."""
    for rule in of_kind(subject.kind):
        found = rule.broken(subject)
        if found is not None:
            code = rule.code.format(**found) or _TAG_ERRORS.get(subject.kind.partition(":")[0], "ValidationException")
            yield rule, code, rule.message.format(**found)
