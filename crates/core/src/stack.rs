//! Who made a CloudFormation stack, from the event history: this product does not tag stacks, since that would update
//! them, so a stack says whose it is only where somebody tagged it. Pure; `tagger-aws` asks.

use crate::{
    identity, inherit, json, patience::Age, policy::Policy, record::Record, value::fit, window::Window,
};

/// From this age of an event, in seconds, the history is asked: it shows a call some minutes after it was made.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
pub const SHOWN_AFTER: u64 = 2 * 60;
/// After so many seconds it shows a call for sure: "typically within an average of about 5 minutes", it says there.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>
pub const SHOWN_FOR_SURE: u64 = 10 * 60;
/// How long the history keeps a call, less a day.
const KEPT: u64 = 89 * 24 * 60 * 60;
/// Seconds before and after a stack's `CreationTime` in which the call that made it is looked for.
const AROUND: (u64, u64) = (10, 60);

/// Where in the history the call is that made a stack at `created`; none where it cannot be shown, or not any more.
/// `now` and `created` are in seconds since 1970.
pub fn window(created: u64, now: u64, age: Age) -> Option<Window> {
    let is_kept = now.saturating_sub(created) < KEPT;
    let (before, after) = AROUND;
    (is_kept && age.event >= SHOWN_AFTER)
        .then(|| Window { from: created.saturating_sub(before), until: created + after })
}

/// Whether this is the record of the call that made the stack: one of `made_by`, which answered with its ARN.
pub fn made(record: &Record, stack: &str, made_by: &[&str]) -> bool {
    let is_answer = || {
        let answered = json::at_path(record.value(), "responseElements.stackId");
        answered.into_iter().find_map(json::text).is_some_and(|arn| arn == stack)
    };
    record.event_source() == "cloudformation.amazonaws.com"
        && made_by.contains(&record.event_name().as_ref())
        && record.created_nothing().is_none()
        && is_answer()
}

/// What the creator's tag says for whoever made that call; none where that is a service again, or somebody whose
/// resources are left alone.
pub fn value(record: &Record, policy: &Policy) -> Option<String> {
    let creator = identity::identify(record);
    let left_alone = policy.skipped.contains(&creator.kind) || policy.excludes(record, &creator).is_some();
    if left_alone || inherit::acts_for_somebody(&creator) {
        return None;
    }
    let value = policy.creators_value(record, &creator)?;
    Some(fit(&value).into_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
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
        json!({ "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/{name}") })
    }

    #[test]
    fn where_it_is_looked_for() {
        let age = |event| Age { event, waited: event };
        let (made, day) = (1_795_509_000, 86_400);
        let window = Some(Window { from: made - 10, until: made + 60 });
        for (what, now, event, expected) in [
            ("just made, and not shown yet", made + 30, 30, None),
            ("two minutes later", made + 120, 120, window),
            ("a stack of last month, whose group grew", made + 30 * day, 120, window),
            ("older than the history", made + 90 * day, 120, None),
            ("a clock that is behind", made - 5, 200, window),
        ] {
            assert_eq!(super::window(made, now, age(event)), expected, "{what}");
        }
    }

    #[test]
    fn the_call_that_made_it() {
        let made_by = ["CreateStack", "CreateChangeSet"];
        for (what, name, more, expected) in [
            ("made at once", "CreateStack", json!({}), true),
            ("by a change set", "CreateChangeSet", json!({}), true),
            ("a change of it", "UpdateStack", json!({}), false),
            (
                "another stack",
                "CreateStack",
                json!({ "responseElements": { "stackId": "arn:other" } }),
                false,
            ),
            ("a call that failed", "CreateStack", json!({ "errorCode": "AccessDenied" }), false),
            ("a call without an answer", "CreateStack", json!({ "responseElements": null }), false),
            ("another service's", "CreateStack", json!({ "eventSource": "opsworks.amazonaws.com" }), false),
        ] {
            assert_eq!(made(&call(name, alice(), more), STACK, &made_by), expected, "{what}");
        }
    }

    #[test]
    fn whose_it_is() {
        let policy = Policy::default();
        let no_ci = Policy { skipped: vec![Kind::Ci], ..Policy::default() };
        let no_alice = Policy { excluded: vec!["ali*".to_owned()], ..Policy::default() };
        let pipeline = || json!({ "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/GitHubActions" });
        let (nested, sets) = (
            session("stacks", "AWSCloudFormation"),
            session("AWSServiceRoleForCloudFormationStackSetsOrgMember", "x"),
        );
        for (what, user, policy, expected) in [
            ("a person", alice(), &policy, Some("alice")),
            ("a pipeline", pipeline(), &policy, Some("GitHubActions")),
            ("a pipeline, and those are skipped", pipeline(), &no_ci, None),
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
}
