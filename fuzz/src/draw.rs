//! Draws values from the fuzzer's bytes: every sequence of bytes is something, and where they end everything is the
//! first choice. Knows the texts that records are made of.

use serde_json::{Map, Value, json};
use tagger_catalog::{Entry, Event, template::Part};

/// The account that the function works for.
pub const ACCOUNT: &str = "111122223333";

/// Texts of records and of configurations, the usual ones first.
const TEXTS: &[&str] = &[
    "name",
    "arn:aws:iam::111122223333:user/path/alice",
    "arn:aws:sts::111122223333:assumed-role/deployer/alice@example.com",
    "arn:aws:sts::111122223333:assumed-role//",
    "arn:aws:iam::444455556666:role/aws-service-role/x/y",
    "AROAIDPPEZS35WEXAMPLE:i-0123456789abcdef0",
    "AIDAIDPPEZS35WEXAMPLE",
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "autoscaling.amazonaws.com",
    "AWSReservedSSO_Admin_0123456789abcdef",
    "AWSCloudFormation",
    "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
    "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1",
    "i-0123456789abcdef0",
    "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs",
    "111122223333",
    "444455556666",
    "eu-west-1",
    "cn-north-1",
    "x@evil.example/",
    "2026-11-24T08:30:00Z",
    "18446744073709551615",
    "-1",
    "true",
    "",
    " ",
    ":",
    "/",
    "::::::",
    "\u{0}\n\u{202e}",
    "{\"eventName\":\"CreateQueue\"}",
    "deleting",
    "available",
];

/// What is left of the bytes.
#[derive(Debug)]
pub struct Draw<'a> {
    rest: &'a [u8],
}

impl<'a> Draw<'a> {
    /// All bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next byte, or 0.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number = if end > 256 {
            usize::from(self.byte()) << 8 | usize::from(self.byte())
        } else {
            usize::from(self.byte())
        };
        number % end
    }

    /// True about once in `often` times.
    pub fn rarely(&mut self, often: u8) -> bool {
        self.byte() % often == often - 1
    }

    /// One of several.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// The next so many bytes, or what there is.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (first, rest) = self.rest.split_at(self.below(most).min(self.rest.len()));
        self.rest = rest;
        first
    }

    /// A text: of the list, or the bytes themselves.
    pub fn text(&mut self) -> String {
        match self.rarely(4) {
            true => String::from_utf8_lossy(self.bytes(64)).into_owned(),
            false => self.one(TEXTS).to_owned(),
        }
    }

    /// Any JSON, not deep.
    pub fn json(&mut self, depth: u8) -> Value {
        match self.byte() % 12 {
            6 => Value::Null,
            7 => json!(self.rarely(2)),
            8 => json!(u64::from_le_bytes([0; 8].map(|_: u8| self.byte()))),
            9 => json!(f64::from(self.byte()) / 8.0),
            10 if depth > 0 => (0..self.below(4)).map(|_| self.json(depth - 1)).collect(),
            11 if depth > 0 => {
                let mut map = Map::new();
                for _ in 0..self.below(4) {
                    map.insert(self.text(), self.json(depth - 1));
                }
                Value::Object(map)
            }
            _ => json!(self.text()),
        }
    }

    /// An event of the catalog.
    pub fn event(&mut self) -> &'static Event {
        let events = tagger_catalog::events();
        &events[self.below(events.len())]
    }

    /// A record of an event, in which whatever its entries read may be there, and may be anything.
    pub fn record(&mut self, event: &'static Event) -> Value {
        let region = if self.rarely(6) { self.json(1) } else { json!("eu-west-1") };
        let account = if self.rarely(6) { self.json(1) } else { json!(ACCOUNT) };
        let mut record = json!({
            "eventID": "00000000-0000-4000-8000-000000000000", "eventSource": event.source, "eventName": event.name,
            "eventTime": "2026-11-24T08:30:00Z", "awsRegion": region, "recipientAccountId": account,
            "userIdentity": self.identity(), "requestParameters": {}, "responseElements": {},
        });
        for entry in event.entries {
            self.fill(&mut record, entry);
        }
        for name in [
            "eventTime",
            "readOnly",
            "errorCode",
            "eventType",
            "responseElements",
            "requestParameters",
            "eventVersion",
        ] {
            if self.rarely(16) {
                record[name] = self.json(2);
            }
        }
        record
    }

    fn fill(&mut self, record: &mut Value, entry: &Entry) {
        let templates = [entry.arn, entry.id, entry.region, entry.except].into_iter().flatten();
        let paths = templates.flat_map(|template| template.iter()).filter_map(|part| match part {
            Part::Path { path, .. } => Some(*path),
            _ => None,
        });
        let paths: Vec<&str> = paths.collect();
        for path in paths {
            if !self.rarely(8) {
                let value = match self.byte() % 8 {
                    0..4 => json!(format!("arn:aws:x:eu-west-1:{ACCOUNT}:thing/name")),
                    4 | 5 => json!("i-0123456789abcdef0"),
                    6 => json!(self.text()),
                    _ => self.json(2),
                };
                put(record, path, value);
            }
        }
        for (path, value) in entry.when {
            let value = if self.rarely(3) { self.json(1) } else { json!(value) };
            put(record, path, value);
        }
        for path in entry.unless {
            if self.rarely(3) {
                let value = self.json(1);
                put(record, path, value);
            }
        }
        if self.rarely(4) {
            // The tags by which a service names the parent.
            let key = self.one(&[
                "aws:cloudformation:stack-id",
                "aws:autoscaling:groupName",
                "aws:ecs:clusterName",
                "eks:cluster-name",
            ]);
            let tag = json!([{ "key": key, "value": self.text() }]);
            let place = self.one(&[
                "requestParameters.tags",
                "requestParameters.tagSet.items",
                "responseElements.tagSet.items",
            ]);
            put(record, place, tag);
        }
    }

    /// A `userIdentity`.
    fn identity(&mut self) -> Value {
        if self.rarely(16) {
            return self.json(3);
        }
        let mut identity = json!({});
        let types = [
            "IAMUser",
            "AssumedRole",
            "Root",
            "AWSService",
            "AWSAccount",
            "FederatedUser",
            "Role",
            "IdentityCenterUser",
            "",
        ];
        identity["type"] = json!(self.one(&types));
        for name in [
            "arn",
            "principalId",
            "userName",
            "accountId",
            "invokedBy",
            "sessionContext.sourceIdentity",
            "sessionContext.sessionIssuer.arn",
            "sessionContext.sessionIssuer.userName",
            "onBehalfOf.userId",
            "inScopeOf.issuerType",
            "sessionContext.webIdFederationData.federatedProvider",
            "sessionContext.ec2RoleDelivery",
        ] {
            if self.rarely(3) {
                let value = if self.rarely(8) { self.json(1) } else { json!(self.text()) };
                put(&mut identity, name, value);
            }
        }
        identity
    }
}

/// Puts a value at a path; what is in the way and no object becomes one. A list on the way gets one element.
pub fn put(into: &mut Value, path: &str, value: Value) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let (name, many) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    if !into.is_object() {
        *into = json!({});
    }
    let mut place = &mut into[name];
    if many {
        if place.as_array().is_none_or(|list| list.is_empty()) {
            *place = json!([{}]);
        }
        place = &mut place[0];
    }
    match rest {
        Some(rest) => put(place, rest, value),
        None => *place = value,
    }
}
