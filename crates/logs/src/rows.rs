//! Rows of tables: records whose members are columns, and CSV.

use serde_json::{Map, Value, json};
use std::io::Read;

/// The record of a row whose columns have CloudTrail's names in another case, as Athena writes them, or those of
/// Sentinel's table, or names with dots; none where it is no such row.
pub fn record(map: &Map<String, Value>) -> Option<Value> {
    let has = |name: &str| map.iter().any(|(key, value)| key.eq_ignore_ascii_case(name) && value.is_string());
    let is_of_aws =
        |name: &str| map.get(name).and_then(Value::as_str).is_some_and(|text| text.starts_with("aws:"));
    if !has("eventname") || !has("eventsource") || is_of_aws("eventSource") || is_of_aws("EventSource") {
        return None;
    }
    if map.keys().any(|key| key.starts_with("UserIdentity") && key.len() > "UserIdentity".len()) {
        return Some(of_sentinel(map));
    }
    let mut record = Value::Object(Map::new());
    for (name, value) in map.iter().filter(|(_, value)| **value != Value::String(String::new())) {
        let value = match value {
            Value::String(text) if name.eq_ignore_ascii_case("useridentity") && !text.starts_with("{\"") => {
                hive(text).unwrap_or_else(|| value.clone())
            }
            other => other.clone(),
        };
        let mut at = &mut record;
        for part in name.split('.') {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[part];
        }
        *at = value;
    }
    Some(record)
}

/// A row of Sentinel's table AWSCloudTrail:
/// <https://learn.microsoft.com/en-us/azure/azure-monitor/reference/tables/awscloudtrail>
fn of_sentinel(map: &Map<String, Value>) -> Value {
    let column = |name: &str| {
        let found =
            map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
        found.filter(|value| *value != Value::String(String::new())).unwrap_or_default()
    };
    let object = |names: &[(&str, &str)]| {
        let members = names.iter().map(|(to, from)| ((*to).to_owned(), column(from)));
        Value::Object(members.filter(|(_, value)| !value.is_null()).collect())
    };
    let mut record = object(&[
        ("eventVersion", "EventVersion"),
        ("eventTime", "TimeGenerated"),
        ("eventSource", "EventSource"),
        ("eventName", "EventName"),
        ("awsRegion", "AWSRegion"),
        ("sourceIPAddress", "SourceIpAddress"),
        ("userAgent", "UserAgent"),
        ("errorCode", "ErrorCode"),
        ("errorMessage", "ErrorMessage"),
        ("requestParameters", "RequestParameters"),
        ("responseElements", "ResponseElements"),
        ("additionalEventData", "AdditionalEventData"),
        ("requestID", "AwsRequestId"),
        ("eventID", "AwsEventId"),
        ("readOnly", "ReadOnly"),
        ("eventType", "EventTypeName"),
        ("managementEvent", "ManagementEvent"),
        ("recipientAccountId", "RecipientAccountId"),
        ("sharedEventID", "SharedEventId"),
    ]);
    if record["requestID"].is_null() {
        record["requestID"] = column("AwsRequestId_");
    }
    let mut identity = object(&[
        ("type", "UserIdentityType"),
        ("principalId", "UserIdentityPrincipalid"),
        ("arn", "UserIdentityArn"),
        ("accountId", "UserIdentityAccountId"),
        ("accessKeyId", "UserIdentityAccessKeyId"),
        ("userName", "UserIdentityUserName"),
        ("invokedBy", "UserIdentityInvokedBy"),
    ]);
    let issuer = object(&[
        ("type", "SessionIssuerType"),
        ("principalId", "SessionIssuerPrincipalId"),
        ("arn", "SessionIssuerArn"),
        ("accountId", "SessionIssuerAccountId"),
        ("userName", "SessionIssuerUserName"),
    ]);
    if issuer.as_object().is_some_and(|issuer| !issuer.is_empty()) {
        let attributes = object(&[
            ("creationDate", "SessionCreationDate"),
            ("mfaAuthenticated", "SessionMfaAuthenticated"),
        ]);
        identity["sessionContext"] = json!({ "sessionIssuer": issuer, "attributes": attributes });
    }
    record["userIdentity"] = identity;
    record
}

/// A struct as Hive and Athena write it in CSV: `{type=IAMUser, arn=arn:aws:…, sessioncontext={attributes=null}}`.
fn hive(text: &str) -> Option<Value> {
    fn value(text: &str) -> Option<(Value, &str)> {
        if let Some(mut rest) = text.strip_prefix('{') {
            let mut map = Map::new();
            loop {
                rest = rest.trim_start_matches([' ', ',']);
                if let Some(rest) = rest.strip_prefix('}') {
                    return Some((Value::Object(map), rest));
                }
                let (name, behind) = rest.split_once('=')?;
                let (inner, behind) = value(behind)?;
                map.insert(name.to_owned(), inner);
                rest = behind;
            }
        }
        // A value goes to the next member's name or to the closing bracket; names of people may have a comma.
        let end = text.char_indices().find(|(at, char)| {
            *char == '}'
                || text[*at..].strip_prefix(", ").and_then(|next| next.split_once('=')).is_some_and(
                    |(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                )
        });
        let (inner, rest) = text.split_at(end?.0);
        Some((if inner == "null" { Value::Null } else { inner.into() }, rest))
    }
    let (value, rest) = value(text.trim())?;
    rest.is_empty().then_some(value)
}

/// The rows of Athena's GetQueryResults, the first of which has the columns' names:
/// <https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html>
pub fn of_athena(map: &Map<String, Value>) -> Option<Vec<Value>> {
    let rows = map.get("ResultSet")?.get("Rows")?.as_array()?;
    let cells = |row: &Value| {
        let cells = row["Data"].as_array().cloned().unwrap_or_default();
        cells
            .into_iter()
            .map(|cell| cell["VarCharValue"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let heads = cells(rows.first()?);
    Some(rows[1..].iter().map(|row| object(&heads, &cells(row))).collect())
}

fn object(heads: &[String], cells: &[String]) -> Value {
    let members = heads.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
    Value::Object(members.map(|(head, cell)| (head.clone(), cell.clone().into())).collect())
}

/// Columns by which a text is known as CSV: one of them holds records as texts, or they are a record's members.
const COLUMNS: [&str; 10] = [
    "eventname",
    "@message",
    "message",
    "_raw",
    "eventjson",
    "cloudtrailevent",
    "event name",
    "event.original",
    "_source",
    "event",
];

/// Whether a text is CSV of a known kind: its first line is no JSON and names a column.
pub fn is_csv(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.trim_ascii_start().starts_with(b"{") || line.trim_ascii_start().starts_with(b"[") {
        return false;
    }
    let heads = csv::ReaderBuilder::new().has_headers(false).from_reader(line).into_records().next();
    heads.and_then(Result::ok).is_some_and(|heads| {
        heads.iter().any(|head| COLUMNS.contains(&head.trim().to_ascii_lowercase().as_str()))
    })
}

/// Gives each row with its line, or what is wrong with it.
pub fn of_csv(text: impl Read, each: &mut dyn FnMut(usize, Result<Value, String>)) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let heads = match reader.headers() {
        Ok(heads) => {
            heads.iter().map(|head| head.trim_start_matches('\u{feff}').trim().to_owned()).collect::<Vec<_>>()
        }
        Err(error) => return each(1, Err(error.to_string())),
    };
    for row in reader.records() {
        match row {
            Ok(row) => {
                let line = row.position().map_or(0, csv::Position::line);
                let cells: Vec<String> = row.iter().map(str::to_owned).collect();
                each(usize::try_from(line).unwrap_or(usize::MAX), Ok(object(&heads, &cells)));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                each(usize::try_from(line).unwrap_or(usize::MAX), Err(error.to_string()));
            }
        }
    }
}
