//! What to do about dead letters of one reason. Pure.

use super::letter::{UNCERTAIN, UNREADABLE, Why};

const BACK: &str = "then move these back";

/// One sentence.
pub fn advice(why: &Why) -> String {
    // An error that is of this class by now may have been given up under another one.
    let code = why.code.strip_suffix("Exception").unwrap_or(&why.code);
    if why.class == "not-ours" || ["UnmodifiableEntity", "ManagedRule"].contains(&code) {
        return "only AWS may tag these, and new ones are left alone: --discard".to_owned();
    }
    match (why.class.as_str(), why.by, why.code.as_str()) {
        ("denied", Some("service-control-policy"), _) => {
            format!("let the organization's policies allow the call to AutoResourceTaggerRole, {BACK}")
        }
        ("denied", Some("tag-policy"), _) => {
            format!("let the organization's tag policy take the tag, or change the settings' tag, {BACK}")
        }
        ("denied", ..) => {
            format!("`tagger doctor` says what the role may not do; a key's or bucket's own policy can refuse it too; {BACK}")
        }
        ("limit-reached", ..) => format!("these have as many tags as they may have: remove one of each, {BACK}; or --discard"),
        ("unsupported", ..) => "the service cannot tag these as they are: --discard".to_owned(),
        ("not-ready", ..) => format!("these were not done within a day: wait until they are, {BACK}"),
        ("throttled", ..) => "the service took too many calls for a day: move these back when it is quiet".to_owned(),
        (_, _, UNCERTAIN) => {
            "if they are still the ones of their records, move these back with --confirm; else tag them by hand, then --discard".to_owned()
        }
        (_, _, "never-seen" | "no-resource-in-record" | "ChildNotCertain") => {
            "look the call up by its event id, tag the resource by hand, then --discard".to_owned()
        }
        (_, _, "no-longer-planned") => "move these back: the whole record is planned anew".to_owned(),
        (_, _, UNREADABLE) => "there is no record in these: look at one with `tagger explain`, then --discard".to_owned(),
        ("undelivered", ..) => format!("`tagger doctor` says why rules cannot reach the function; {BACK}"),
        _ => format!("fix what the words say (docs/operations.md#the-log), {BACK}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_something_to_do() {
        let why = |class: &str, by, code: &str| Why {
            class: class.to_owned(),
            by,
            code: code.to_owned(),
            ..Why::default()
        };
        for (why, part) in [
            (why("failed", None, "UnmodifiableEntity"), "only AWS may"),
            (why("unsupported", None, "ManagedRuleException"), "only AWS may"),
            (why("denied", Some("permission"), "AccessDenied"), "tagger doctor"),
            (why("denied", Some("service-control-policy"), "AccessDenied"), "organization's policies"),
            (why("denied", Some("tag-policy"), "X"), "tag policy"),
            (why("limit-reached", None, "X"), "remove one"),
            (why("not-ready", None, "ChildrenNotVisible"), "not done within a day"),
            (why("failed", None, UNCERTAIN), "--confirm"),
            (why("failed", None, "never-seen"), "by hand"),
            (why("undelivered", None, "NO_PERMISSIONS"), "rules"),
            (why("failed", None, "Whatever"), "the-log"),
        ] {
            let found = advice(&why);
            assert!(found.contains(part), "{why:?}: expected {part}, found {found}");
        }
    }
}
