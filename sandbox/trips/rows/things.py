"""IoT: groups and types of things, rules of topics, templates of jobs."""

from ..row import Row

ROWS = (
    Row("iot", "CreateThingGroup", {"thingGroupName": "trip"}, {"AWS::IoT::ThingGroup": "thingGroupArn"}),
    Row("iot", "CreateThingType", {"thingTypeName": "trip"}, {"AWS::IoT::ThingType": "thingTypeArn"}),
    Row("iot", "CreateTopicRule",
        {"ruleName": "trip", "topicRulePayload": {"sql": "SELECT * FROM 'a'", "actions": []}},
        {"AWS::IoT::TopicRule": "=arn:aws:iot:us-east-1:111122223333:rule/trip"}),
    Row("iot", "CreateJobTemplate", {"jobTemplateId": "trip", "description": "trip", "document": "{}"},
        {"AWS::IoT::JobTemplate": "jobTemplateArn"}),
)
