//! Who made a call: names of sessions in a table, the inputs that people reported, what leaves a creator alone, and that nobody
//! gets another's name. Shapes of `userIdentity` are in `golden.rs`.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read samples")]

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tagger_core::{Plan, Policy, Record, config, containers, identity, plan};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A creation by whoever `user` is.
fn creation(user: Value) -> Record {
    Record::new(json!({
        "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "awsRegion": "eu-west-1",
        "eventTime": "2026-11-24T08:30:00Z", "recipientAccountId": "111122223333", "userIdentity": user,
        "requestParameters": { "queueName": "jobs" },
        "responseElements": { "queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs" },
    }))
}

/// The `userIdentity` of a role session, as CloudTrail writes it, with further members of it and of its session context.
fn session(role: &str, path: &str, session: &str, more: Value, context: Value) -> Value {
    let mut user = json!({
        "type": "AssumedRole", "principalId": format!("AROAEXAMPLEEXAMPLE001:{session}"), "accountId": "111122223333",
        "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/{session}"),
        "sessionContext": { "sessionIssuer": {
            "type": "Role", "principalId": "AROAEXAMPLEEXAMPLE001", "accountId": "111122223333", "userName": role,
            "arn": format!("arn:aws:iam::111122223333:role/{path}{role}"),
        } },
    });
    let extend = |into: &mut Value, more: Value| {
        into.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    };
    extend(&mut user["sessionContext"], context);
    extend(&mut user, more);
    user
}

fn creators_tag(plan: &Plan) -> Option<&str> {
    plan.tags.first().map(|(_, value)| value.as_str())
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// Session, role, name, kind.
fn table() -> Vec<[String; 4]> {
    let path = root().join("catalog/samples/sessions.tsv");
    let text = fs::read_to_string(&path).unwrap();
    let rows = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    let rows = rows.map(|(index, line)| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [session, role, name, kind, what, source] = columns[..] else {
            panic!("sessions.tsv:{}: expected six columns, found {}", index + 1, columns.len());
        };
        assert!(
            !what.is_empty() && source.starts_with("https://"),
            "sessions.tsv:{}: what and source",
            index + 1
        );
        [session, role, name, kind].map(str::to_owned)
    });
    rows.collect()
}

#[test]
fn names_of_sessions() {
    let raw = config::from_toml("[tag]\nvalue = \"{session}\"\n").unwrap();
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for [name, role, expected, kind] in table() {
        let path = if role.starts_with("AWSReservedSSO_") { "aws-reserved/sso.amazonaws.com/" } else { "" };
        let record = creation(session(&role, path, &name, json!({}), json!({})));
        let creator = identity::identify(&record);
        let found = (creator.name.as_deref(), creator.kind.as_str());
        if found != (Some(expected.as_str()), kind.as_str()) {
            wrong.push(format!("{name} of {role}: expected {expected} ({kind}), found {found:?}"));
        }
        let passed_over = creator.passed_over.as_deref();
        assert_eq!(
            passed_over,
            (expected != name).then_some(name.as_str()),
            "{name}: what is passed over is kept"
        );
        let found = plan(&record, &raw, None);
        let fitted: String = name.chars().map(|c| if c == ',' { '_' } else { c }).collect();
        assert_eq!(creators_tag(&found), Some(fitted.as_str()), "{{session}} is the text of the record");
        seen.insert(name);
    }
    assert!(
        wrong.is_empty(),
        "{} wrong; the table is catalog/samples/sessions.tsv:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(seen.len() >= 150, "only {} names are in the table", seen.len());
}

/// The table's names as principals that have no ARN, or no `principalId`: the same name comes out wherever the session stands.
#[test]
fn a_session_has_the_same_name_wherever_it_stands() {
    for [name, role, expected, kind] in table() {
        let whole = session(&role, "", &name, json!({}), json!({}));
        for member in ["arn", "principalId"] {
            let mut user = whole.clone();
            user.as_object_mut().unwrap().remove(member);
            let creator = identity::identify(&creation(user));
            let found = (creator.name.as_deref(), creator.kind.as_str());
            assert_eq!(found, (Some(expected.as_str()), kind.as_str()), "{name} of {role} without {member}");
        }
    }
}

fn report(file: &str) -> Vec<Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let path = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let path =
        path.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with(file)).unwrap();
    let value: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    containers::records_in(value)
        .into_iter()
        .map(|record| record.unwrap_or_else(|problem| panic!("{problem}")))
        .collect()
}

#[test]
fn reported_names() {
    for (file, expected) in [
        ("02", &[("servicecatalog", "workload")][..]),
        ("03", &[("jane.doe@example.com", "person")]),
        ("05", &[("EMR_DefaultRole", "workload")]),
        (
            "07",
            &[("ProdAdmin", "workload"), ("ProdAdmin", "role"), ("ProdAdmin", "role"), ("ProdAdmin", "role")],
        ),
        (
            "08",
            &[
                ("prod-karpenter-controller", "workload"),
                ("prod-karpenter-controller", "workload"),
                ("prod-karpenter-controller", "workload"),
                ("jane@example.com", "person"),
            ],
        ),
        ("11", &[("ci", "ci")]),
        ("12", &[("build-agent-07.example.internal", "workload")]),
        ("13", &[("sso.amazonaws.com", "service")]),
        (
            "18",
            &[
                ("elasticloadbalancing.amazonaws.com", "service"),
                ("ecs.amazonaws.com", "service"),
                ("fn-role", "workload"),
            ],
        ),
        ("21", &[("AWSCloudFormation", "workload"), ("AWSCloudFormation", "workload")]),
        ("23", &[("AWSAFT-Session", "ci"), ("jane.doe@example.com", "person")]),
    ] {
        let creators: Vec<_> = report(file).iter().map(identity::identify).collect();
        let found: Vec<_> = creators
            .iter()
            .map(|creator| (creator.name.as_deref().unwrap(), creator.kind.as_str()))
            .collect();
        assert_eq!(found, expected, "report {file}");
    }
}

#[test]
fn a_hint_is_true_for_the_kind_at_hand() {
    let services = config::from_toml("[kinds]\nservice = \"skip\"\n").unwrap();
    // CloudFormation with a role of the account's own is no service, and the hint names what does leave it alone.
    let record = &report("21")[0];
    let found = plan(record, &services, None);
    assert_eq!(creators_tag(&found), Some("AWSCloudFormation"));
    let hint = &found.diagnostics.iter().find(|one| one.code.as_str() == "parent-unknown").unwrap().hint;
    let (_, setting) = hint.split_once('`').unwrap();
    let settings = format!("[exclude]\n{}\n", setting.split_once('`').unwrap().0);
    let found = plan(record, &config::from_toml(&settings).unwrap(), None);
    assert_eq!(codes(&found), ["principal-excluded"], "{hint}");
    // A service-linked role's is one.
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/samples/iam/CreateSAMLProvider.json");
    let sample: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let record = &containers::records_in(sample["record"].clone()).remove(0).unwrap();
    let found = plan(record, &Policy::default(), None);
    let hint = &found.diagnostics.iter().find(|one| one.code.as_str() == "parent-unknown").unwrap().hint;
    assert!(hint.contains("service = \"skip\""), "{hint}");
    assert_eq!(codes(&plan(record, &services, None)), ["kind-skipped"]);
}

#[test]
fn nobody_names_himself_out_of_tagging() {
    let github =
        json!({ "webIdFederationData": { "federatedProvider": "token.actions.githubusercontent.com" } });
    let pod =
        json!({ "webIdFederationData": { "federatedProvider": "oidc.eks.eu-west-1.amazonaws.com/id/0A" } });
    let none = || json!({});
    let dev = |name: &str| session("Dev", "", name, none(), none());
    let sso = "AWSReservedSSO_Dev_0123456789abcdef";
    let linked = "aws-service-role/ecs.amazonaws.com/";
    for (what, user, skipped, expected) in [
        ("a session called as a pipeline's", dev("GitHubActions"), "ci", "kind-not-proved"),
        (
            "a pipeline's id as a session",
            dev("buildkite-job-0184990a-477b-4fa8-9968-496074483cee"),
            "ci",
            "kind-not-proved",
        ),
        (
            "a pipeline, by its provider",
            session("Dev", "", "GitHubActions", none(), github.clone()),
            "ci",
            "kind-skipped",
        ),
        ("a pipeline that somebody started", session("Dev", "", "x", none(), github), "ci", "kind-skipped"),
        ("a session called as an instance's", dev("i-0a1b2c3d4e5f67890"), "workload", "kind-not-proved"),
        (
            "a person's profile, which an SDK named",
            dev("botocore-session-1693400000"),
            "workload",
            "kind-not-proved",
        ),
        ("a pod, by its provider", session("Dev", "", "x", none(), pod), "workload", "kind-skipped"),
        (
            "an instance, by its credentials",
            session("Dev", "", "i-0a1b2c3d4e5f67890", none(), json!({ "ec2RoleDelivery": "2.0" })),
            "workload",
            "kind-skipped",
        ),
        ("a session called as an e-mail address", dev("bob@example.com"), "person", "kind-not-proved"),
        (
            "a source identity of a host",
            session("Dev", "", "bob", none(), json!({ "sourceIdentity": "db01.example.internal" })),
            "workload",
            "kind-not-proved",
        ),
        (
            "a role called as Identity Center's",
            session(sso, "", "bob", none(), none()),
            "person",
            "kind-not-proved",
        ),
        (
            "Identity Center, by the role's path",
            session(sso, "aws-reserved/sso.amazonaws.com/", "bob", none(), none()),
            "person",
            "kind-skipped",
        ),
        (
            "a role called as a service-linked one",
            session("AWSServiceRoleForECS", "", "ECS", none(), none()),
            "service",
            "",
        ),
        (
            "a service-linked role",
            session("AWSServiceRoleForECS", linked, "ECS", none(), none()),
            "service",
            "kind-skipped",
        ),
        ("a role session, which is one whatever it is called", dev("bob"), "role", "kind-skipped"),
        (
            "a user",
            json!({ "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob" }),
            "user",
            "kind-skipped",
        ),
    ] {
        let policy = config::from_toml(&format!("[kinds]\n{skipped} = \"skip\"\n")).unwrap();
        let found = plan(&creation(user), &policy, None);
        let expected_codes: Vec<&str> = Some(expected).filter(|code| !code.is_empty()).into_iter().collect();
        assert_eq!(codes(&found), expected_codes, "{what}: {:?}", found.diagnostics);
        assert_eq!(found.actions.is_empty(), expected == "kind-skipped", "{what}");
    }
}

#[test]
fn patterns_are_of_users_and_roles_unless_they_say_session() {
    let none = || json!({});
    let user =
        |name: &str| json!({ "type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{name}") });
    let dev = |name: &str| session("Dev", "", name, none(), none());
    let sso =
        |path: &str| session("AWSReservedSSO_Dev_0123456789abcdef", path, "jane@example.com", none(), none());
    let federated = |name: &str| {
        json!({
            "type": "FederatedUser", "arn": format!("arn:aws:sts::111122223333:federated-user/{name}"),
            "sessionContext": { "sessionIssuer": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" } },
        })
    };
    let sourced = || session("Dev", "", "x", none(), json!({ "sourceIdentity": "ci-foo" }));
    for (what, user, pattern, expected) in [
        ("a session, by a plain pattern", dev("ci-foo"), "ci-*", false),
        ("a session, by a pattern of anything around", dev("ci-foo"), "*ci-*", false),
        ("a session, by its ARN", dev("ci-foo"), "arn:aws:sts::*:assumed-role/Dev/ci-*", false),
        ("a session, where it says so", dev("ci-foo"), "session:ci-*", true),
        (
            "a session's ARN, where it says so",
            dev("ci-foo"),
            "session:arn:aws:sts::*:assumed-role/Dev/ci-*",
            true,
        ),
        ("another session", dev("foo"), "session:ci-*", false),
        ("a role, by its name", dev("ci-foo"), "Dev", true),
        ("a role, by a pattern", dev("ci-foo"), "D*v", true),
        ("a role, by its own ARN", dev("ci-foo"), "arn:aws:iam::*:role/Dev", true),
        ("a role, by the ARN of its sessions", dev("ci-foo"), "arn:aws:sts::*:assumed-role/Dev/*", true),
        (
            "a role, by the ARN of its sessions without one",
            dev("ci-foo"),
            "arn:aws:sts::111122223333:assumed-role/Dev",
            true,
        ),
        ("another role, called by the session", dev("Admin"), "Admin", false),
        ("a user", user("ci-foo"), "ci-*", true),
        ("a user, by the ARN", user("ci-foo"), "arn:aws:iam::*:user/ci-*", true),
        ("a user, as a session", user("ci-foo"), "session:ci-*", false),
        ("a source identity", sourced(), "ci-*", false),
        ("a source identity, where it says so", sourced(), "session:ci-*", true),
        ("a federated user", federated("ci-foo"), "ci-*", false),
        ("a federated user, where it says so", federated("ci-foo"), "session:ci-*", true),
        ("whoever began a federated user's session", federated("ci-foo"), "alice", true),
        ("a user of Identity Center", sso("aws-reserved/sso.amazonaws.com/"), "jane@example.com", true),
        (
            "a user of Identity Center, by the ARN",
            sso("aws-reserved/sso.amazonaws.com/"),
            "arn:*:assumed-role/*/jane@*",
            true,
        ),
        ("a role that is only called as Identity Center's", sso(""), "jane@example.com", false),
        (
            "a service",
            json!({ "type": "AWSService", "invokedBy": "ec2.amazonaws.com" }),
            "*.amazonaws.com",
            true,
        ),
        (
            "the service of a service-linked role",
            session("AWSServiceRoleForECS", "aws-service-role/ecs.amazonaws.com/", "x", none(), none()),
            "ecs.amazonaws.com",
            true,
        ),
        ("root", json!({ "type": "Root", "arn": "arn:aws:iam::111122223333:root" }), "root", true),
        (
            "an account",
            json!({ "type": "AWSAccount", "accountId": "777788889999" }),
            "aws-account-7777*",
            true,
        ),
        ("anybody", dev("bob"), "*", true),
        ("any session", dev("bob"), "session:*", true),
        ("any session, of a user", user("bob"), "session:*", false),
    ] {
        let policy = Policy { excluded: vec![pattern.to_owned()], ..Policy::default() };
        let record = creation(user);
        let found = policy.excludes(&record, &identity::identify(&record)).is_some();
        assert_eq!(found, expected, "{what}: {pattern}");
    }
}

/// Whoever makes a call can write what he likes into the request, and some of it comes back in the answer. None of it becomes
/// somebody's name, in any record of the catalog.
#[test]
fn no_field_but_the_identity_names_the_creator() {
    let mallory = || session("Dev", "", "mallory", json!({}), json!({}));
    let bob = || json!({ "type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::111122223333:user/bob" });
    let mut seen = 0;
    let mut folders = vec![root().join("catalog/samples")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.to_string_lossy().into_owned();
            if !name.ends_with(".json") || name.ends_with(".plan.json") {
                continue;
            }
            let sample: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            for record in containers::records_in(sample["record"].clone()).into_iter().flatten() {
                let mut value = record.value().clone();
                value["userIdentity"] = mallory();
                for (member, text) in [
                    ("userAgent", json!("bob")),
                    ("sourceIPAddress", json!("cloudformation.amazonaws.com")),
                    ("userName", json!("bob")),
                    ("principalId", json!("AROAEXAMPLE:bob")),
                    ("arn", json!("arn:aws:iam::111122223333:user/bob")),
                    ("sourceIdentity", json!("bob")),
                    ("onBehalfOf", json!({ "userId": "bob" })),
                    ("invokedBy", json!("bob")),
                    (
                        "sessionContext",
                        json!({ "sourceIdentity": "bob", "originIdentity": { "subject": "bob" } }),
                    ),
                    ("additionalEventData", json!({ "userIdentity": bob(), "userName": "bob" })),
                    ("tlsDetails", json!({ "clientProvidedHostHeader": "bob" })),
                    ("sharedEventID", json!("bob")),
                ] {
                    value[member] = text;
                }
                for part in ["requestParameters", "responseElements"] {
                    let Value::Object(map) = &mut value[part] else { continue };
                    for (member, inner) in [
                        ("userIdentity", bob()),
                        ("createdBy", json!("bob")),
                        ("CreatedBy", json!("bob")),
                        ("sourceIdentity", json!("bob")),
                        ("originIdentity", json!({ "subject": "bob", "subjectType": "user" })),
                        ("onBehalfOf", json!({ "userId": "bob" })),
                    ] {
                        map.entry(member).or_insert(inner);
                    }
                }
                let record = Record::new(value);
                let creator = identity::identify(&record);
                assert_eq!(creator.name.as_deref(), Some("mallory"), "{name}");
                let found = plan(&record, &Policy::default(), None);
                if let Some(value) = creators_tag(&found) {
                    assert_eq!(value, "mallory", "{name}");
                    seen += 1;
                }
                assert!(found.inherit.is_none(), "{name}: a person inherits from nobody");
            }
        }
    }
    assert!(seen > 900, "only {seen} records gave a creator's tag");
}

/// What whoever begins a session may choose is his own name or none: whatever he calls it, he is called that or by his role.
#[test]
fn a_session_is_called_by_its_name_or_by_its_role() {
    let services = [
        "AWSCloudFormation",
        "AWSServiceRoleForECS",
        "root",
        "ec2.amazonaws.com",
        "aws-account-777788889999",
    ];
    let others = services.into_iter().map(str::to_owned).chain(table().into_iter().map(|[name, ..]| name));
    for name in others {
        for (member, value) in [
            (
                "principalTags",
                json!({ "originIdentity": { "subject": "bob" }, "sourceIdentity": "bob", "userName": "bob" }),
            ),
            ("sessionTags", json!({ "aws:OriginIdentity": "bob" })),
            (
                "webIdFederationData",
                json!({ "federatedProvider": "idp.example.com", "attributes": { "sub": "bob", "originIdentity": "bob" } }),
            ),
        ] {
            let user = session("Dev", "", &name, json!({}), json!({ member: value }));
            let found = identity::identify(&creation(user)).name.unwrap();
            assert!([name.as_str(), "Dev"].contains(&found.as_str()), "{name} with {member} became {found}");
        }
    }
}
