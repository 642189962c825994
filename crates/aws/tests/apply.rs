//! Apply, against a real HTTP server that answers as AWS does: what is read, what is written, what
//! is left alone.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::{SdkConfig, region::Region};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tagger_aws::{Client, Done, Job, apply};
use tagger_core::{Policy, Record, attempt::Guard, config, patience::Age, plan};
use tiny_http::{Header, Response, Server};

/// A rule of the server: when a request contains all the words, it answers this, as often as `times` says.
struct Answer {
    words: &'static [&'static str],
    times: usize,
    status: u16,
    body: &'static str,
}

fn answer(words: &'static [&'static str], status: u16, body: &'static str) -> Answer {
    Answer { words, times: usize::MAX, status, body }
}

/// An AWS that answers by rules and remembers what it was asked.
struct Aws {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Aws {
    fn start(mut answers: Vec<Answer>) -> Self {
        let server = Server::http("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.server_addr());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut body = String::new();
                request.as_reader().read_to_string(&mut body).unwrap();
                let target = request.headers().iter().find(|header| header.field.equiv("x-amz-target"));
                let target = target.map(|header| header.value.to_string()).unwrap_or_default();
                let text = format!("{} {} {target} {body}", request.method(), request.url());
                log.lock().unwrap().push(text.clone());
                let rule = answers
                    .iter_mut()
                    .find(|rule| rule.times > 0 && rule.words.iter().all(|word| text.contains(word)));
                let (status, body) = match rule {
                    Some(rule) => {
                        rule.times -= 1;
                        (rule.status, rule.body)
                    }
                    None => (500, "<no rule of the test>"),
                };
                let kind = Header::from_bytes(
                    "content-type",
                    if body.starts_with('<') { "text/xml" } else { "application/json" },
                );
                let _ = request
                    .respond(Response::from_string(body).with_status_code(status).with_header(kind.unwrap()));
            }
        });
        Self { url, asked }
    }

    /// Plans a record and applies it; returns the outcomes, and what was asked.
    fn apply(&self, policy: &Policy, record: Value) -> (Vec<String>, Vec<String>) {
        let config = SdkConfig::builder()
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .build();
        let http: SharedHttpClient = aws_smithy_http_client::Builder::new().build_http();
        let client = Client::new(&config, http).unwrap();
        let record = Record::new(record);
        let plan = plan(&record, policy, None);
        assert!(!plan.actions.is_empty(), "{:?}", plan.diagnostics);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let age = Age { event: 0, waited: 0 };
        let job = Job { plan: &plan, record: &record, event_time: None, age, guard: Guard::None };
        let done = runtime.block_on(apply(&client, &[job])).remove(0);
        let outcomes = done.iter().map(|Done { resource_type, outcome, .. }| {
            format!("{} {}", resource_type.rsplit("::").next().unwrap(), outcome.as_str())
        });
        (outcomes.collect(), std::mem::take(&mut self.asked.lock().unwrap()))
    }
}

fn record(source: &str, name: &str, request: Value, response: Value) -> Value {
    json!({
        "eventSource": source, "eventName": name, "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        "requestParameters": request, "responseElements": response,
    })
}

fn queue() -> Value {
    let url = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";
    record("sqs.amazonaws.com", "CreateQueue", json!({ "queueName": "jobs" }), json!({ "queueUrl": url }))
}

fn bucket() -> Value {
    record("s3.amazonaws.com", "CreateBucket", json!({ "bucketName": "logs" }), Value::Null)
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
            &[
                "POST /v20180820",
                "<Key>Team</Key><Value>a&amp;b</Value></Tag><Tag><Key>CreatedBy</Key><Value>alice</Value>",
            ],
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
            &["POST /v20180820", "<TagSet><Tag><Key>CreatedBy</Key>"],
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
            "Volume not-ready, Instance tagged, NetworkInterface tagged",
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
            &[
                "ResourceId.3=vol-1",
                "ResourceId.1=i-1&Tag",
                "ResourceId.1=eni-1&Tag",
                "ResourceId.1=vol-1&Tag",
            ],
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
            &[
                "ResourceId.3=vol-1",
                "ResourceId.1=i-1&Tag",
                "ResourceId.1=eni-1&Tag",
                "ResourceId.1=vol-1&Tag",
            ],
        ),
    ];
    for (what, policy, record, answers, expected, written) in cases {
        let (outcomes, asked) = Aws::start(answers).apply(&policy, record);
        assert_eq!(outcomes.join(", "), expected, "{what}: {asked:#?}");
        let writes = writes(&asked);
        assert_eq!(writes.len(), written.len(), "{what}: {asked:#?}");
        for (write, part) in writes.iter().zip(written) {
            assert!(write.contains(part), "{what}: expected {part} in {write}");
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
    assert_eq!(aws.apply(&Policy::default(), queue()).0, ["Queue tagged"]);
    let (outcomes, asked) = aws.apply(&Policy::default(), queue());
    assert_eq!(outcomes, ["Queue already-tagged"]);
    assert!(writes(&asked).is_empty(), "{asked:#?}");
}
