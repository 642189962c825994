"""Which calls are data events: CloudTrail's management trail does not have them, so they are not recorded.

Without this the recorder would feed itself: a rule that matches everything, with a queue as target and a
reader, would record each ReceiveMessage, which makes the next event.
"""

from __future__ import annotations

# docs: cloudtrail "Logging data events", and the CloudTrail page of each service.
DATA_OPERATIONS = {
    "sqs": {"SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch",
            "ChangeMessageVisibility", "ChangeMessageVisibilityBatch"},
    "sns": {"Publish", "PublishBatch"},
    "dynamodb": {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem",
                 "TransactGetItems", "TransactWriteItems", "ExecuteStatement", "BatchExecuteStatement",
                 "ExecuteTransaction"},
    "dynamodbstreams": {"GetRecords", "GetShardIterator"},
    "kinesis": {"PutRecord", "PutRecords", "GetRecords", "GetShardIterator", "SubscribeToShard"},
    "firehose": {"PutRecord", "PutRecordBatch"},
    "lambda": {"Invoke", "InvokeAsync", "InvokeWithResponseStream"},
    "logs": {"PutLogEvents", "GetLogEvents", "FilterLogEvents", "GetLogRecord", "StartLiveTail"},
    "cloudwatch": {"PutMetricData", "GetMetricData", "GetMetricStatistics", "GetMetricWidgetImage"},
    "events": {"PutEvents"},
    "stepfunctions": {"StartSyncExecution", "SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat",
                      "GetActivityTask"},
    "servicediscovery": {"DiscoverInstances", "DiscoverInstancesRevision"},
    "ses": {"SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkTemplatedEmail"},
    "sesv2": {"SendEmail", "SendBulkEmail"},
    "cognito-identity": {"GetId", "GetCredentialsForIdentity", "GetOpenIdToken"},
    "xray": {"PutTraceSegments", "PutTelemetryRecords"},
    "ecr": {"BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"},
    "ssm": {"PutComplianceItems", "UpdateInstanceInformation", "PutInventory"},
    "ssmmessages": {"*"},
}
# Whole services that only carry data.
DATA_SERVICES = ("-runtime", "-data", "runtime", "apigatewaymanagementapi", "iot-jobs-data", "mediastore-data",
                 "cloudsearchdomain", "kinesis-video-media", "sagemaker-metrics", "personalize-events", "sdb", "ebs")
# S3: everything that names an object, and these calls on a bucket. docs: s3 "CloudTrail object-level actions"
S3_BUCKET_DATA = frozenset({"DeleteObjects", "ListObjects", "ListObjectsV2", "ListObjectVersions",
                            "ListMultipartUploads", "HeadBucket", "CreateSession", "WriteGetObjectResponse"})


def is_data_event(service: str, operation: str, request_uri: str) -> bool:
    if service in DATA_OPERATIONS:
        names = DATA_OPERATIONS[service]
        return operation in names or "*" in names
    if service == "s3":
        return "{Key" in request_uri or operation in S3_BUCKET_DATA
    return service.endswith(DATA_SERVICES)
