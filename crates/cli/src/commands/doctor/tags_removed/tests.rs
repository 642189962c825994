//! Which calls may have taken the tag away, and what is concluded from what their resources say.

use super::*;
use serde_json::json;

const TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io)";

fn record(source: &str, name: &str, parameters: Value, agent: &str) -> Record {
    Record::new(
        json!({"eventVersion": "1.08", "eventName": name, "eventSource": format!("{source}.amazonaws.com"),
        "userAgent": agent, "requestParameters": parameters, "readOnly": false, "eventTime": "2026-11-24T08:30:00Z",
        "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob", "userName": "bob", "accountId": "111122223333"}}),
    )
}

#[test]
fn which_calls_may_have_taken_it_away() {
    use Did::{Named, Replaced};
    let arn = "arn:aws:lambda:us-east-1:111122223333:function:f";
    let bucket = |key: &str| json!({"bucketName": "b", "tagging": "", "Tagging": {"TagSet": {"Tag": {"Key": key, "Value": "x"}}}});
    for (what, source, name, parameters, expected) in [
        (
            "our key",
            "sqs",
            "UntagQueue",
            json!({"queueUrl": "https://q/b", "tagKeys": ["CreatedBy"]}),
            Some(Named),
        ),
        (
            "our key among others",
            "lambda",
            "UntagResource20170331v2",
            json!({"resource": arn, "tagKeys": ["A", "CreatedBy"]}),
            Some(Named),
        ),
        (
            "keys in one text",
            "sns",
            "UntagResource",
            json!({"resourceArn": arn, "tagKeys": "A,CreatedBy"}),
            Some(Named),
        ),
        (
            "CloudFront's form",
            "cloudfront",
            "UntagResource",
            json!({"resource": arn, "tagKeys": {"items": ["CreatedBy"]}}),
            Some(Named),
        ),
        (
            "EC2's form",
            "ec2",
            "DeleteTags",
            json!({"resourcesSet": {"items": [{"resourceId": "i-1"}]}, "tagSet": {"items": [{"key": "CreatedBy"}]}}),
            Some(Named),
        ),
        (
            "EC2: all tags",
            "ec2",
            "DeleteTags",
            json!({"resourcesSet": {"items": [{"resourceId": "i-1"}]}}),
            Some(Replaced),
        ),
        ("other keys", "sqs", "UntagQueue", json!({"queueUrl": "https://q/b", "tagKeys": ["Team"]}), None),
        (
            "another key with our word as its value",
            "ec2",
            "DeleteTags",
            json!({"tagSet": {"items": [{"key": "Team", "value": "CreatedBy"}]}}),
            None,
        ),
        (
            "Route 53 adds another",
            "route53",
            "ChangeTagsForResource",
            json!({"resourceId": "Z1", "addTags": [{"key": "Team", "value": "x"}]}),
            None,
        ),
        (
            "Route 53 adds ours",
            "route53",
            "ChangeTagsForResource",
            json!({"resourceId": "Z1", "addTags": [{"key": "CreatedBy", "value": "x"}]}),
            None,
        ),
        (
            "Route 53 removes ours",
            "route53",
            "ChangeTagsForResource",
            json!({"resourceId": "Z1", "removeTagKeys": ["CreatedBy"]}),
            Some(Named),
        ),
        ("a bucket's whole set without it", "s3", "PutBucketTagging", bucket("Team"), Some(Replaced)),
        ("a bucket's whole set with it", "s3", "PutBucketTagging", bucket("CreatedBy"), None),
        (
            "a bucket's whole set is removed",
            "s3",
            "DeleteBucketTagging",
            json!({"bucketName": "b", "tagging": ""}),
            Some(Replaced),
        ),
        (
            "a call of that name that adds",
            "sqs",
            "TagQueue",
            json!({"queueUrl": "https://q/b", "tags": {"Team": "x"}}),
            None,
        ),
        ("the queue is deleted", "sqs", "DeleteQueue", json!({"queueUrl": "https://q/CreatedBy"}), None),
    ] {
        let found = removal(&record(source, name, parameters, "aws-cli/2"), "CreatedBy");
        assert_eq!(found.map(|found| found.did), expected, "{what}");
    }
    let untag = json!({"queueUrl": "https://q/b", "tagKeys": ["CreatedBy"]});
    let mut failed = record("sqs", "UntagQueue", untag.clone(), "x").value().clone();
    failed["errorCode"] = "AccessDenied".into();
    assert!(removal(&Record::new(failed), "CreatedBy").is_none(), "a call that failed took nothing away");
    let mut own = record("sqs", "UntagQueue", untag, "x").value().clone();
    own["userIdentity"]["sessionContext"] = json!({"sessionIssuer": {"userName": ROLE}});
    assert!(removal(&Record::new(own), "CreatedBy").is_none(), "the tagger's own call");
}

#[test]
fn the_resource_is_found_by_its_name() {
    let created = |source: &str, name: &str, request: Value, response: Value| {
        let mut value = record(source, name, request, "x").value().clone();
        value["responseElements"] = response;
        plan(&Record::new(value), &Policy::default(), Some("111122223333")).actions.remove(0)
    };
    let url = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";
    let queue = created("sqs", "CreateQueue", json!({"queueName": "jobs"}), json!({"queueUrl": url}));
    let topic_arn = "arn:aws:sns:us-east-1:111122223333:jobs";
    let topic = created("sns", "CreateTopic", json!({"name": "jobs"}), json!({"topicArn": topic_arn}));
    let untag_queue = record("sqs", "UntagQueue", json!({"queueUrl": url, "tagKeys": ["CreatedBy"]}), "x");
    assert_eq!(names(&untag_queue), [url]);
    assert!(is_named(&queue, &names(&untag_queue), "sqs") && !is_named(&topic, &names(&untag_queue), "sqs"));
    let untag_topic =
        record("sns", "UntagResource", json!({"resourceArn": topic_arn, "tagKeys": ["CreatedBy"]}), "x");
    assert!(is_named(&topic, &names(&untag_topic), "sns") && !is_named(&queue, &names(&untag_topic), "sns"));
    // A bucket needs no creation in the history.
    let put = record("s3", "PutBucketTagging", json!({"bucketName": "b-1", "Host": "s3.amazonaws.com"}), "x");
    assert_eq!(bucket(&put, &Policy::default(), "111122223333").unwrap().arn, "arn:aws:s3:::b-1");
}

#[test]
fn what_is_concluded() {
    let finding = |did: Did, agent: &str, now: Now| {
        let parameters =
            json!({"bucketName": "b", "Tagging": {"TagSet": {"Tag": {"Key": "Team", "Value": "x"}}}});
        let record = record("s3", "PutBucketTagging", parameters, agent);
        let removal = Removal { did, who: "bob".to_owned(), at: SystemTime::UNIX_EPOCH, record };
        Finding { removal, resource: "arn:aws:s3:::b".to_owned(), now }
    };
    let missing = Now::Missing { was_there: true };
    let unread = || Now::NotKnown("s3:GetBucketTagging answered AccessDenied".to_owned());
    for (what, findings, more, expected) in [
        ("nothing was seen", vec![], 0, vec![]),
        (
            "a new bucket of Terraform's, tagged after its PutBucketTagging",
            vec![finding(Did::Replaced, TERRAFORM, Now::There)],
            0,
            vec![(Verdict::Ok, "1 call in the event history could have taken CreatedBy away, and did not")],
        ),
        (
            "taken away by Terraform",
            vec![finding(Did::Replaced, TERRAFORM, missing.clone())],
            0,
            vec![(Verdict::Bad, "PutBucketTagging by bob on arn:aws:s3:::b, with Terraform or OpenTofu")],
        ),
        (
            "taken away by a person",
            vec![finding(Did::Named, "aws-cli/2.17", missing.clone())],
            0,
            vec![(Verdict::Warn, "with the user agent aws-cli/2.17")],
        ),
        (
            "nothing shows that it was there",
            vec![finding(Did::Replaced, TERRAFORM, Now::Missing { was_there: false })],
            0,
            vec![(Verdict::Ok, "0 of these resources have it now")],
        ),
        ("deleted since", vec![finding(Did::Named, TERRAFORM, Now::Gone)], 0, vec![(Verdict::Ok, "gone")]),
        (
            "put back",
            vec![finding(Did::Named, TERRAFORM, Now::There)],
            0,
            vec![(Verdict::Info, "is there again")],
        ),
        (
            "could not be asked",
            vec![finding(Did::Named, TERRAFORM, unread())],
            0,
            vec![(Verdict::Unknown, "s3:GetBucketTagging answered AccessDenied")],
        ),
        ("too many", vec![], 3, vec![(Verdict::Unknown, "3 more calls were not looked into")]),
        (
            "two tools",
            vec![
                finding(Did::Named, TERRAFORM, missing.clone()),
                finding(Did::Named, "aws-chalice/1.31", missing),
            ],
            0,
            vec![(Verdict::Bad, "with Terraform"), (Verdict::Bad, "with chalice")],
        ),
    ] {
        let mut found = judge(&findings, more, "CreatedBy");
        found.sort_by_key(|check| !check.message.contains("Terraform"));
        assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
        for (check, (verdict, words)) in found.iter().zip(expected) {
            assert!(check.verdict == verdict && check.message.contains(words), "{what}: {check:?}");
        }
    }
    let taken = judge(&[finding(Did::Named, TERRAFORM, Now::Missing { was_there: true })], 0, "Owner");
    assert!(taken[0].fix.as_deref().is_some_and(|fix| fix.contains("keys = [\"Owner\"]")), "{taken:?}");
}
