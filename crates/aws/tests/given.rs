//! EC2's resources that are not visible yet: what their owner gave them with the call stays, whether the
//! record tells of it or not.

mod support;

use serde_json::{Value, json};
use support::{Answer, Aws, answer, case, record};
use tagger_core::{Policy, patience::Guard};

const NO_TAGS: &str = "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>";
const WRITTEN: &str = "<CreateTagsResponse><return>true</return></CreateTagsResponse>";
const INSTANCES: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
    <instanceState><name>pending</name></instanceState><blockDeviceMapping><item><ebs><volumeId>vol-1</volumeId></ebs></item>\
    </blockDeviceMapping></item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
const NO_VOLUME: &str = "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>";
const A_VOLUME: &str = "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet></DescribeVolumesResponse>";
const BOBS_VOLUME: &str = "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId><tagSet><item><key>CreatedBy</key>\
    <value>bob</value></item></tagSet></item></volumeSet></DescribeVolumesResponse>";
const REFUSED: &str = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>";

fn bobs(kind: &str) -> Value {
    let tags = json!([{ "key": "CreatedBy", "value": "bob" }]);
    json!({ "tagSpecificationSet": { "items": [{ "resourceType": kind, "tags": tags }] } })
}

fn run(request: Value, tags: Value) -> Value {
    let mut item = json!({ "instanceId": "i-1", "networkInterfaceSet": { "items": [{ "networkInterfaceId": "eni-1", "tagSet": {} }] } });
    item["tagSet"] = tags;
    record("ec2.amazonaws.com", "RunInstances", request, json!({ "instancesSet": { "items": [item] } }))
}

/// A read that is empty because nothing is visible yet, and a write that finds everything.
#[test]
fn a_tag_that_was_given_with_the_call_is_not_overwritten() {
    let volume =
        |request: Value, response: Value| record("ec2.amazonaws.com", "CreateVolume", request, response);
    let template = || json!({ "items": [{ "key": "aws:ec2launchtemplate:id", "value": "lt-1" }] });
    type Case = (&'static str, Value, Vec<Answer>, &'static str, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        (
            "the request says it",
            volume(bobs("volume"), json!({ "volumeId": "vol-1" })),
            vec![],
            "vol-1 already-tagged",
            &[],
        ),
        (
            "the answer says it",
            volume(
                json!({}),
                json!({ "volumeId": "vol-1", "tagSet": bobs("")["tagSpecificationSet"]["items"][0]["tags"] }),
            ),
            vec![],
            "vol-1 already-tagged",
            &[],
        ),
        (
            "the request says it of the volumes, which are found later",
            run(bobs("volume"), Value::Null),
            vec![answer(&["DescribeTags"], 200, NO_TAGS)],
            "i-1 tagged, eni-1 tagged, vol-1 already-tagged",
            &["DescribeInstances", "DescribeTags", "ResourceId.1=i-1&ResourceId.2=eni-1&Tag"],
        ),
        (
            "a template may have, and the volume is not visible",
            run(json!({}), template()),
            vec![answer(&["DescribeTags"], 200, NO_TAGS), answer(&["DescribeVolumes"], 200, NO_VOLUME)],
            "i-1 tagged, eni-1 tagged, vol-1 not-found",
            &[
                "DescribeInstances",
                "DescribeTags",
                "DescribeVolumes",
                "ResourceId.1=i-1&ResourceId.2=eni-1&Tag",
            ],
        ),
        (
            "a template has",
            run(json!({ "launchTemplate": { "launchTemplateId": "lt-1" } }), Value::Null),
            vec![answer(&["DescribeTags"], 200, NO_TAGS), answer(&["DescribeVolumes"], 200, BOBS_VOLUME)],
            "i-1 tagged, eni-1 tagged, vol-1 already-tagged",
            &[
                "DescribeInstances",
                "Filter.1.Value.1=i-1&Filter.1.Name=instance-id",
                "DescribeTags",
                "DescribeVolumes",
                "ResourceId.1=i-1&ResourceId.2=eni-1&Tag",
            ],
        ),
        (
            "a template has not",
            run(json!({}), template()),
            vec![answer(&["DescribeTags"], 200, NO_TAGS), answer(&["DescribeVolumes"], 200, A_VOLUME)],
            "i-1 tagged, eni-1 tagged, vol-1 tagged",
            &["DescribeInstances", "DescribeTags", "DescribeVolumes", "ResourceId.3=vol-1"],
        ),
        (
            "a template may have, and nobody may look",
            run(json!({}), template()),
            vec![answer(&["DescribeTags"], 200, NO_TAGS), answer(&["DescribeVolumes"], 403, REFUSED)],
            "i-1 tagged, eni-1 tagged, vol-1 denied",
            &[
                "DescribeInstances",
                "DescribeTags",
                "DescribeVolumes",
                "ResourceId.1=i-1&ResourceId.2=eni-1&Tag",
            ],
        ),
        (
            "the usual case needs no further call",
            run(json!({}), Value::Null),
            vec![answer(&["DescribeTags"], 200, NO_TAGS)],
            "i-1 tagged, eni-1 tagged, vol-1 tagged",
            &["DescribeInstances", "DescribeTags", "ResourceId.3=vol-1"],
        ),
    ];
    for (what, record, mut answers, expected, calls) in cases {
        answers
            .extend([answer(&["DescribeInstances"], 200, INSTANCES), answer(&["CreateTags"], 200, WRITTEN)]);
        let aws = Aws::start(answers);
        let policy = Policy::default();
        let case = case(record, &policy, Guard::Strict);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let done = runtime.block_on(tagger_aws::run(&aws.client(), &policy, &[case])).remove(0);
        let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
        let found: Vec<_> =
            done.iter().map(|one| format!("{} {}", name(&one.arn), one.outcome.as_str())).collect();
        let asked = aws.asked.lock().unwrap();
        assert_eq!(found.join(", "), expected, "{what}: {asked:#?}");
        assert_eq!(asked.len(), calls.len(), "{what}: {asked:#?}");
        // What is independent is asked side by side.
        for part in calls {
            assert!(asked.iter().any(|one| one.contains(part)), "{what}: expected {part} in {asked:#?}");
        }
    }
}
