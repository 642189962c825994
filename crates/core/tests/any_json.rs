//! Any JSON in place of any field: never a panic, always tags or a reason, and the same answer twice.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read samples")]

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tagger_core::{Policy, config, containers, documents, explain, glance::Glance, plan};

/// Values of every type, with the texts that records are made of among them.
fn any_json() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        ".*",
        Just("arn:aws:iam::111122223333:user/a/b".to_owned()),
        Just("arn:aws:sts::111122223333:assumed-role//".to_owned()),
        Just("AROAEXAMPLE:".to_owned()),
        Just("Root".to_owned()),
        Just("{\"a\":1}".to_owned()),
        Just("cn-north-1".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        texts.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let names = prop_oneof![
            "[a-zA-Z]{0,12}",
            Just("items".to_owned()),
            Just("arn".to_owned()),
            Just("userName".to_owned())
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place in a value, the deepest first.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, inner)| places(inner, format!("{at}/{}", escaped(name)), found))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, inner)| places(inner, format!("{at}/{index}"), found))
        }
        _ => {}
    }
    found.push(at);
}

fn samples() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/samples");
    let names =
        ["ec2/RunInstances.json", "s3/CreateBucket.json", "sqs/CreateQueue.json", "iam/CreateRole.json"];
    let read = |name: &&str| {
        serde_json::from_str::<Value>(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()["record"]
            .clone()
    };
    names.iter().map(read).collect()
}

/// Settings that look into every part of a record.
const SETTINGS: &str = "[tag]\nvalue = \"{record.requestParameters.bucketName|stack|name|before:@|upper}\"\n[value]\nuser = \
    \"{repository|via|role|permission-set}\"\n[tags]\nA = \"{record.responseElements.instancesSet.items[].instanceId}/{envelope.id}\"\n\
    B = \"{session|default:none|limit:5}\"\n[scope]\ntypes = [\"!AWS::EC2::Volume\"]\nvpcs = [\"!vpc-9\"]\nsince = \"2000-01-01\"\n\
    [opt-out]\ntags = [\"off\", \"a=b\"]\n[[person]]\nmatch = \"role:*a*b\"\nname = \"x\"\n[[person]]\nmatch = \"*@*\"\nTeam = \"y\"\n";

fn check(value: Value) {
    for policy in [Policy::default(), config::from_toml(SETTINGS).unwrap()] {
        check_with(value.clone(), &policy);
    }
}

fn check_with(value: Value, policy: &Policy) {
    for record in containers::records_in(value).into_iter().flatten() {
        for own_account in [None, Some("111122223333")] {
            let first = plan(&record, policy, own_account);
            let reason = first.diagnostics.iter().any(|diagnostic| diagnostic.code.stops());
            assert!(reason || !first.actions.is_empty(), "neither tags nor a reason: {}", record.value());
            assert!(first.tags.iter().all(|(_, value)| !value.is_empty() && value.len() <= 255));
            let line = explain::json(&record, &first);
            assert!(!line.contains('\n'));
            assert_eq!(line, explain::json(&record, &plan(&record, policy, own_account)));
            if let Some(code) = Glance::at(&record.value().to_string()).and_then(|glance| glance.code()) {
                assert!(
                    first.diagnostics.iter().any(|diagnostic| diagnostic.code == code),
                    "{code:?}: {line}"
                );
            }
            let _ = explain::text(&record, &first, "", "");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn in_place_of_any_field(which in any::<Index>(), place in any::<Index>(), new in any_json()) {
        let samples = samples();
        let mut record = which.get(samples.as_slice()).clone();
        let mut found = Vec::new();
        places(&record, String::new(), &mut found);
        if let Some(target) = record.pointer_mut(place.get::<String>(&found)) {
            *target = new;
        }
        check(record);
    }

    #[test]
    fn in_place_of_a_document(value in any_json()) {
        check(value);
    }

    #[test]
    fn any_bytes_are_read_or_named(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut answers = 0;
        documents::read(&bytes, &mut |_| answers += 1);
        prop_assert!(answers > 0 || bytes.iter().all(u8::is_ascii_whitespace) || serde_json::from_slice::<Value>(&bytes).is_ok());
    }
}
