//! Step 1, the record: is this a CloudTrail record of a successful, mutating call?
//!
//! One lenient type. It may use the look-ups of [`crate::json`]; it must not know the catalog or
//! who made the call. Shape: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

use crate::{arn::Arn, diagnostic::Diagnostic, json};
use serde_json::Value;
use std::{borrow::Cow, sync::Arc};

/// The member in which a stored record has the EventBridge event that it came in, without its `detail`: a tag's value may
/// name something of it, and what waits is stored as its record. CloudTrail has no such member.
const ENVELOPE: &str = "envelope";

/// The members that are texts in some copies of a record.
const TEXTS: [&str; 4] = ["userIdentity", "requestParameters", "responseElements", "additionalEventData"];

/// A CloudTrail record. Every member may be missing or of another type than documented.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    value: Arc<Value>,
    envelope: Value,
}

/// An account id. One that was stored as a number has lost its leading zeros; they are put back.
pub(crate) fn account_id(value: &Value) -> Option<String> {
    let id = json::text(value)?;
    Some(if value.is_number() { format!("{id:0>12}") } else { id.into_owned() })
}

impl Record {
    /// Wraps a JSON value. `requestParameters` and its like are texts in exports of Athena and of
    /// some log shippers; they are opened here so that nobody after this has to know.
    pub fn new(mut value: Value) -> Self {
        if let Value::Object(map) = &mut value {
            // Athena's columns are in small letters.
            let is_text = |name: &String| TEXTS.iter().any(|text| text.eq_ignore_ascii_case(name));
            for (_, member) in map.iter_mut().filter(|(name, _)| is_text(name)) {
                let Value::String(text) = member else { continue };
                if let Some(opened @ Value::Object(_)) =
                    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok()).flatten()
                {
                    *member = opened;
                }
            }
        }
        let stored = match &mut value {
            Value::Object(map) if map.get(ENVELOPE).is_some_and(Value::is_object) => map.remove(ENVELOPE),
            _ => None,
        };
        Self { value: Arc::new(value), envelope: stored.unwrap_or_default() }
    }

    /// The same, in an EventBridge event.
    #[must_use]
    pub(crate) fn in_envelope(self, envelope: Value) -> Self {
        Self { envelope, ..self }
    }

    /// Without the event around it, which nobody needs any more.
    pub(crate) fn forget_envelope(&mut self) {
        self.envelope = Value::Null;
    }

    /// The record as it is stored, for a document that outlives it: with the event around it, as far as that is still known.
    pub fn stored(&self) -> Arc<Value> {
        if self.envelope.is_null() {
            return Arc::clone(&self.value);
        }
        let mut value = Value::clone(&self.value);
        if let Value::Object(map) = &mut value {
            map.insert(ENVELOPE.to_owned(), self.envelope.clone());
        }
        Arc::new(value)
    }

    /// The whole record.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// A member's text, by its name in CloudTrail's reference.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        json::member_text(&self.value, name)
    }

    /// The EventBridge event that it came in, without its `detail`; null where it came otherwise.
    pub fn envelope(&self) -> &Value {
        &self.envelope
    }

    /// The same, with a region where it states none: that of the function, to whose bus it came.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        if self.region().is_none()
            && self.is_record()
            && !region.is_empty()
            && let Value::Object(map) = Arc::make_mut(&mut self.value)
        {
            map.insert("awsRegion".to_owned(), Value::String(region.to_owned()));
        }
        self
    }

    /// `userIdentity`, or null.
    pub fn user_identity(&self) -> &Value {
        json::member(&self.value, "userIdentity")
    }

    /// `eventSource`, for example `ec2.amazonaws.com`, in lower case and without spaces around it.
    pub fn event_source(&self) -> String {
        self.text("eventSource").unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// `eventName`, for example `RunInstances`, without spaces around it.
    pub fn event_name(&self) -> String {
        self.text("eventName").unwrap_or_default().trim().to_owned()
    }

    /// `awsRegion`, for example `eu-west-1`.
    pub fn region(&self) -> Option<Cow<'_, str>> {
        self.text("awsRegion")
    }

    /// The account that the record belongs to: `recipientAccountId`, else `userIdentity.accountId`, else that of the
    /// caller's ARN.
    pub fn account(&self) -> Option<String> {
        let stated = json::member(&self.value, "recipientAccountId");
        let of_arn = || {
            let arn = json::member_text(self.user_identity(), "arn")?;
            let account = Arn::parse(&arn)?.account;
            (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| account.to_owned())
        };
        account_id(stated)
            .or_else(|| account_id(json::member(self.user_identity(), "accountId")))
            .or_else(of_arn)
    }

    /// Whether this looks like a CloudTrail record at all.
    pub fn is_record(&self) -> bool {
        self.text("eventName").is_some() && self.text("eventSource").is_some()
    }

    /// What this is, where it is no CloudTrail record: a sentence for whoever gave it to us.
    pub fn unknown_shape(&self) -> Option<String> {
        (!self.is_record()).then(|| Diagnostic::not_a_record(&self.value).message)
    }

    /// Why no resource can have come from this call, as far as the record's top says: it is no record,
    /// it failed, it was a dry run, or it only read. [`crate::glance`] answers the same without
    /// opening the record.
    pub fn created_nothing(&self) -> Option<Diagnostic> {
        if !self.is_record() {
            return Some(Diagnostic::not_a_record(&self.value));
        }
        let message = self.text("errorMessage");
        // A zero is how some exports write "no error".
        if let Some(code) = self.text("errorCode").filter(|code| code != "0") {
            return Some(if code.ends_with("DryRunOperation") {
                Diagnostic::dry_run()
            } else {
                Diagnostic::failed_call(&code, message.as_deref())
            });
        }
        if let Some(message) = message {
            return Some(Diagnostic::failed_call("no errorCode", Some(&message)));
        }
        (json::flag(json::member(&self.value, "readOnly")) == Some(true)).then(Diagnostic::read_only_call)
    }

    /// Why no resource can have come from this call, as its request and its answer say: some services
    /// report an error only inside `responseElements`, says the reference's section on `errorCode`.
    pub fn failed_inside(&self) -> Option<Diagnostic> {
        let request = json::member(&self.value, "requestParameters");
        if json::flag(json::member_through_wrapper(request, "dryRun")) == Some(true) {
            return Some(Diagnostic::dry_run());
        }
        let response = json::member(&self.value, "responseElements");
        let names = ["errorCode", "error", "__type", "errorMessage", "exception"];
        let found = names.iter().find_map(|name| error_in(json::member_through_wrapper(response, name)));
        if let Some((code, message)) = found {
            return Some(Diagnostic::failed_call(&code, message.as_deref()));
        }
        (json::flag(json::member(response, "_return")) == Some(false))
            .then(|| Diagnostic::failed_call("`_return: false` in the response", None))
    }

    /// The first failure in an answer that lists what succeeded beside what did not, such as the
    /// `unsuccessful` of CreateFlowLogs or the `failures` of RunTask.
    pub fn listed_failure(&self) -> Option<Diagnostic> {
        let response = json::member(&self.value, "responseElements");
        ["unsuccessful", "failures", "errors", "errorSet"].iter().find_map(|name| {
            let list = json::member_through_wrapper(response, name);
            let list = match list {
                Value::Object(map) if map.len() == 1 => map.values().next().unwrap_or(list),
                other => other,
            };
            let first = match list {
                Value::Array(entries) => entries.first()?,
                Value::Object(_) => list,
                _ => return None,
            };
            let (code, message) = error_in(json::member(first, "error")).or_else(|| error_in(first))?;
            Some(Diagnostic::failed_call(&code, message.as_deref()))
        })
    }
}

/// Code and message of an error, which is a text or an object.
fn error_in(error: &Value) -> Option<(String, Option<String>)> {
    match error {
        Value::Object(map) if map.is_empty() => None,
        Value::Object(_) => {
            let text = |names: [&str; 3]| {
                names.iter().find_map(|name| json::member_text(error, name)).map(Cow::into_owned)
            };
            let code =
                text(["code", "errorCode", "failureCode"]).or_else(|| text(["reason", "type", "__type"]));
            Some((
                code.unwrap_or_else(|| "an error in responseElements".to_owned()),
                text(["message", "errorMessage", "detail"]),
            ))
        }
        other => json::text(other).filter(|code| code != "0").map(|code| (code.into_owned(), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_that_created_nothing() {
        let base = json!({"eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"});
        for (what, with, code) in [
            ("plain", json!({}), None),
            ("null error", json!({"errorCode": null}), None),
            ("empty error", json!({"errorCode": ""}), None),
            ("error", json!({"errorCode": "AccessDenied"}), Some("failed-call")),
            ("error as a number", json!({"errorCode": 403}), Some("failed-call")),
            ("capital", json!({"ErrorCode": "AccessDenied"}), Some("failed-call")),
            ("only a message", json!({"errorMessage": "no"}), Some("failed-call")),
            ("in the response", json!({"responseElements": {"errorCode": "Denied"}}), Some("failed-call")),
            (
                "object in the response",
                json!({"responseElements": {"error": {"code": "X"}}}),
                Some("failed-call"),
            ),
            ("no error, as a zero", json!({"errorCode": 0}), None),
            (
                "no error, in the response",
                json!({"responseElements": {"error": {}, "errorCode": false}}),
                None,
            ),
            ("false in the response", json!({"responseElements": {"_return": false}}), Some("failed-call")),
            ("true in the response", json!({"responseElements": {"_return": true}}), None),
            ("dry run", json!({"errorCode": "Client.DryRunOperation"}), Some("dry-run")),
            ("dry run asked for", json!({"requestParameters": {"dryRun": true}}), Some("dry-run")),
            ("read", json!({"readOnly": true}), Some("read-only-call")),
            ("read, as a text", json!({"readOnly": "true"}), Some("read-only-call")),
            ("write", json!({"readOnly": false}), None),
            ("no name", json!({"eventName": null}), Some("not-a-record")),
        ] {
            let mut record = base.clone();
            for (name, value) in with.as_object().unwrap() {
                record[name] = value.clone();
            }
            let found = Record::new(record);
            let found = found
                .created_nothing()
                .or_else(|| found.failed_inside())
                .map(|diagnostic| diagnostic.code.as_str());
            assert_eq!(found, code, "{what}");
        }
    }

    /// A row of Athena's table, whose columns are in small letters and whose objects without a fixed form are texts.
    #[test]
    fn a_row_of_athena_is_read() {
        let row = Record::new(json!({
            "eventsource": "sqs.amazonaws.com", "eventname": "CreateQueue", "recipientaccountid": "111122223333",
            "useridentity": { "type": "IAMUser", "username": "alice", "accountid": "111122223333" },
            "requestparameters": "{\"queueName\": \"jobs\"}", "responseelements": "{\"queueUrl\": \"x\"}",
        }));
        let texts = |path: &str| {
            json::at_path(row.value(), path).into_iter().filter_map(json::text).collect::<Vec<_>>()
        };
        assert_eq!(texts("requestParameters.queueName"), ["jobs"]);
        assert_eq!(texts("responseElements.queueUrl"), ["x"]);
    }

    #[test]
    fn account_ids() {
        for (record, expected) in [
            (json!({"recipientAccountId": "111122223333"}), Some("111122223333")),
            (json!({"recipientAccountId": 11122223333_u64}), Some("011122223333")),
            (json!({"userIdentity": {"accountId": "111122223333"}}), Some("111122223333")),
            (json!({"userIdentity": {"arn": "arn:aws:iam::111122223333:user/alice"}}), Some("111122223333")),
            (json!({"userIdentity": {"arn": "arn:aws:iam::aws:role/x"}}), None),
            (json!({}), None),
        ] {
            assert_eq!(Record::new(record).account().as_deref(), expected);
        }
    }
}
