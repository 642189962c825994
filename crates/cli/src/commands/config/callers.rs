//! Made-up callers, one of each kind, to show what a configuration does where there are no records yet. Their form is
//! that of CloudTrail's reference; names and accounts are the documentation's.

use serde_json::{Value, json};
use tagger_core::Record;

const ACCOUNT: &str = "111122223333";

/// A record of each caller: all of them made a queue.
pub fn of_each_kind() -> Vec<Record> {
    let session = |role: &str, name: &str| {
        json!({ "type": "AssumedRole", "principalId": format!("AROAEXAMPLEID:{name}"), "accountId": ACCOUNT,
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"),
            "sessionContext": { "sessionIssuer": { "type": "Role", "userName": role, "accountId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}") } } })
    };
    let mut pipeline = session("deploy-shop", "GitHubActions");
    pipeline["sessionContext"]["webIdFederationData"] = json!({
        "federatedProvider": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com") });
    let terraform =
        "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 terraform-provider-aws/5.60.0 aws-sdk-go-v2/1.30.1";
    let callers: [(Value, &str); 9] = [
        (
            session("AWSReservedSSO_AdministratorAccess_0123456789abcdef", "Jane.Doe@example.com"),
            "Mozilla/5.0",
        ),
        (
            json!({ "type": "IAMUser", "userName": "alice", "accountId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:user/ops/alice") }),
            "aws-cli/2.32.10",
        ),
        (session("Developer", "bob"), terraform),
        (session("shop-web", "i-0123456789abcdef0"), "Boto3/1.34.69"),
        (pipeline, terraform),
        (
            json!({ "type": "AWSService", "invokedBy": "autoscaling.amazonaws.com" }),
            "autoscaling.amazonaws.com",
        ),
        (
            json!({ "type": "Root", "accountId": ACCOUNT, "arn": format!("arn:aws:iam::{ACCOUNT}:root") }),
            "Mozilla/5.0",
        ),
        (
            json!({ "type": "FederatedUser", "accountId": ACCOUNT,
                "arn": format!("arn:aws:sts::{ACCOUNT}:federated-user/carol") }),
            "aws-cli/2.32.10",
        ),
        (json!({ "type": "AWSAccount", "accountId": "123456789012" }), "aws-sdk-java/2.20.162"),
    ];
    let record = |(index, (user, agent)): (usize, (Value, &str))| {
        let url = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs-{index}");
        Record::new(json!({
            "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "eventTime": "2026-11-24T08:30:00Z",
            "awsRegion": "eu-west-1", "recipientAccountId": ACCOUNT, "userIdentity": user, "userAgent": agent,
            "eventID": format!("00000000-0000-4000-8000-00000000000{index}"), "sourceIPAddress": "192.0.2.10",
            "requestParameters": { "queueName": format!("jobs-{index}") }, "responseElements": { "queueUrl": url },
        }))
    };
    callers.into_iter().enumerate().map(record).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_core::{Policy, identity::Kind, plan};

    #[test]
    fn every_kind_but_the_unknown_has_a_caller() {
        let plans: Vec<_> =
            of_each_kind().iter().map(|record| plan(record, &Policy::default(), None)).collect();
        assert!(plans.iter().all(|plan| plan.actions.len() == 1), "{plans:?}");
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Unknown) {
            assert!(plans.iter().any(|plan| plan.creator.kind == kind), "{kind:?}");
        }
    }
}
