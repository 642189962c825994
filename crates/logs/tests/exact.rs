//! The fast way says the same as a full parse of everything, of right texts and of spoiled ones, whatever the pieces and
//! whatever the processor can do.

use fearless_simd::Level;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};
use tagger_core::{Policy, Record, documents, plan};
use tagger_logs::{
    top::Top,
    walk::{Listener, Place, Walker},
};

/// What is said of a text: how many records gave which code or action, and how many places were wrong.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Said(BTreeMap<String, usize>);

impl Said {
    fn count(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    fn record(&mut self, record: &Record) {
        let plan = plan(record, &Policy::default(), None);
        plan.diagnostics.iter().for_each(|found| self.count(found.code.as_str()));
        plan.actions.iter().for_each(|action| self.count(&action.arn));
    }
}

impl Listener for Said {
    fn glance(&mut self, top: &Top) -> bool {
        self.count(top.code.as_str());
        true
    }

    fn open(&mut self, text: &str, place: &dyn Fn() -> Place) {
        let value = documents::value(text).unwrap_or_else(|error| panic!("given as right: {error}: {text}"));
        documents::records_in(value, &mut tagger_core::containers::open, &mut |item| match item {
            Ok(record) => self.record(&record),
            Err(_) => self.count(&format!("wrong in line {} {:?}", place().line, place().record)),
        });
    }
}

/// The model: every record parsed in full.
fn full(text: &[u8]) -> Said {
    let mut said = Said::default();
    documents::read(text, &mut |item| match item {
        Ok(record) => said.record(&record),
        Err(problem) => said.count(&format!("wrong in line {} {:?}", problem.line, problem.record)),
    });
    said
}

/// The fast way, with the text in pieces of these lengths; none where it leaves the text to the full parse.
fn fast(text: &[u8], level: Level, pieces: &[usize]) -> Option<Said> {
    let (mut said, mut walker) = (Said::default(), Walker::new(level));
    let (mut held, mut given, mut turn) = (Vec::new(), 0, 0);
    loop {
        let length = pieces[turn % pieces.len()].min(text.len() - given);
        held.extend_from_slice(&text[given..given + length]);
        (given, turn) = (given + length, turn + 1);
        let last = given == text.len();
        walker.feed(&held, last, &mut said).ok()?;
        if last {
            return Some(said);
        }
        let left = walker.forget(&mut held);
        held.truncate(left);
    }
}

fn levels() -> Vec<(&'static str, Level)> {
    let level = Level::new();
    let mut levels = vec![("the processor's own", level), ("the baseline", Level::baseline())];
    #[cfg(target_arch = "x86_64")]
    levels.extend(
        [
            ("SSE2", level.as_sse2().map(Level::Sse2)),
            ("SSE4.2", level.as_sse4_2().map(Level::Sse4_2)),
            ("AVX2", level.as_avx2().map(Level::Avx2)),
        ]
        .into_iter()
        .filter_map(|(name, level)| Some((name, level?))),
    );
    levels
}

/// The records of the catalog's samples, and some that need care.
fn samples() -> &'static [Value] {
    static SAMPLES: OnceLock<Vec<Value>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/samples");
        let mut found = careful();
        for service in ["sqs", "s3", "iam", "lambda", "dynamodb"] {
            for file in fs::read_dir(root.join(service)).unwrap() {
                let text = fs::read_to_string(file.unwrap().path()).unwrap();
                let sample: Value = serde_json::from_str(&text).unwrap();
                found.extend(sample.get("record").cloned());
            }
        }
        found
    })
}

/// Records whose tops are odd.
fn careful() -> Vec<Value> {
    let read = json!({"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "readOnly": true,
        "additionalEventData": {"bytesTransferredIn": 719.0, "x": [1, -2, 0.5, true, null, "\u{1f600}\n\t\""]}});
    let with = |name: &str, value: Value| {
        let mut record = read.clone();
        record[name] = value;
        record
    };
    // An exponent sends its whole record to the full parse, so that it stands in one alone.
    let mut found = vec![read.clone(), with("additionalEventData", json!({ "x": 1e30 }))];
    for name in ["eventSource", "eventName", "errorCode", "errorMessage", "readOnly", "ErrorCode", "READONLY"]
    {
        for value in [
            json!(null),
            json!(""),
            json!(" "),
            json!("0"),
            json!(0),
            json!(false),
            json!("AccessDenied"),
            json!([]),
            json!("Client.DryRunOperation"),
            json!({"eventName": "CreateQueue"}),
            json!("SQS.amazonaws.com"),
            json!("CreateQueue"),
            json!("aws:s3"),
            json!("\u{e9}t\u{e9}"),
        ] {
            found.push(with(name, value));
        }
    }
    for name in ["detail", "CloudTrailEvent", "Records", "nested"] {
        found.push(with(name, json!({"eventName": "CreateQueue", "errorCode": "X", "readOnly": false})));
    }
    found.extend([
        json!({}),
        json!({"eventName": "A"}),
        json!({"detail": {"eventSource": "a", "eventName": "B"}}),
    ]);
    found
}

/// Dice without a library: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    fn one_in(&mut self, most: usize) -> bool {
        self.below(most) == 0
    }

    fn space(&mut self, out: &mut String, spaced: bool) {
        if spaced && self.one_in(3) {
            out.push_str([" ", "\n", "\t ", "  \r\n"][self.below(4)]);
        }
    }

    fn text(&mut self, text: &str, out: &mut String, odd: bool) {
        out.push('"');
        for char in text.chars() {
            if odd && self.one_in(12) {
                let mut units = [0; 2];
                char.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
            } else {
                let quoted = serde_json::to_string(&char.to_string()).unwrap();
                out.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
        out.push('"');
    }

    /// Writes a value: members in any order, spaces, escapes, members twice, decoys, depth.
    fn write(&mut self, value: &Value, out: &mut String, odd: bool, spaced: bool) {
        self.space(out, spaced);
        match value {
            Value::Object(map) => {
                let mut members: Vec<(&String, &Value)> = map.iter().collect();
                for at in (1..members.len()).rev() {
                    members.swap(at, self.below(at + 1));
                }
                if odd && !members.is_empty() && self.one_in(8) {
                    members.push(members[self.below(members.len())]);
                }
                out.push('{');
                for (index, (name, value)) in members.into_iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    self.space(out, spaced);
                    let escapes = odd && self.one_in(10);
                    self.text(name, out, escapes);
                    self.space(out, spaced);
                    out.push(':');
                    let deep = if odd && self.one_in(40) { self.below(80) } else { 0 };
                    (0..deep).for_each(|_| out.push('['));
                    self.write(value, out, odd, spaced);
                    (0..deep).for_each(|_| out.push(']'));
                }
                out.push('}');
            }
            Value::Array(list) => {
                out.push('[');
                for (index, value) in list.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    self.write(value, out, odd, spaced);
                }
                out.push(']');
            }
            Value::String(text) => self.text(text, out, odd),
            other => out.push_str(&other.to_string()),
        }
        self.space(out, spaced);
    }

    /// A text of some records, in some form.
    fn document(&mut self) -> String {
        let (odd, spaced) = (self.one_in(2), self.one_in(3));
        let mut records = Vec::new();
        for _ in 0..1 + self.below(4) {
            let mut text = String::new();
            let record = &samples()[self.below(samples().len())];
            self.write(record, &mut text, odd, spaced);
            records.push(text);
        }
        match self.below(5) {
            0 => records.join("\n"),
            1 => format!("[{}]", records.join(",")),
            2 => records.concat(),
            3 if odd => format!("{{\"Records\":[{}],\"eventName\":\"A\"}}", records.join(",")),
            _ => format!("{{\"Records\":[{}]}}", records.join(",")),
        }
    }

    /// Spoils a text somewhere.
    fn spoil(&mut self, text: &mut Vec<u8>) {
        let at = self.below(text.len());
        let tokens: [&[u8]; 14] = [
            b"\"", b"\\", b",", b":", b"{", b"}", b"[", b"]", b"\x01", b"\xff", b"01", b"1e", b"\\ud800",
            b"nul",
        ];
        match self.below(4) {
            0 => text.truncate(at),
            1 => drop(text.remove(at)),
            2 => text[at] = tokens[self.below(tokens.len())][0],
            _ => drop(text.splice(at..at, tokens[self.below(tokens.len())].iter().copied())),
        }
    }
}

/// What differs between the fast way and the model, and whether the text took the fast way.
fn difference(text: &[u8], pieces: &[usize]) -> Result<bool, String> {
    let mut took = false;
    for (name, level) in levels() {
        // What the fast way refuses is read by the model itself.
        let Some(fast) = fast(text, level, pieces) else { continue };
        took = true;
        let full = full(text);
        if fast != full && !text.trim_ascii().is_empty() {
            let text = String::from_utf8_lossy(text);
            return Err(format!("{name}: expected {full:?}\nfound {fast:?}\nof {text}"));
        }
    }
    Ok(took)
}

#[test]
fn samples_are_read_the_fast_way_and_the_same() {
    let records: Vec<String> = samples().iter().map(Value::to_string).collect();
    for text in [
        format!("{{\"Records\":[{}]}}", records.join(",")),
        records.join("\n"),
        format!("[{}]", records.join(",\n")),
    ] {
        for pieces in [vec![usize::MAX / 2], vec![1000, 13, 5000]] {
            assert_eq!(difference(text.as_bytes(), &pieces), Ok(true), "in pieces of {pieces:?}");
        }
    }
}

proptest! {
    #[test]
    fn twisted_and_spoiled_texts_are_read_the_same(seed in 1_u64.., spoiled in 0_usize..4, piece in 1_usize..9000) {
        let mut dice = Dice(seed);
        let mut text = dice.document().into_bytes();
        for _ in 0..spoiled.saturating_sub(1) {
            if !text.is_empty() {
                dice.spoil(&mut text);
            }
        }
        let pieces = [piece, 1 + dice.below(5000)];
        if let Err(difference) = difference(&text, &pieces) {
            prop_assert!(false, "{difference}");
        }
    }
}
