//! The rule that tells of changes of the product's own parts, and who may use its queues: what `templates/*.yaml` have of it
//! more than once.
//!
//! The members are those of CloudTrail's records (`requestParameters` of each service's calls); the names are the templates'.

use serde_json::{Value, json};

/// CloudFormation's address in the records of what it calls for a stack:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
const BY_STACK: &str = "cloudformation.amazonaws.com";

/// The calls on a queue that put in and take out.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>
pub const QUEUE_ACTIONS: &str = r#"["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:PurgeQueue"]"#;

/// Who may: the account's root user, the function's role and the operators.
pub const QUEUE_USERS: &str = "!Split [\",\", !Join [\"\", [!Sub \"arn:${AWS::Partition}:iam::${AWS::AccountId}:root,${Role.Arn}\", !If [HasQueueOperators, !Sub \",${QueueOperators}\", \"\"]]]]";

/// The same where there is no function.
pub const QUEUE_USERS_HERE: &str = "!Split [\",\", !Join [\"\", [!Sub \"arn:${AWS::Partition}:iam::${AWS::AccountId}:root\", !If [HasQueueOperators, !Sub \",${QueueOperators}\", \"\"]]]]";

/// The pattern, in the home region, or in another one, which sends its own events there.
pub fn pattern(elsewhere: bool) -> Value {
    let request = |member: &str, tests: Value| json!({ "requestParameters": { member: tests } });
    let functions = json!([{ "prefix": "auto-resource-tagger" }, { "wildcard": "*:auto-resource-tagger*" }]);
    let rules = json!([{ "prefix": "auto-tag-create-resources" }, { "prefix": "auto-resource-tagger-" }]);
    let queues = ["retry", "dead-letters", "undelivered", "events", "tag-changes"]
        .map(|name| json!({ "suffix": format!("/auto-resource-tagger-{name}") }));
    let arns = json!([{ "wildcard": "*:auto-resource-tagger-*" }]);
    let alarms = json!([{ "prefix": "auto-resource-tagger-" }]);
    let mut pattern = json!({
        "account": [{ "Ref": "AWS::AccountId" }],
        "source": [{ "prefix": "aws." }],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "errorCode": [{ "exists": false }],
            "readOnly": [false],
            "sourceIPAddress": [{ "anything-but": [BY_STACK] }],
            // It writes its log, and its marks on its own functions.
            "userIdentity": { "arn": [{ "anything-but": { "wildcard": "*:assumed-role/AutoResourceTaggerRole*" } }] },
            "$or": [
                request("functionName", functions),
                // A mapping is changed by its id.
                { "responseElements": { "functionArn": arns_of_functions() } },
                request("resource", arns_of_functions()),
                request("name", rules.clone()),
                request("rule", rules),
                request("roleName", json!([{ "prefix": "AutoResourceTagger" }])),
                request("policyArn", json!([{ "wildcard": "*:policy/AutoResourceTagger*" }])),
                request("queueUrl", json!(queues)),
                request("topicArn", arns.clone()),
                request("subscriptionArn", arns),
                request("alarmNames", alarms.clone()),
                request("alarmName", alarms),
                request("logGroupName", json!([{ "prefix": "/aws/lambda/auto-resource-tagger" }])),
                request("bucketName", json!([{ "prefix": "auto-resource-tagger-" }, { "prefix": "cloudtrail-logs-" }])),
                {
                    "eventName": ["ExecuteChangeSet", "UpdateStack", "DeleteStack"],
                    "requestParameters": { "stackName": [{ "wildcard": "*auto-resource-tagger*" }] },
                },
            ],
        },
    });
    if elsewhere {
        pattern["region"] = json!([{ "Ref": "AWS::Region" }]);
    }
    pattern
}

fn arns_of_functions() -> Value {
    json!([{ "wildcard": "*:function:auto-resource-tagger*" }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits() {
        // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
        let size = pattern(true).to_string().len();
        assert!(size < 2_000, "{size} characters, EventBridge takes 2,048");
    }
}
