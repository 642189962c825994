//! Every form in which people have records: two real ones in each of the wrappings, read to the same plans.

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write;
use tagger_core::{Policy, Record, documents::Problem, plan};
use tagger_logs::{
    files::File,
    read::{Reader, Texts},
    top::Top,
    wrappings,
};

/// What was planned, a line a resource, and the places that were no records.
#[derive(Default)]
struct Read {
    plans: Vec<String>,
    wrong: Vec<String>,
}

impl Reader for Read {
    fn glance(&mut self, top: &Top) -> bool {
        self.plans.push(top.code.as_str().to_owned());
        true
    }

    fn item(&mut self, item: Result<Record, Problem>) {
        match item {
            Ok(record) => {
                let plan = plan(&record, &Policy::default(), None);
                let name = plan.creator.name.clone().unwrap_or_default();
                let time = record.text("eventTime").unwrap_or_default().into_owned();
                let rows = plan.actions.iter().map(|action| format!("{name} {} {time}", action.arn));
                self.plans.extend(rows);
                if plan.actions.is_empty() {
                    self.plans.extend(plan.diagnostics.iter().map(|found| found.code.as_str().to_owned()));
                }
            }
            Err(problem) => self.wrong.push(problem.to_string()),
        }
    }

    fn again(&mut self) {
        *self = Self::default();
    }
}

fn read(bytes: Vec<u8>) -> Read {
    let mut read = Read::default();
    let result = Texts::default().read(&File::Held(bytes), &mut wrappings::open, &mut read);
    read.wrong.extend(result.err().map(|error| error.to_string()));
    read
}

fn records() -> [Value; 2] {
    let samples = [
        include_str!("../../../catalog/samples/iam/CreateUser.json"),
        include_str!("../../../catalog/samples/ec2/AllocateAddress.json"),
    ];
    samples.map(|sample| serde_json::from_str::<Value>(sample).unwrap()["record"].take())
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// CSV with one row a record.
fn csv(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(heads).unwrap();
    rows.iter().for_each(|row| csv.write_record(row).unwrap());
    String::from_utf8(csv.into_inner().unwrap()).unwrap()
}

/// A struct as Hive writes it.
fn hive(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let members = map.iter().map(|(name, value)| format!("{}={}", name.to_lowercase(), hive(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The columns of Athena's table, in its order, and a record's cells.
fn athena(record: &Value) -> (Vec<String>, Vec<String>) {
    let members = record.as_object().unwrap().iter();
    let cells = members.map(|(name, value)| {
        let cell = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            value if name == "userIdentity" => hive(value),
            value => value.to_string(),
        };
        (name.to_lowercase(), cell)
    });
    cells.unzip()
}

fn sentinel(record: &Value) -> Value {
    let identity = &record["userIdentity"];
    json!({
        "TimeGenerated": record["eventTime"], "EventSource": record["eventSource"], "EventName": record["eventName"],
        "AWSRegion": record["awsRegion"], "RequestParameters": record["requestParameters"].to_string(),
        "ResponseElements": record["responseElements"].to_string(), "AwsEventId": record["eventID"],
        "UserIdentityType": identity["type"], "UserIdentityPrincipalid": identity["principalId"],
        "UserIdentityArn": identity["arn"], "UserIdentityAccountId": identity["accountId"],
        "UserIdentityUserName": identity["userName"], "ErrorCode": "", "ErrorMessage": "", "ReadOnly": false,
        "RecipientAccountId": record["recipientAccountId"], "Type": "AWSCloudTrail", "SourceSystem": "AWS",
    })
}

fn flat(value: &Value, name: &str, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            flat(value, &name, out);
        }),
        Value::String(text) => out.push((name.to_owned(), text.clone())),
        Value::Null => {}
        other => out.push((name.to_owned(), other.to_string())),
    }
}

/// The wrappings, each with the text of both records in it.
fn wrappings_of(both: &[Value; 2]) -> Vec<(&'static str, Vec<u8>)> {
    let [one, other] = both;
    let texts = both.each_ref().map(Value::to_string);
    let [a, b] = &texts;
    let log = json!({ "Records": both }).to_string();
    let base64 = both.each_ref().map(|record| STANDARD.encode(record.to_string()));
    let log_events: Vec<Value> = texts
        .iter()
        .map(|text| json!({"id": "37", "timestamp": 1_795_509_000_000_u64, "message": text}))
        .collect();
    let subscription =
        json!({"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "g", "logEvents": log_events}).to_string();
    let logs_data = STANDARD.encode(packed(&subscription));
    let event = |detail: &Value| json!({"version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.iam", "account": "111122223333", "region": "us-east-1", "detail": detail});
    let events = both.each_ref().map(event);
    let lookup: Vec<Value> =
        texts.iter().map(|text| json!({"EventId": "1", "CloudTrailEvent": text})).collect();
    let athena_rows = both.each_ref().map(athena);
    let (heads, _) = &athena_rows[0];
    let row_of = |row: &(Vec<String>, Vec<String>)| -> Vec<String> {
        heads
            .iter()
            .map(|head| {
                row.0.iter().position(|one| one == head).map_or(String::new(), |at| row.1[at].clone())
            })
            .collect()
    };
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let var_chars = |cells: &[String]| json!({"Data": cells.iter().map(|cell| json!({"VarCharValue": cell})).collect::<Vec<_>>()});
    let result_set: Vec<Value> =
        std::iter::once(var_chars(&heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>()))
            .chain(athena_rows.iter().map(|row| var_chars(&row_of(row))))
            .collect();
    let lower = |record: &Value| {
        let (names, cells) = athena(record);
        let mut row: serde_json::Map<String, Value> =
            names.into_iter().zip(cells.into_iter().map(Value::String)).collect();
        row.insert("useridentity".to_owned(), record["userIdentity"].clone());
        Value::Object(row)
    };
    let mut flats: [Vec<(String, String)>; 2] = Default::default();
    flat(one, "", &mut flats[0]);
    flat(other, "", &mut flats[1]);
    let mut flat_heads: Vec<String> = flats.iter().flatten().map(|(name, _)| name.clone()).collect();
    flat_heads.sort();
    flat_heads.dedup();
    let flat_rows = flats.each_ref().map(|flat| {
        flat_heads
            .iter()
            .map(|head| {
                flat.iter().find(|(name, _)| name == head).map_or(String::new(), |(_, cell)| cell.clone())
            })
            .collect()
    });
    let flat_heads: Vec<&str> = flat_heads.iter().map(String::as_str).collect();
    let hits: Vec<Value> = texts
        .iter()
        .map(|text| json!({"_index": "x", "_source": {"event": {"original": text}, "message": text}}))
        .collect();
    let sentinel_rows = both.each_ref().map(sentinel);
    let lines = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(log.encode_utf16().flat_map(u16::to_le_bytes));
    let pretty = serde_json::to_string_pretty(&json!({ "Records": both })).unwrap();
    let text_rows = texts.each_ref().map(|text| vec!["2026-11-24".to_owned(), text.clone()]);
    let sqs = |body: &str| json!({"messageId": "1", "eventSource": "aws:sqs", "body": body});
    let kinesis = base64.each_ref().map(|data| json!({"eventSource": "aws:kinesis", "eventName": "aws:kinesis:record", "eventVersion": "1.0", "kinesis": {"data": data, "partitionKey": "1"}}));
    let notification =
        |text: &str| json!({"Type": "Notification", "MessageId": "1", "Message": text}).to_string();
    let mut forms: Vec<(&'static str, Vec<u8>)> = Vec::new();
    let mut form = |name: &'static str, text: String| forms.push((name, text.into_bytes()));
    form("a log file", log.clone());
    form("in pretty print", pretty);
    form("a list", json!(both).to_string());
    form("JSON lines", lines(both));
    form("one after another", format!("{a}{b}"));
    form("a JSON sequence", format!("\u{1e}{a}\n\u{1e}{b}\n"));
    form("a byte order mark", format!("\u{feff}{log}"));
    form("EventBridge events, lines", lines(&events));
    form("EventBridge events, a list", json!(events).to_string());
    form("an archive's PutEvents entries", json!({"Entries": both.each_ref().map(|record| json!({"Source": "aws.iam", "DetailType": "AWS API Call via CloudTrail", "Detail": record.to_string()}))}).to_string());
    form("LookupEvents", json!({ "Events": lookup }).to_string());
    form("events of LookupEvents, lines", lines(&lookup));
    form("SQS", json!({"Records": [sqs(&events[0].to_string()), sqs(b)]}).to_string());
    form(
        "SNS in SQS",
        json!({"Records": [sqs(&notification(&events[0].to_string())), sqs(&notification(b))]}).to_string(),
    );
    form(
        "ReceiveMessage",
        json!({"Messages": [{"MessageId": "1", "Body": a}, {"MessageId": "2", "Body": b}]}).to_string(),
    );
    form("SNS to Lambda", json!({"Records": texts.each_ref().map(|text| json!({"EventSource": "aws:sns", "Sns": {"Message": text}}))}).to_string());
    form("an on-failure destination", lines(&events.each_ref().map(|event| json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event}))));
    form(
        "an on-success destination",
        lines(&events.each_ref().map(
            |event| json!({"version": "1.0", "requestPayload": event, "responsePayload": {"tagged": 1}}),
        )),
    );
    form("CloudWatch Logs, a subscription", json!({"awslogs": {"data": logs_data}}).to_string());
    form("CloudWatch Logs, decoded", subscription.clone());
    form("filter-log-events", json!({"events": log_events, "searchedLogStreams": []}).to_string());
    form("get-log-events", json!({"events": log_events, "nextForwardToken": "f/1"}).to_string());
    form("get-query-results", json!({"results": texts.each_ref().map(|text| json!([{"field": "@timestamp", "value": "2026"}, {"field": "@message", "value": text}]))}).to_string());
    form(
        "Insights' JSON",
        json!(texts.each_ref().map(|text| json!({"@timestamp": "2026", "@message": text}))).to_string(),
    );
    form("Insights' CSV", csv(&["@timestamp", "@message"], &text_rows));
    form(
        "aws logs tail",
        texts
            .each_ref()
            .map(|text| format!("2026-11-24T08:30:00+00:00 111122223333_CloudTrail_us-east-1 {text}"))
            .join("\n"),
    );
    form(
        "syslog",
        texts.each_ref().map(|text| format!("<13>Nov 24 08:30:00 host cloudtrail: {text}")).join("\n"),
    );
    form("Kinesis to Lambda", json!({ "Records": kinesis }).to_string());
    form("GetRecords of Kinesis", json!({"Records": base64.each_ref().map(|data| json!({"SequenceNumber": "1", "Data": data})), "MillisBehindLatest": 0}).to_string());
    form("Kinesis with logs in it", json!({"Records": [{"eventSource": "aws:kinesis", "eventName": "aws:kinesis:record", "kinesis": {"data": logs_data}}]}).to_string());
    form("Firehose's transformation", json!({"invocationId": "1", "records": base64.each_ref().map(|data| json!({"recordId": "1", "data": data}))}).to_string());
    form(
        "Firehose to HTTP",
        json!({"requestId": "1", "timestamp": 1, "records": [{"data": STANDARD.encode(format!("{a}{b}"))}]})
            .to_string(),
    );
    form(
        "PutRecordBatch",
        json!({"DeliveryStreamName": "s", "Records": base64.each_ref().map(|data| json!({"Data": data}))})
            .to_string(),
    );
    form("CloudTrail Lake", json!({"QueryStatus": "FINISHED", "QueryResultRows": texts.each_ref().map(|text| json!([{"eventJson": text}]))}).to_string());
    form("CloudTrail Lake's CSV", csv(&["eventTime", "eventJson"], &text_rows));
    form(
        "PutAuditEvents of Lake",
        json!({"auditEvents": texts.each_ref().map(|text| json!({"id": "1", "eventData": text}))})
            .to_string(),
    );
    form(
        "a search of Elastic",
        json!({"took": 1, "hits": {"total": {"value": 2}, "hits": hits}}).to_string(),
    );
    form("a document of Elastic, lines", lines(&hits));
    form(
        "Kibana's copy",
        lines(
            &texts
                .each_ref()
                .map(|text| json!({"_id": "1", "fields": {"event.original": [text], "event.action": ["X"]}})),
        ),
    );
    form(
        "Filebeat",
        lines(
            &texts
                .each_ref()
                .map(|text| json!({"@timestamp": "2026", "message": text, "input": {"type": "aws-s3"}})),
        ),
    );
    form("Kibana's CSV", csv(&["@timestamp", "event.original"], &text_rows));
    form(
        "Splunk HEC, an object",
        lines(
            &both
                .each_ref()
                .map(|record| json!({"time": 1, "sourcetype": "aws:cloudtrail", "event": record})),
        ),
    );
    form(
        "Splunk HEC, a text",
        lines(
            &texts.each_ref().map(|text| json!({"time": 1, "sourcetype": "aws:cloudtrail", "event": text})),
        ),
    );
    form(
        "Splunk's export",
        lines(&texts.each_ref().map(|text| json!({"preview": false, "result": {"_raw": text, "host": "h"}}))),
    );
    form(
        "Splunk's results",
        json!({"results": texts.each_ref().map(|text| json!({"_raw": text}))}).to_string(),
    );
    form("Splunk's CSV", csv(&["_time", "_raw"], &text_rows));
    form("a flat CSV", csv(&flat_heads, &flat_rows));
    form("Sentinel's rows, lines", lines(&sentinel_rows));
    form("Sentinel's rows, an answer", json!({"value": sentinel_rows}).to_string());
    form("Athena's rows as JSON", lines(&both.each_ref().map(lower)));
    form("Athena's CSV", csv(&heads, &athena_rows.each_ref().map(row_of)));
    form(
        "GetQueryResults of Athena",
        json!({"ResultSet": {"Rows": result_set}, "UpdateCount": 0}).to_string(),
    );
    form("texts in a list", json!(texts).to_string());
    form(
        "whatever somebody else wraps",
        json!({"export": {"pages": [{"items": [one]}, {"items": [{"raw": b}]}]}}).to_string(),
    );
    forms.push(("gzip", packed(&log)));
    forms.push(("two members of gzip", [packed(&format!("{a}\n")), packed(b)].concat()));
    forms.push(("UTF-16", utf16));
    forms
}

#[test]
fn every_form_is_read() {
    let records = records();
    let expected = read(json!({ "Records": &records }).to_string().into_bytes());
    assert_eq!(expected.plans.len(), 2, "{:?}", expected.plans);
    assert!(expected.plans.iter().all(|row| row.contains("arn:aws:")), "{:?}", expected.plans);
    let forms = wrappings_of(&records);
    assert!(forms.len() >= 45, "{} forms", forms.len());
    let mut failed = Vec::new();
    for (name, bytes) in forms {
        let text = String::from_utf8_lossy(&bytes).chars().take(300).collect::<String>();
        let found = read(bytes);
        let mut plans = found.plans.clone();
        plans.sort();
        let mut expected = expected.plans.clone();
        expected.sort();
        if plans != expected || !found.wrong.is_empty() {
            failed.push(format!(
                "{name}: expected {expected:?}\nfound {plans:?}, wrong {:?}\nof {text}",
                found.wrong
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn what_is_not_whole_says_how_to_get_it() {
    let ocsf = json!({"class_uid": 6003, "metadata": {"product": {"name": "CloudTrail"}}, "api": {"operation": "CreateUser"}});
    let ecs = json!({"_source": {"event": {"action": "CreateUser", "provider": "iam.amazonaws.com"}, "user": {"name": "x"}}});
    let console = "Event name,Event time,User name,Event source\nCreateUser,2026,alice,iam.amazonaws.com\n";
    let notification = json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"object": {"key": "k"}}}]});
    let kinesis = json!({"Records": [{"eventSource": "aws:kinesis", "eventName": "aws:kinesis:record", "kinesis": {"data": "aGVsbG8="}}]});
    for (what, text, part) in [
        ("OCSF", ocsf.to_string(), "this is an OCSF event"),
        ("Elastic without the original", ecs.to_string(), "without `event.original`"),
        ("the console's CSV", console.to_owned(), "the CSV that the console downloads"),
        ("a notification of S3", notification.to_string(), "this is a notification of S3"),
        ("Kinesis with something else", kinesis.to_string(), "this is a wrapper of Kinesis"),
    ] {
        let found = read(text.into_bytes());
        assert!(found.plans.is_empty(), "{what}: {:?}", found.plans);
        assert!(
            found.wrong.len() == 1 && found.wrong[0].contains(part),
            "{what}: expected {part}\nfound {:?}",
            found.wrong
        );
    }
    let digest = json!({"awsAccountId": "111122223333", "digestStartTime": "2026", "logFiles": []});
    let insight = json!({"Records": [{"eventType": "AwsCloudTrailInsight", "eventVersion": "1.07", "insightDetails": {"eventName": "RunInstances", "eventSource": "ec2.amazonaws.com"}}]});
    for passed_over in [digest, insight] {
        let found = read(passed_over.to_string().into_bytes());
        assert!(found.plans.is_empty() && found.wrong.is_empty(), "{:?} {:?}", found.plans, found.wrong);
    }
}
