//! What a change of a stack is told by, and by whom.

use super::*;
use crate::identity::Kind;
use serde_json::{Value, json};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/1-2";

fn call(name: &str, user: Value, more: Value) -> Record {
    let mut record = json!({
        "eventSource": "cloudformation.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "userIdentity": user, "responseElements": { "stackId": STACK },
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Record::new(record)
}

fn alice() -> Value {
    json!({ "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" })
}

fn session(role: &str, name: &str) -> Value {
    json!({
        "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/{name}"),
        "sessionContext": { "sessionIssuer": { "arn": format!("arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/{role}") } },
    })
}

#[test]
fn where_it_is_looked_for() {
    let (now, day) = (1_795_509_000, 86_400);
    let stack = |created| Stack { created, ..Stack::default() };
    let until = (now / 60 + 1) * 60;
    for (what, created, event, expected) in [
        ("just made, and not shown yet", Some(now - 30), 30, None),
        ("two minutes later", Some(now - 120), 120, Some(now - 180)),
        ("a stack of last month", Some(now - 30 * day), 120, Some(now - 30 * day - 60)),
        ("older than the history", Some(now - 900 * day), 120, Some(now - 89 * day)),
        ("it does not say when it was made", None, 120, Some(now - 89 * day)),
    ] {
        let found = window(&stack(created), now, Age { event, waited: event });
        assert_eq!(found, expected.map(|from| Window { from, until }), "{what}");
    }
}

const SET: &str = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/cdk/1";

/// A call so many seconds before the resource's, which was at 1,000,000.
fn past(ago: i64, name: &str, user: &str, more: Value) -> Past {
    let who = json!({ "type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}") });
    let time = 1_000_000_u64.checked_add_signed(-ago);
    let mut record =
        json!({ "eventID": format!("{name}{ago}"), "requestParameters": {}, "responseElements": null });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Past { time, record: call(name, who, record) }
}

fn made(ago: i64, user: &str) -> Past {
    past(ago, "CreateStack", user, json!({ "responseElements": { "stackId": STACK } }))
}

fn drafted(ago: i64, user: &str) -> Past {
    let request = json!({ "stackName": "web", "changeSetName": "cdk" });
    past(
        ago,
        "CreateChangeSet",
        user,
        json!({ "requestParameters": request, "responseElements": { "id": SET, "stackId": STACK } }),
    )
}

fn carried_out(ago: i64, user: &str, request: Value) -> Past {
    past(ago, "ExecuteChangeSet", user, json!({ "requestParameters": request }))
}

#[test]
fn the_call_that_changed_it() {
    let parent = parent::parents().iter().find(|parent| !parent.changed_by.is_empty()).unwrap();
    let day = 86_400;
    let old = Stack { created: Some(1_000_000 - 10 * day), ..Stack::default() };
    let changed = |ago: u64| Stack { updated: Some(1_000_000 - ago), ..old.clone() };
    let by_set = |ago: u64| Stack { change_set: Some(SET.to_owned()), ..changed(ago) };
    let young = Stack { created: Some(1_000_000 - 100), ..Stack::default() };
    let ten = 10 * day as i64;
    let other = json!({ "responseElements": { "stackId": "arn:other" }, "requestParameters": { "stackName": "web" } });
    let named = || json!({ "requestParameters": { "stackName": "web" } });
    let failed = json!({ "errorCode": "AccessDenied", "requestParameters": { "stackName": "web" } });
    for (what, stack, calls, expected) in [
        ("made just now", &young, vec![made(100, "alice")], Some("alice")),
        (
            "made by somebody, changed by another",
            &changed(40),
            vec![made(ten, "alice"), past(40, "UpdateStack", "bob", named())],
            Some("bob"),
        ),
        (
            "in another order",
            &changed(40),
            vec![past(40, "UpdateStack", "bob", named()), made(ten, "alice")],
            Some("bob"),
        ),
        (
            "a change that failed",
            &changed(300),
            vec![past(300, "UpdateStack", "alice", named()), past(40, "UpdateStack", "bob", failed)],
            Some("alice"),
        ),
        (
            "a change after it appeared",
            &changed(300),
            vec![past(300, "UpdateStack", "alice", named()), past(-5, "UpdateStack", "bob", named())],
            Some("alice"),
        ),
        (
            "another stack of its name",
            &changed(300),
            vec![past(300, "UpdateStack", "alice", named()), past(40, "UpdateStack", "bob", other)],
            Some("alice"),
        ),
        (
            "a rollback that went on",
            &changed(40),
            vec![made(ten, "alice"), past(40, "ContinueUpdateRollback", "bob", named())],
            Some("bob"),
        ),
        (
            "a change set, and whoever carried it out",
            &changed(30),
            vec![
                made(ten, "alice"),
                drafted(40, "bob"),
                carried_out(30, "carol", json!({ "stackName": "web", "changeSetName": "cdk" })),
            ],
            Some("carol"),
        ),
        (
            "by ARNs",
            &changed(30),
            vec![
                made(ten, "alice"),
                drafted(40, "bob"),
                carried_out(30, "carol", json!({ "stackName": STACK, "changeSetName": SET })),
            ],
            Some("carol"),
        ),
        (
            "by the change set's ARN alone",
            &changed(30),
            vec![
                made(ten, "alice"),
                drafted(40, "bob"),
                carried_out(30, "carol", json!({ "changeSetName": SET })),
            ],
            Some("carol"),
        ),
        (
            "in the same second",
            &changed(40),
            vec![
                drafted(40, "bob"),
                carried_out(40, "carol", json!({ "stackName": "web", "changeSetName": "cdk" })),
            ],
            Some("carol"),
        ),
        (
            "a change set that nobody carried out",
            &changed(300),
            vec![past(300, "UpdateStack", "alice", named()), drafted(40, "bob")],
            Some("alice"),
        ),
        (
            "the same, and the stack does not say when it changed",
            &old,
            vec![past(300, "UpdateStack", "alice", named()), drafted(40, "bob")],
            Some("alice"),
        ),
        (
            "a change set that was carried out by a call that is not seen",
            &by_set(30),
            vec![made(ten, "alice"), drafted(40, "bob")],
            Some("bob"),
        ),
        (
            "two change sets alone, as CDK makes them",
            &old,
            vec![drafted(ten, "alice"), drafted(40, "bob")],
            Some("bob"),
        ),
        ("its last change is not shown yet", &changed(40), vec![made(ten, "alice")], None),
        ("nothing but a call of long ago", &old, vec![made(ten, "alice")], None),
        ("nothing", &old, vec![], None),
    ] {
        let calls: Vec<Past> = calls
            .into_iter()
            .filter(|call| is_change(&call.record, &[parent.changed_by, parent.drafted_by].concat()))
            .collect();
        let found = Changes::of(parent, STACK, stack, &calls, Some(1_000_000)).change(stack, Some(1_000_000));
        let name = found.and_then(|call| value(&call.record, &Policy::default()));
        assert_eq!(name.as_deref(), expected, "{what}");
    }
}

#[test]
fn stack_sets() {
    let arn = |name: &str| format!("arn:aws:cloudformation:eu-west-1:111122223333:stack/{name}/1-2");
    let uuid = "59cfd8b7-b102-3b1d-84fe-2c34f232b239";
    for (name, expected) in [
        (format!("StackSet-base-line-{uuid}"), Some("base-line")),
        (format!("StackSet-{uuid}"), None),
        ("StackSet-base".to_owned(), None),
        (format!("base-{uuid}"), None),
    ] {
        assert_eq!(set(&arn(&name)), expected, "{name}");
    }
    let named = |ago: i64, user: &str, set: &str| {
        past(ago, "UpdateStackSet", user, json!({ "requestParameters": { "stackSetName": set } }))
    };
    let calls = [
        named(90, "alice", "base"),
        named(60, "bob", "base:59cfd8b7"),
        named(50, "mallory", "other"),
        named(10, "carol", "base"),
    ];
    let found = operation("base", &calls, Some(1_000_000 - 40)).unwrap();
    assert_eq!(value(&found.record, &Policy::default()).as_deref(), Some("bob"));
}

#[test]
fn who_took_a_session() {
    let session = "arn:aws:sts::111122223333:assumed-role/cdk-deploy-role/aws-cdk-bob";
    let taken = |given: Value| {
        Record::new(json!({
            "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "readOnly": true, "responseElements": given,
            "requestParameters": { "roleArn": "arn:aws:iam::111122223333:role/x/cdk-deploy-role", "roleSessionName": "aws-cdk-bob" },
        }))
    };
    let key = |key: &str| json!({ "credentials": { "accessKeyId": key } });
    for (what, given, wanted, expected) in [
        ("by its access key", key("ASIA1"), Some("ASIA1"), true),
        ("another session of that name", key("ASIA2"), Some("ASIA1"), false),
        ("no access key is shown", Value::Null, Some("ASIA1"), true),
        ("by its ARN", json!({ "assumedRoleUser": { "arn": session } }), None, true),
    ] {
        assert_eq!(took(&taken(given), session, wanted), expected, "{what}");
    }
    let on_behalf = |arn: &str| {
        let record = Record::new(
            json!({ "userIdentity": { "type": "AssumedRole", "arn": arn, "accessKeyId": "ASIA1" } }),
        );
        session_on_behalf(&record)
    };
    assert_eq!(on_behalf(session), Some((session.to_owned(), Some("ASIA1".to_owned()))));
    assert_eq!(on_behalf("arn:aws:sts::111122223333:assumed-role/Dev/bob"), None, "he chose that name");
}

#[test]
fn whose_it_is() {
    let policy = Policy::default();
    let no_ci = Policy { skipped: vec![Kind::Ci], ..Policy::default() };
    let no_alice = Policy { excluded: vec!["ali*".to_owned()], ..Policy::default() };
    let pipeline = || json!({ "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/GitHubActions" });
    let proved = || {
        let mut user = pipeline();
        user["sessionContext"]["webIdFederationData"]["federatedProvider"] =
            "token.actions.githubusercontent.com".into();
        user
    };
    let by_cloudformation = |mut user: Value| {
        user["invokedBy"] = "cloudformation.amazonaws.com".into();
        user
    };
    let (nested, sets) = (
        by_cloudformation(session("stacks", "AWSCloudFormation")),
        session("AWSServiceRoleForCloudFormationStackSetsOrgMember", "x"),
    );
    for (what, user, policy, expected) in [
        ("a person", alice(), &policy, Some("alice")),
        ("a pipeline", pipeline(), &policy, Some("GitHubActions")),
        ("a pipeline, and those are skipped", proved(), &no_ci, None),
        ("one that only calls itself a pipeline", pipeline(), &no_ci, Some("GitHubActions")),
        ("somebody who is excluded", alice(), &no_alice, None),
        ("a stack within a stack", nested, &policy, None),
        ("a stack set", sets, &policy, None),
        ("nobody but an account", json!({}), &policy, Some("aws-account-111122223333")),
    ] {
        let found = value(&call("CreateStack", user, json!({})), policy);
        assert_eq!(found.as_deref(), expected, "{what}");
    }
    let name = crate::settings::template::ValueTemplate::parse("{kind}:{name}").unwrap();
    let mut other = Policy::default();
    other.tag.value = name;
    let found = value(&call("CreateStack", alice(), json!({})), &other);
    assert_eq!(found.as_deref(), Some("user:alice"), "by the same choices as every other resource's");
}
