//! Several records at once, and limits: what goes in one call, and what is not sent.

mod support;

use serde_json::json;
use std::time::{Duration, Instant};
use support::{Aws, answer, queue, record};
use tagger_aws::{Job, apply};
use tagger_core::{Policy, Record, attempt::Guard, patience::Age, plan};

#[test]
fn a_call_that_finds_no_place_in_time_is_throttled_and_not_sent() {
    let aws = Aws::start(vec![answer(&["ListQueueTags"], 200, "{}"), answer(&[".TagQueue"], 200, "")]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (record, policy) = (Record::new(queue()), Policy::default());
    let plan = plan(&record, &policy, None);
    let age = Age { event: 0, waited: 0 };
    let job = Job { plan: &plan, record: &record, event_time: None, age, guard: Guard::Strict };
    for (limited, end, expected, asked) in [
        (true, Some(Instant::now()), "throttled", 0),
        (true, Instant::now().checked_add(Duration::from_secs(600)), "tagged", 3),
        (true, None, "tagged", 3),
        (false, Some(Instant::now()), "tagged", 3),
    ] {
        let client = if limited { aws.client().limited() } else { aws.client() };
        client.set_end(end);
        let done = runtime.block_on(apply(&client, &[job])).remove(0);
        assert_eq!(done[0].outcome.as_str(), expected, "{limited} {end:?}");
        assert_eq!(std::mem::take(&mut *aws.asked.lock().unwrap()).len(), asked, "{limited} {end:?}");
    }
}

#[test]
fn what_aws_takes_in_one_call_goes_in_one_call() {
    let run = |id: &str, user: &str| {
        let mapping = json!({ "items": [{ "ebs": { "volumeId": format!("vol-{id}") } }] });
        let set = json!({ "items": [{ "networkInterfaceId": format!("eni-{id}") }] });
        let item = json!({ "instanceId": id, "networkInterfaceSet": set, "blockDeviceMapping": mapping });
        let response = json!({ "instancesSet": { "items": [item] } });
        let mut record = record("ec2.amazonaws.com", "RunInstances", json!({}), response);
        record["userIdentity"]["userName"] = user.into();
        record["userIdentity"]["arn"] = format!("arn:aws:iam::111122223333:user/{user}").into();
        Record::new(record)
    };
    let aws = Aws::start(vec![
        answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
        answer(&["CreateTags"], 200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>"),
    ]);
    // The last is the first once more: it goes into a call of its own, after what the first one wrote.
    let records: Vec<Record> = [("i-1", "alice"), ("i-2", "alice"), ("i-3", "bob"), ("i-1", "alice")]
        .map(|(id, user)| run(id, user))
        .into();
    let policy = Policy::default();
    let plans: Vec<_> = records.iter().map(|record| plan(record, &policy, None)).collect();
    let age = Age { event: 0, waited: 0 };
    let jobs: Vec<Job> = plans
        .iter()
        .zip(&records)
        .map(|(plan, record)| Job { plan, record, event_time: None, age, guard: Guard::Strict })
        .collect();
    let client = aws.client();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(apply(&client, &jobs));
    let arns: Vec<Vec<_>> = done
        .iter()
        .map(|done| done.iter().map(|one| one.arn.rsplit('/').next().unwrap()).collect())
        .collect();
    assert_eq!(
        arns,
        [
            ["i-1", "eni-i-1", "vol-i-1"],
            ["i-2", "eni-i-2", "vol-i-2"],
            ["i-3", "eni-i-3", "vol-i-3"],
            ["i-1", "eni-i-1", "vol-i-1"]
        ]
    );
    let asked = aws.asked.lock().unwrap();
    let writes: Vec<_> = asked.iter().filter(|text| text.contains("CreateTags")).collect();
    assert_eq!(writes.len(), 3, "{writes:#?}");
    assert!(writes[0].contains("ResourceId.6=vol-i-2&") && writes[0].contains("alice"), "{writes:#?}");
    assert!(writes[1].contains("ResourceId.1=i-3&") && writes[1].contains("bob"), "{writes:#?}");
    assert!(writes[2].contains("ResourceId.1=i-1&") && !writes[2].contains("i-2"), "{writes:#?}");
}

/// EC2's batches do not ask which resource it is, and need not.
#[test]
fn what_ec2_tags_is_addressed_by_an_id() {
    for entry in tagger_catalog::events().iter().flat_map(|event| event.entries) {
        if entry.operation.variant == tagger_catalog::operation::Variant::Ec2 {
            let lifetime = tagger_catalog::lifetime(entry.resource_type);
            assert!(matches!(lifetime, tagger_catalog::Lifetime::Unique), "{}", entry.resource_type);
        }
    }
}
