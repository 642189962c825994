//! Apply, against a real HTTP server that answers as AWS does: what is read, what is written, what
//! is left alone.

mod support;

use serde_json::{Value, json};
use support::{Answer, Aws, answer, case, queue, record};
use tagger_aws::Done;
use tagger_core::{Policy, config, patience::Guard};

/// Plans a record and applies it; returns the outcomes, and what was asked.
fn applied(aws: &Aws, policy: &Policy, record: Value) -> (Vec<String>, Vec<String>) {
    let client = aws.client();
    let case = case(record, policy, Guard::None);
    assert!(!case.plan.actions.is_empty(), "{:?}", case.plan.diagnostics);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(tagger_aws::run(&client, policy, &[case])).remove(0);
    let outcomes = done.iter().map(|Done { resource_type, outcome, .. }| {
        format!("{} {}", resource_type.rsplit("::").next().unwrap(), outcome.as_str())
    });
    (outcomes.collect(), std::mem::take(&mut aws.asked.lock().unwrap()))
}

/// In a region in which the call makes a new one.
fn bucket() -> Value {
    let request =
        json!({ "bucketName": "logs", "CreateBucketConfiguration": { "LocationConstraint": "eu-west-1" } });
    record("s3.amazonaws.com", "CreateBucket", request, Value::Null)
}

fn table() -> Value {
    let arn = "arn:aws:dynamodb:us-east-1:111122223333:table/t";
    record(
        "dynamodb.amazonaws.com",
        "CreateTable",
        json!({ "tableName": "t" }),
        json!({ "tableDescription": { "tableArn": arn } }),
    )
}

fn instance() -> Value {
    let item = json!({ "instanceId": "i-1", "networkInterfaceSet": { "items": [{ "networkInterfaceId": "eni-1" }] } });
    record("ec2.amazonaws.com", "RunInstances", json!({}), json!({ "instancesSet": { "items": [item] } }))
}

fn writes(asked: &[String]) -> Vec<&String> {
    let is_write = |text: &&String| {
        ["TagQueue", "Action=CreateTags", "POST /v20180820", "PUT /logs"]
            .iter()
            .any(|word| text.contains(word))
    };
    asked.iter().filter(is_write).filter(|text| !text.contains("ListQueueTags")).collect()
}

fn handed_in() -> Value {
    let request =
        json!({ "networkInterfaceSet": { "items": [{ "networkInterfaceId": "eni-1", "deviceIndex": 0 }] } });
    let mut record = instance();
    record["requestParameters"] = request;
    record
}

const WITH_INTERFACE_AND_VOLUME: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
    <instanceState><name>pending</name></instanceState><blockDeviceMapping><item><ebs><volumeId>vol-1</volumeId></ebs></item>\
    </blockDeviceMapping><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId></item></networkInterfaceSet>\
    </item></instancesSet></item></reservationSet></DescribeInstancesResponse>";
const NO_INSTANCES: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
    <instanceState><name>pending</name></instanceState><rootDeviceType>ebs</rootDeviceType></item></instancesSet></item>\
    </reservationSet></DescribeInstancesResponse>";
const WITH_VOLUME: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>\
    <instanceState><name>pending</name></instanceState><blockDeviceMapping><item><ebs><volumeId>vol-1</volumeId></ebs></item>\
    </blockDeviceMapping></item></instancesSet></item></reservationSet></DescribeInstancesResponse>";

#[test]
fn what_is_read_what_is_written_what_is_left_alone() {
    let keep = Policy::default();
    let overwrite = config::from_toml("[tag]\nexisting = \"overwrite\"\n").unwrap();
    let with_time = config::from_toml("[tags]\nTeam = \"platform\"\n").unwrap();
    let opt_out = config::from_toml("[opt-out]\ntags = [\"auto-tag=off\"]\n").unwrap();
    type Case = (&'static str, Policy, Value, Vec<Answer>, &'static str, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        (
            "no tags yet",
            keep.clone(),
            queue(),
            vec![answer(&["ListQueueTags"], 200, "{}"), answer(&[".TagQueue"], 200, "")],
            "Queue tagged",
            &["\"Tags\":{\"CreatedBy\":\"alice\"}"],
        ),
        (
            "somebody else's name stays",
            keep.clone(),
            queue(),
            vec![answer(&["ListQueueTags"], 200, r#"{"Tags":{"CreatedBy":"carol"}}"#)],
            "Queue already-tagged",
            &[],
        ),
        (
            "a further tag that is there stays",
            with_time,
            queue(),
            vec![
                answer(&["ListQueueTags"], 200, r#"{"Tags":{"Team":"x"}}"#),
                answer(&[".TagQueue"], 200, ""),
            ],
            "Queue tagged",
            &["\"Tags\":{\"CreatedBy\":\"alice\"}"],
        ),
        (
            "tags that may not be read are not written",
            keep.clone(),
            queue(),
            vec![answer(
                &["ListQueueTags"],
                400,
                r#"{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"no"}"#,
            )],
            "Queue denied",
            &[],
        ),
        (
            "an answer that is no object is not empty",
            keep.clone(),
            queue(),
            vec![answer(&["ListQueueTags"], 200, "[]")],
            "Queue failed",
            &[],
        ),
        (
            "a tag of the resource opts it out",
            opt_out.clone(),
            queue(),
            vec![answer(&["ListQueueTags"], 200, r#"{"Tags":{"auto-tag":"off"}}"#)],
            "Queue left-alone",
            &[],
        ),
        (
            "a tag of another value does not",
            opt_out.clone(),
            queue(),
            vec![
                answer(&["ListQueueTags"], 200, r#"{"Tags":{"auto-tag":"on"}}"#),
                answer(&[".TagQueue"], 200, ""),
            ],
            "Queue tagged",
            &["\"Tags\":{\"CreatedBy\":\"alice\"}"],
        ),
        (
            "what may not be overwritten is asked for",
            config::from_toml("[tag]\nexisting = \"overwrite\"\n[opt-out]\ntags = [\"Owner\"]\n").unwrap(),
            queue(),
            vec![answer(&["ListQueueTags"], 200, r#"{"Tags":{"Owner":"x","CreatedBy":"carol"}}"#)],
            "Queue left-alone",
            &[],
        ),
        (
            "what may be overwritten is overwritten",
            config::from_toml("[tag]\nexisting = \"overwrite\"\n[opt-out]\ntags = [\"Owner\"]\n").unwrap(),
            queue(),
            vec![
                answer(&["ListQueueTags"], 200, r#"{"Tags":{"CreatedBy":"carol"}}"#),
                answer(&[".TagQueue"], 200, ""),
            ],
            "Queue tagged",
            &["\"Tags\":{\"CreatedBy\":\"alice\"}"],
        ),
        (
            "overwrite asks nothing",
            overwrite.clone(),
            queue(),
            vec![answer(&[".TagQueue"], 200, "")],
            "Queue tagged",
            &["\"Tags\":{\"CreatedBy\":\"alice\"}"],
        ),
        (
            "a throttled call is tried again",
            overwrite,
            queue(),
            vec![
                Answer {
                    words: &[".TagQueue"],
                    times: 2,
                    status: 400,
                    body: r#"{"__type":"ThrottlingException"}"#,
                },
                answer(&[".TagQueue"], 200, ""),
            ],
            "Queue tagged",
            &["TagQueue", "TagQueue", "TagQueue"],
        ),
        (
            "a bucket, additively",
            keep.clone(),
            bucket(),
            vec![
                answer(
                    &["GET /v20180820/tags/"],
                    200,
                    "<ListTagsForResourceResult><Tags/></ListTagsForResourceResult>",
                ),
                answer(&["POST /v20180820/tags/"], 204, ""),
            ],
            "Bucket tagged",
            &["<Tags><Tag><Key>CreatedBy</Key><Value>alice</Value></Tag></Tags>"],
        ),
        (
            "a write that a proxy answers with its page has written nothing",
            keep.clone(),
            bucket(),
            vec![
                answer(
                    &["GET /v20180820/tags/"],
                    200,
                    "<ListTagsForResourceResult><Tags/></ListTagsForResourceResult>",
                ),
                answer(&["POST /v20180820/tags/"], 200, "<html><body>Sign in</body></html>"),
            ],
            "Bucket failed",
            &["/v20180820/"],
        ),
        (
            "an answer that was cut short is not empty",
            keep.clone(),
            bucket(),
            vec![answer(&["GET /v20180820/tags/"], 200, "<ListTagsForResourceResult><Tags>")],
            "Bucket failed",
            &[],
        ),
        (
            "a bucket without S3 Control: read, merge, write",
            keep.clone(),
            bucket(),
            vec![
                answer(&["/v20180820/"], 405, "<Error><Code>MethodNotAllowed</Code></Error>"),
                answer(
                    &["GET /logs?tagging"],
                    200,
                    "<Tagging><TagSet><Tag><Key>Team</Key><Value>a&amp;b</Value></Tag></TagSet></Tagging>",
                ),
                answer(&["PUT /logs?tagging"], 204, ""),
            ],
            "Bucket tagged",
            &["<Key>Team</Key><Value>a&amp;b</Value></Tag><Tag><Key>CreatedBy</Key><Value>alice</Value>"],
        ),
        (
            "a page of HTML is not an empty set",
            keep.clone(),
            bucket(),
            vec![
                answer(&["/v20180820/"], 501, "<Error><Code>NotImplemented</Code></Error>"),
                answer(&["GET /logs?tagging"], 200, "<html><body>Welcome</body></html>"),
            ],
            "Bucket failed",
            &[],
        ),
        (
            "a queue behind a proxy that answers with HTML is not written",
            keep.clone(),
            queue(),
            vec![answer(&["ListQueueTags"], 200, "<html/>")],
            "Queue failed",
            &[],
        ),
        (
            "the creator stands on the second page",
            keep.clone(),
            table(),
            vec![
                answer(
                    &["ListTagsOfResource", "NextToken"],
                    200,
                    r#"{"Tags":[{"Key":"CreatedBy","Value":"bob"}]}"#,
                ),
                answer(
                    &["ListTagsOfResource"],
                    200,
                    r#"{"Tags":[{"Key":"Team","Value":"x"}],"NextToken":"t"}"#,
                ),
            ],
            "Table already-tagged",
            &[],
        ),
        (
            "a page that leads to itself is not the last",
            keep.clone(),
            table(),
            vec![answer(&["ListTagsOfResource"], 200, r#"{"Tags":[],"NextToken":"t"}"#)],
            "Table failed",
            &[],
        ),
        (
            "only NoSuchTagSet is an empty set",
            keep.clone(),
            bucket(),
            vec![
                answer(&["/v20180820/"], 405, "<Error><Code>MethodNotAllowed</Code></Error>"),
                answer(&["GET /logs?tagging"], 404, "<Error><Code>NoSuchTagSet</Code></Error>"),
                answer(&["PUT /logs?tagging"], 204, ""),
            ],
            "Bucket tagged",
            &["<TagSet><Tag><Key>CreatedBy</Key>"],
        ),
        (
            "a bucket whose tags may not be read is not written",
            keep.clone(),
            bucket(),
            vec![
                answer(&["/v20180820/"], 405, "<Error><Code>MethodNotAllowed</Code></Error>"),
                answer(&["GET /logs?tagging"], 403, "<Error><Code>AccessDenied</Code></Error>"),
            ],
            "Bucket denied",
            &[],
        ),
        (
            "an instance, its volume and its interface in one call",
            keep.clone(),
            instance(),
            vec![
                answer(&["DescribeInstances"], 200, WITH_VOLUME),
                answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
                answer(
                    &["CreateTags"],
                    200,
                    "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
                ),
            ],
            "Instance tagged, NetworkInterface tagged, Volume tagged",
            &["ResourceId.1=i-1&ResourceId.2=eni-1&ResourceId.3=vol-1"],
        ),
        (
            "an interface that has its creator keeps it",
            keep.clone(),
            instance(),
            vec![
                answer(&["DescribeInstances"], 200, WITH_VOLUME),
                answer(
                    &["DescribeTags"],
                    200,
                    "<DescribeTagsResponse><tagSet><item><resourceId>eni-1</resourceId><key>CreatedBy</key><value>carol</value>\
                     </item></tagSet></DescribeTagsResponse>",
                ),
                answer(
                    &["CreateTags"],
                    200,
                    "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
                ),
            ],
            "Instance tagged, NetworkInterface already-tagged, Volume tagged",
            &["ResourceId.1=i-1&ResourceId.2=vol-1&"],
        ),
        (
            "a volume that is not visible yet fails, and the instance is tagged all the same",
            keep.clone(),
            instance(),
            vec![
                answer(&["DescribeInstances"], 200, NO_INSTANCES),
                answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
                answer(
                    &["CreateTags"],
                    200,
                    "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
                ),
            ],
            "Instance tagged, NetworkInterface tagged, Volume not-ready",
            &["ResourceId.1=i-1&ResourceId.2=eni-1&"],
        ),
        (
            "an interface that was handed in is left alone, and holds up nothing",
            keep.clone(),
            handed_in(),
            vec![
                answer(&["DescribeInstances"], 200, WITH_INTERFACE_AND_VOLUME),
                answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
                answer(
                    &["CreateTags"],
                    200,
                    "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
                ),
            ],
            "Instance tagged, Volume tagged",
            &["ResourceId.1=i-1&ResourceId.2=vol-1&"],
        ),
        (
            "one denied id does not spoil the others",
            keep.clone(),
            instance(),
            vec![
                answer(&["DescribeInstances"], 200, WITH_VOLUME),
                answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
                answer(
                    &["CreateTags", "vol-1"],
                    403,
                    "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>",
                ),
                answer(
                    &["CreateTags"],
                    200,
                    "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
                ),
            ],
            "Instance tagged, NetworkInterface tagged, Volume denied",
            &["ResourceId.3=vol-1", "ResourceId.1=i-1&ResourceId.2=eni-1&Tag", "ResourceId.1=vol-1&Tag"],
        ),
        (
            "one bad id that the error names does not spoil the others, and is not asked again",
            keep.clone(),
            instance(),
            vec![
                answer(&["DescribeInstances"], 200, WITH_VOLUME),
                answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
                answer(
                    &["CreateTags", "eni-1"],
                    400,
                    "<Response><Errors><Error><Code>InvalidNetworkInterfaceID.NotFound</Code>\
                     <Message>The networkInterface ID 'eni-1' does not exist</Message></Error></Errors></Response>",
                ),
                answer(
                    &["CreateTags"],
                    200,
                    "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
                ),
            ],
            "Instance tagged, NetworkInterface not-found, Volume tagged",
            &["ResourceId.3=vol-1", "ResourceId.1=i-1&ResourceId.2=vol-1&Tag"],
        ),
        (
            "one bad id does not spoil the others",
            keep,
            instance(),
            vec![
                answer(&["DescribeInstances"], 200, WITH_VOLUME),
                answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
                answer(
                    &["CreateTags", "vol-1"],
                    400,
                    "<Response><Errors><Error><Code>InvalidVolume.NotFound</Code></Error></Errors></Response>",
                ),
                answer(
                    &["CreateTags"],
                    200,
                    "<CreateTagsResponse><return>true</return></CreateTagsResponse>",
                ),
            ],
            "Instance tagged, NetworkInterface tagged, Volume not-found",
            &["ResourceId.3=vol-1", "ResourceId.1=i-1&ResourceId.2=eni-1&Tag", "ResourceId.1=vol-1&Tag"],
        ),
    ];
    for (what, policy, record, answers, expected, written) in cases {
        let (outcomes, asked) = applied(&Aws::start(answers), &policy, record);
        assert_eq!(outcomes.join(", "), expected, "{what}: {asked:#?}");
        let writes = writes(&asked);
        assert_eq!(writes.len(), written.len(), "{what}: {asked:#?}");
        // What is independent is written side by side.
        for part in written {
            assert!(
                writes.iter().any(|write| write.contains(part)),
                "{what}: expected {part} in {writes:#?}"
            );
        }
    }
}

#[test]
fn applying_twice_changes_nothing_the_second_time() {
    let aws = Aws::start(vec![
        Answer { words: &["ListQueueTags"], times: 1, status: 200, body: "{}" },
        Answer { words: &[".TagQueue"], times: 1, status: 200, body: "" },
        answer(&["ListQueueTags"], 200, r#"{"Tags":{"CreatedBy":"alice"}}"#),
    ]);
    assert_eq!(applied(&aws, &Policy::default(), queue()).0, ["Queue tagged"]);
    let (outcomes, asked) = applied(&aws, &Policy::default(), queue());
    assert_eq!(outcomes, ["Queue already-tagged"]);
    assert!(writes(&asked).is_empty(), "{asked:#?}");
}
