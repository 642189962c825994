//! What is said where several calls made the same, or none did.

use super::*;
use serde_json::json;

fn record(id: &str, name: &str, time: &str, user: &str, request: &Value) -> Record {
    Record::new(json!({
        "eventID": id, "eventSource": "sqs.amazonaws.com", "eventName": name, "eventTime": time,
        "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "requestParameters": request,
        "responseElements": { "queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs" },
        "userIdentity": { "type": "IAMUser", "userName": user, "accountId": "111122223333",
                          "arn": format!("arn:aws:iam::111122223333:user/{user}") },
    }))
}

#[test]
fn the_last_creation_of_a_name_counts() {
    let mut known = Known::of(&["jobs".to_owned(), "other".to_owned()]);
    let request = json!({ "queueName": "jobs" });
    known.add(&record("e-2", "CreateQueue", "2026-11-24T08:30:00Z", "bob", &request));
    known.add(&record("e-1", "CreateQueue", "2025-11-24T08:30:00Z", "alice", &request));
    let answers = known.chains();
    assert_eq!(answers.len(), 1, "one of the two names was made");
    let answer = &answers[0];
    let who = answer.chain.who.as_ref().map(|who| who.name.as_str());
    assert_eq!(who, Some("bob"), "{}", words::sentence(&answer.chain));
    assert!(answer.chain.notes[0].starts_with("1 more calls"), "{:?}", answer.chain.notes);
}

#[test]
fn an_id_of_an_identity_store_becomes_a_name() {
    let mut known = Known::of(&["jobs".to_owned()]);
    let mut value =
        record("e-1", "CreateQueue", "2026-11-24T08:30:00Z", "x", &json!({ "queueName": "jobs" }))
            .value()
            .clone();
    let id = "94482488-3041-7026-18f3-be45837cd0e4";
    value["userIdentity"] = json!({
        "type": "IdentityCenterUser", "accountId": "111122223333",
        "onBehalfOf": { "userId": id, "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-9067642ac7" },
    });
    known.add(&Record::new(value));
    let mut chain = known.chains().remove(0).chain;
    let guid = chain.who.as_ref().and_then(|who| who.guid.clone());
    assert_eq!(guid, Some((id.to_owned(), "d-9067642ac7".to_owned())));
    name_people(&mut chain, &BTreeMap::from([(id.to_owned(), ("alice".to_owned(), "DISABLED".to_owned()))]));
    assert!(words::sentence(&chain).starts_with("alice, 0 hops"), "{}", words::sentence(&chain));
    assert!(chain.notes[0].ends_with("DISABLED"), "{:?}", chain.notes);
}
