"""Queues, topics, events, schedules, workflows, streams."""

from ..row import Row

ROLE = "$role.Role.Arn"
MACHINE = '{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}'

ROWS = (
    Row("sns", "CreateTopic", {"Name": "trip"}, {"AWS::SNS::Topic": "TopicArn"}, name="topic"),
    Row("sqs", "CreateQueue", {"QueueName": "trip"}, {"AWS::SQS::Queue": "QueueUrl"}, name="queue"),
    Row("events", "CreateEventBus", {"Name": "trip"}, {"AWS::Events::EventBus": "EventBusArn"}),
    Row("events", "PutRule", {"Name": "trip", "ScheduleExpression": "rate(1 day)"}, {"AWS::Events::Rule": "RuleArn"}),
    Row("scheduler", "CreateScheduleGroup", {"Name": "trip"}, {"AWS::Scheduler::ScheduleGroup": "ScheduleGroupArn"}),
    Row("pipes", "CreatePipe",
        {"Name": "trip", "Source": "arn:aws:sqs:us-east-1:111122223333:trip", "Target": "$topic.TopicArn",
         "RoleArn": ROLE}, {"AWS::Pipes::Pipe": "Arn"}),
    Row("stepfunctions", "CreateStateMachine", {"name": "trip", "definition": MACHINE, "roleArn": ROLE},
        {"AWS::StepFunctions::StateMachine": "stateMachineArn"}),
    Row("stepfunctions", "CreateActivity", {"name": "trip"}, {"AWS::StepFunctions::Activity": "activityArn"}),
    Row("firehose", "CreateDeliveryStream",
        {"DeliveryStreamName": "trip", "ExtendedS3DestinationConfiguration": {
            "RoleARN": ROLE, "BucketARN": "arn:aws:s3:::trip-bucket"}},
        {"AWS::KinesisFirehose::DeliveryStream": "=trip"}),
    Row("kafka", "CreateCluster",
        {"ClusterName": "trip", "KafkaVersion": "3.5.1", "NumberOfBrokerNodes": 2, "BrokerNodeGroupInfo": {
            "ClientSubnets": ["$subnet.Subnet.SubnetId", "$subnet2.Subnet.SubnetId"],
                "InstanceType": "kafka.m5.large"}},
        {"AWS::MSK::Cluster": "ClusterArn"}),
    Row("kafka", "CreateClusterV2",
        {"ClusterName": "trip2", "Serverless": {"VpcConfigs": [{"SubnetIds": ["$subnet.Subnet.SubnetId"]}]}},
        {"AWS::MSK::Cluster": "ClusterArn"}),
    Row("mq", "CreateBroker",
        {"BrokerName": "trip", "HostInstanceType": "mq.t3.micro", "DeploymentMode": "SINGLE_INSTANCE",
         "EngineType": "ActiveMQ", "EngineVersion": "5.18", "PubliclyAccessible": False,
             "AutoMinorVersionUpgrade": True,
         "Users": [{"Username": "admin", "Password": "trip-password-1"}]},
        {"AWS::AmazonMQ::Broker": "BrokerArn"}),
    Row("mq", "CreateConfiguration", {"Name": "trip", "EngineType": "ActiveMQ", "EngineVersion": "5.18"},
        {"AWS::AmazonMQ::Configuration": "Arn"}),
    Row("logs", "PutDeliverySource",
        {"name": "trip", "resourceArn": "arn:aws:cloudfront::111122223333:distribution/E123456789ABCD",
         "logType": "ACCESS_LOGS"}),
    Row("logs", "PutDeliveryDestination",
        {"name": "trip", "deliveryDestinationConfiguration": {"destinationResourceArn": "arn:aws:s3:::trip-bucket"}},
        name="deliverydestination"),
    Row("logs", "CreateDelivery",
        {"deliverySourceName": "trip", "deliveryDestinationArn": "$deliverydestination.deliveryDestination.arn"},
        {"AWS::Logs::Delivery": "delivery.arn"}),
    Row("osis", "CreatePipeline",
        {"PipelineName": "trip", "MinUnits": 1, "MaxUnits": 2, "PipelineConfigurationBody": 'version: "2"\n'},
        {"AWS::OSIS::Pipeline": "Pipeline.PipelineArn"}),
    Row("sesv2", "CreateContactList", {"ContactListName": "trip"},
        {"AWS::SES::ContactList": "=arn:aws:ses:us-east-1:111122223333:contact-list/trip"}),
    Row("connect", "CreateInstance",
        {"IdentityManagementType": "CONNECT_MANAGED", "InstanceAlias": "trip", "InboundCallsEnabled": True,
         "OutboundCallsEnabled": False}, {"AWS::Connect::Instance": "Arn"}),
)
