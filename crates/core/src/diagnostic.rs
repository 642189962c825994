//! Diagnostics: every reason for doing nothing, or less, with a stable code, a sentence and what to
//! do about it. `docs/diagnostics.md` is generated from [`Code::ALL`].

use serde::Serialize;
use serde_json::Value;
use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $stops:literal;)+) => {
        /// The stable name of a diagnostic.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code, in the order of the flow.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// The code as it is printed and logged.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)+ }
            }

            /// What the code means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc,)+).trim_ascii_start(),)+ }
            }

            /// Whether a record with this diagnostic gives no tag at all.
            pub fn stops(self) -> bool {
                match self { $(Code::$name => $stops,)+ }
            }
        }
    };
}

codes! {
    /// The JSON is not a CloudTrail record: it has no event source or no event name.
    NotARecord = "not-a-record", true;
    /// The call failed, so it created nothing.
    FailedCall = "failed-call", true;
    /// The call was a dry run, so it created nothing.
    DryRun = "dry-run", true;
    /// The call only read.
    ReadOnlyCall = "read-only-call", true;
    /// The catalog has no entry for this event: it is left alone for a reason that the message tells, creates nothing that can be tagged, or is not covered yet.
    UnknownEvent = "unknown-event", true;
    /// The record belongs to another account, whose own tagger answers it.
    OtherAccount = "other-account", true;
    /// Nothing in the record says who made the call, so the resource is left alone.
    CreatorUnknown = "creator-unknown", true;
    /// The configuration says that creators of this kind are skipped.
    KindSkipped = "kind-skipped", true;
    /// The configuration skips this kind of creator, but only a name that the caller may have chosen says that this is one, so the resource is tagged.
    KindNotProved = "kind-not-proved", false;
    /// The configuration excludes this principal.
    PrincipalExcluded = "principal-excluded", true;
    /// The configuration's scope leaves this service, type, account, region, VPC or time out.
    OutsideScope = "outside-scope", true;
    /// A tag of the request, or of the resource, says that it is to be left alone.
    OptedOut = "opted-out", true;
    /// The record does not hold the resource's name or ARN, so it cannot be addressed.
    NoResourceInRecord = "no-resource-in-record", true;
    /// The call changed something that existed, or only began something, so whoever made it is not its creator.
    UpdateCall = "update-call", true;
    /// AWS made and manages this, and lets nobody in the account tag it: it is left alone.
    NotOurs = "not-ours", true;
    /// The resource lies in another account than the record, so it is left to that account's tagger.
    ResourceInOtherAccount = "resource-in-other-account", true;
    /// The event fires again on what exists, and neither the record nor the service tells; a resource that has no creator's tag yet gets the name of this caller.
    MayBeUpdate = "may-be-update", false;
    /// A service made the call for a parent that somebody made: the resource gets the tag of the parent's creator, which is read when the plan is applied.
    InheritsFromParent = "inherits-from-parent", false;
    /// A service made the call, and either the record does not say for which parent or that one has no creator's tag; the resource gets the service's name.
    ParentUnknown = "parent-unknown", false;
    /// The service refuses a character of the creator's key, so its resource cannot have the tag; choose another key.
    TagKeyRefused = "tag-key-refused", true;
    /// The service refuses a character of a further tag's key, and that tag is left out.
    TagLeftOut = "tag-left-out", false;
    /// A tag value had characters that AWS, or this service, refuses, or was too long, and was made to fit.
    TagValueChanged = "tag-value-changed", false;
    /// A tag's template has no value for this record: a further tag is left out, the creator's tag holds the creator's name instead.
    TagValueEmpty = "tag-value-empty", false;
    /// A retry found another resource under the name: it was deleted and made again after the event, so the caller is not its creator.
    ResourceReplaced = "resource-replaced", true;
    /// The event also fires for what exists, and the service says that the resource was made before the call: the caller is not its creator.
    ResourceExisted = "resource-existed", true;
    /// The service does not tell when the resource was made, and the event is too old to be sure that it is still the same one; it is left alone.
    ResourceUncertain = "resource-uncertain", true;
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One finding about one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Its stable name.
    pub code: Code,
    /// What was found, with the names and values of this record.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

/// A text from a record, short enough for a message.
fn short(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What to do about resources that are not wanted, where no kind leaves them alone; with the ARN or the name of the role.
fn leave_role_alone(role: Option<&str>) -> String {
    let role = role.map_or_else(|| "ROLE".to_owned(), short);
    format!("nothing to do; to leave such resources alone, set `principals = [\"{role}\"]` under [exclude]")
}

impl Diagnostic {
    fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }

    pub(crate) fn not_a_record(value: &Value) -> Self {
        let found = match value {
            Value::Object(map) if map.is_empty() => "an empty object".to_owned(),
            Value::Object(map) => {
                let names: Vec<_> = map.keys().take(5).map(|name| short(name)).collect();
                format!("an object with {}", names.join(", "))
            }
            Value::Array(_) => "a list".to_owned(),
            Value::Null => "null".to_owned(),
            other => short(&other.to_string()),
        };
        Self::new(
            Code::NotARecord,
            format!("expected a CloudTrail record with eventSource and eventName, found {found}"),
            "pass a CloudTrail log file, an EventBridge event, the output of LookupEvents, or single records",
        )
    }

    pub(crate) fn failed_call(code: &str, message: Option<&str>) -> Self {
        let message = message.map(|message| format!(": {}", short(message))).unwrap_or_default();
        Self::new(
            Code::FailedCall,
            format!("the call failed with {}{message}", short(code)),
            "nothing to do: a failed call creates nothing",
        )
    }

    pub(crate) fn dry_run() -> Self {
        Self::new(Code::DryRun, "the call was a dry run", "nothing to do: a dry run creates nothing")
    }

    pub(crate) fn read_only_call() -> Self {
        Self::new(
            Code::ReadOnlyCall,
            "the call only reads (readOnly is true)",
            "nothing to do: it creates nothing",
        )
    }

    pub(crate) fn unknown_event(source: &str, name: &str) -> Self {
        if let Some(why) = tagger_catalog::left_alone(source, name) {
            return Self::new(
                Code::UnknownEvent,
                format!("the catalog leaves {} of {} alone: {why}", short(name), short(source)),
                "nothing to do: it was decided so; docs/resources.md and catalog/reference/refused.tsv have the reasons",
            );
        }
        Self::new(
            Code::UnknownEvent,
            format!("the catalog has no entry for {} of {}", short(name), short(source)),
            "if it creates something that can be tagged, add it: catalog/README.md says how, in five lines",
        )
    }

    pub(crate) fn other_account(account: &str, own: &str) -> Self {
        Self::new(
            Code::OtherAccount,
            format!("the record is of account {}, this function works for {own}", short(account)),
            "deploy the stack into that account as well; its own function tags what is created there",
        )
    }

    pub(crate) fn creator_unknown() -> Self {
        Self::new(
            Code::CreatorUnknown,
            "userIdentity names nobody: no principal, no ARN, no user, no account",
            "look the call up by its eventID in CloudTrail; tag the resource by hand",
        )
    }

    pub(crate) fn kind_skipped(kind: &str, name: &str) -> Self {
        Self::new(
            Code::KindSkipped,
            format!("{} is of kind {kind}, and the configuration skips that kind", short(name)),
            format!("set `{kind} = \"tag\"` under [kinds] to tag what such creators make"),
        )
    }

    pub(crate) fn kind_not_proved(kind: &str, name: &str, role: Option<&str>) -> Self {
        Self::new(
            Code::KindNotProved,
            format!(
                "the configuration skips the kind {kind}, but only a name that the caller may have chosen says that {} is one",
                short(name)
            ),
            leave_role_alone(role),
        )
    }

    pub(crate) fn principal_excluded(name: &str, pattern: &str) -> Self {
        Self::new(
            Code::PrincipalExcluded,
            format!("{} matches the excluded principal `{pattern}`", short(name)),
            "remove the pattern from [exclude] principals to tag what this principal makes",
        )
    }

    pub(crate) fn outside_scope(setting: &str, what: &str) -> Self {
        Self::new(
            Code::OutsideScope,
            format!("{}, and the configuration's scope leaves that out", short(what)),
            format!("change `{setting}` under [scope] to tag it"),
        )
    }

    pub(crate) fn opted_out(tag: &str, of: &str) -> Self {
        Self::new(
            Code::OptedOut,
            format!("{of} has the tag {}, which says that it is to be left alone", short(tag)),
            "nothing to do; without the tag, or without it under [opt-out], it is tagged",
        )
    }

    /// `missing` are the members without which no ARN can be put together, where the record lacks them.
    pub(crate) fn no_resource_in_record(resource_type: &str, looked_at: &str, missing: &[&str]) -> Self {
        let found = format!("found no {resource_type} in the record; looked for {looked_at}");
        if missing.is_empty() {
            return Self::new(
                Code::NoResourceInRecord,
                found,
                "look the call up by its eventID: the answer may be missing or shortened in this copy; else tag the resource by \
                 hand",
            );
        }
        Self::new(
            Code::NoResourceInRecord,
            format!("{found}; the record does not state {}", missing.join(" and ")),
            "pass the record with its EventBridge envelope, or add what it does not state; the function adds its own region",
        )
    }

    pub(crate) fn update_call(resource_type: &str, reason: &str) -> Self {
        Self::new(
            Code::UpdateCall,
            format!("the call made no new {resource_type}: {}", short(reason)),
            "nothing to do: what was there keeps its creator, and what a service makes later comes with a call of its own",
        )
    }

    pub(crate) fn not_ours(resource_type: &str, arn: &str, why: &str) -> Self {
        Self::new(
            Code::NotOurs,
            format!("the {resource_type} {} cannot be tagged by anybody in the account: {why}", short(arn)),
            "nothing to do: AWS lets nobody else tag it",
        )
    }

    pub(crate) fn may_be_update(resource_type: &str, event: &str) -> Self {
        Self::new(
            Code::MayBeUpdate,
            format!(
                "{event} also changes a {resource_type} that exists, and the record does not tell which it was"
            ),
            "a creator's tag that is there stays; tag older resources first where the difference matters",
        )
    }

    pub(crate) fn resource_in_other_account(arn: &str, own: &str) -> Self {
        Self::new(
            Code::ResourceInOtherAccount,
            format!("{} is not in account {own}", short(arn)),
            "deploy the stack into that account as well",
        )
    }

    pub(crate) fn inherits_from_parent(resource_type: &str, arn: &str, service: Option<&str>) -> Self {
        let otherwise = match service {
            Some(service) => format!("or, where that has none, {}", short(service)),
            None => "or, where that has none, no tag".to_owned(),
        };
        Self::new(
            Code::InheritsFromParent,
            format!(
                "a service made this for the {resource_type} {}, whose creator it gets; {otherwise}",
                short(arn)
            ),
            "nothing to do; tag the parent, if it was made before there was a tagger",
        )
    }

    /// Its own tags may still name a parent; `is_skipped` is whether it is left alone where they do not. `skipped_by` is the kind
    /// by which such resources are left alone, if one does.
    pub(crate) fn parent_unknown(
        name: &str,
        skipped_by: Option<&str>,
        role: Option<&str>,
        is_skipped: bool,
    ) -> Self {
        let otherwise = if is_skipped { "is left alone" } else { "gets that name" };
        let hint = match skipped_by {
            _ if is_skipped => "nothing to do".to_owned(),
            Some(kind) => {
                format!("nothing to do; to leave such resources alone, set `{kind} = \"skip\"` under [kinds]")
            }
            None => leave_role_alone(role),
        };
        Self::new(
            Code::ParentUnknown,
            format!(
                "{} made this for somebody whom the record does not name; it {otherwise}, unless its own tags name a parent",
                short(name)
            ),
            hint,
        )
    }

    pub(crate) fn resource_replaced(resource_type: &str, arn: &str) -> Self {
        Self::new(
            Code::ResourceReplaced,
            format!("the {resource_type} {} was made after the call of this record", short(arn)),
            "nothing to do: whoever made it again is its creator, by a record of its own",
        )
    }

    pub(crate) fn resource_existed(resource_type: &str, arn: &str) -> Self {
        Self::new(
            Code::ResourceExisted,
            format!("the {resource_type} {} was made before the call of this record", short(arn)),
            "nothing to do: its creator is whoever made it first",
        )
    }

    pub(crate) fn resource_uncertain(resource_type: &str, arn: &str, minutes: u64) -> Self {
        Self::new(
            Code::ResourceUncertain,
            format!(
                "nothing tells whether {} is still the {resource_type} of this call, which was more than {minutes} minutes ago",
                short(arn)
            ),
            "if nobody deleted it and made it again, tag it by hand, or send the record again as confirmed",
        )
    }

    pub(crate) fn tag_value_changed(key: &str, from: &str, to: &str) -> Self {
        Self::new(
            Code::TagValueChanged,
            format!(
                "the value of {key} was {:?}, which AWS does not accept as a tag; it becomes {to:?}",
                short(from)
            ),
            "tag values hold letters, digits, spaces and _ . : / = + - @, up to 255 characters",
        )
    }

    pub(crate) fn tag_value_changed_for(what: &str, key: &str, from: &str, to: &str) -> Self {
        Self::new(
            Code::TagValueChanged,
            format!(
                "the value of {key} was {:?}, which {what} does not accept as a tag; it becomes {to:?}",
                short(from)
            ),
            "a few services accept fewer characters than the others; elsewhere the value stays as it is",
        )
    }

    pub(crate) fn tag_key_refused(what: &str, key: &str, character: char) -> Self {
        Self::new(
            Code::TagKeyRefused,
            format!(
                "{what} cannot have a tag with the key {key:?}: its service refuses {character:?} in keys"
            ),
            "choose a key of letters, digits, _ and - (TAGGER_KEY, tag.key, the parameter TagKey); every service accepts those",
        )
    }

    pub(crate) fn tag_left_out(what: &str, key: &str, character: char) -> Self {
        Self::new(
            Code::TagLeftOut,
            format!("{what} does not get the further tag {key:?}: its service refuses {character:?} in keys"),
            "choose a key of letters, digits, _ and - for it (TAGGER_TAGS, [tags], the parameter MoreTags)",
        )
    }

    pub(crate) fn tag_value_empty(key: &str, template: &str, missing: &str) -> Self {
        Self::new(
            Code::TagValueEmpty,
            format!(
                "the template `{template}` of {key} has no value for this record, {missing} gives none; the tag is left out"
            ),
            "give an alternative, for example `{session|name}` or `{invokedBy|default:nobody}`",
        )
    }

    pub(crate) fn creators_value_empty(key: &str, template: &str, missing: &str, name: &str) -> Self {
        Self::new(
            Code::TagValueEmpty,
            format!(
                "the template `{template}` of {key} has no value for this record, {missing} gives none; it is {} instead",
                short(name)
            ),
            "give an alternative, for example `{session|name}`, or a template for this kind of creator under [value]",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_kebab_case_and_have_a_meaning() {
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code:?}");
            assert!(code.meaning().ends_with('.'), "{code:?}: {}", code.meaning());
        }
    }
}
