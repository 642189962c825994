//! Whether what a stack would be told works, before anything is made or changed: each value is held against the
//! template's own declaration, and what the function reads against the parser with which it reads it. And which settings
//! will hold then, in words.

use super::parameters::Parameters;
use crate::{
    config_file::ConfigFile,
    exit_code::Error,
    held_settings::{self, VARIABLES},
    output,
    report::Report,
    templates::{self, Declared},
};
use fancy_regex::Regex;
use serde_json::json;
use std::collections::BTreeMap;
use tagger_aws::account::stacks::Stack;
use tagger_core::{
    Policy, config,
    settings::{near::nearest, words},
};

/// What was given with `--set`, each by itself, before AWS is asked. `templates` are those of which one has to
/// have the parameter.
///
/// # Errors
/// An unknown name, or a value that its declaration or the function's parser does not allow.
pub fn check_each(templates: &[&str], set: &[(String, String)]) -> Result<(), Error> {
    let known: Vec<Declared> = templates.iter().flat_map(|template| templates::declared(template)).collect();
    for (name, value) in set {
        let Some(declared) = known.iter().find(|one| one.name == name) else {
            let names: Vec<&str> =
                templates.iter().flat_map(|template| templates::parameters(template)).collect();
            let near = nearest(name, names.iter().copied());
            return Err(Error::Usage(format!(
                "--set {name}: unknown parameter{near}; known are {}",
                names.join(", ")
            )));
        };
        let wrong = |reason: String| Error::Usage(format!("--set {name}={value}: {reason}"));
        if let Some((_, variable)) = VARIABLES.iter().find(|(parameter, _)| parameter == name)
            && !value.is_empty()
        {
            // The key of the creator's tag may be another by now: it is none of the further tags here.
            let mut alone = Policy::default();
            alone.tag.key = "TheKeyOfTheStack".to_owned();
            let read = config::from_environment(alone, [((*variable).to_owned(), value.clone())]);
            read.map_err(|error| wrong(error.message))?;
        }
        fits(declared, value).map_err(wrong)?;
    }
    Ok(())
}

/// What the stack's parameters would be: those that it is told, those that it keeps, and the template's defaults.
pub fn effective(template: &str, parameters: &Parameters, stack: Option<&Stack>) -> BTreeMap<String, String> {
    let kept = |name: &str| stack.and_then(|stack| stack.parameters.get(name)).map(String::as_str);
    let told: BTreeMap<&str, Option<&str>> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let value = |one: &Declared| match told.get(one.name) {
        Some(Some(value)) => Some((*value).to_owned()),
        Some(None) => kept(one.name).map(str::to_owned),
        None => one.default.map(str::to_owned),
    };
    let declared = templates::declared(template);
    declared.iter().filter_map(|one| Some((one.name.to_owned(), value(one)?))).collect()
}

/// All that the stack would be told, and what it keeps, together, on top of the settings file. `named` says where a value
/// is from that somebody just gave; any other is the stack's own. Returns the settings that would hold.
///
/// # Errors
/// A value that is not allowed, or settings that do not go together.
pub fn check_all(
    template: &str,
    parameters: &Parameters,
    stack: Option<&Stack>,
    file: Option<&ConfigFile>,
    named: impl Fn(&str) -> Option<&'static str>,
) -> Result<Policy, Error> {
    let declared = templates::declared(template);
    let wrong = |name: &str, value: &str, reason: &str| {
        Error::Usage(match named(name) {
            Some(option) => format!("{option}: {name}={value}: {reason}"),
            None => format!(
                "the stack has {name}={value}: {reason}\n  nothing was changed; give another value with --set {name}=…"
            ),
        })
    };
    let effective = effective(template, parameters, stack);
    let policy = held_settings::policy(file, &effective).map_err(|error| {
        let found = VARIABLES.iter().find(|(_, variable)| *variable == error.setting);
        let name = found.map_or("the settings", |(name, _)| name);
        wrong(name, effective.get(name).map_or("", String::as_str), &error.message)
    })?;
    for one in &declared {
        if let Some(value) = effective.get(one.name) {
            fits(one, value).map_err(|reason| wrong(one.name, value, &reason))?;
        }
    }
    Ok(policy)
}

/// Says in words which settings will hold, and what changes of those that hold now.
///
/// # Errors
/// Standard output is closed.
pub fn say(before: Option<&Policy>, after: &Policy, report: Report) -> Result<(), Error> {
    let lines = words::of(after);
    let rows: Vec<Vec<String>> =
        lines.iter().map(|(about, what)| vec![format!("  {about}"), what.clone()]).collect();
    let mut text = format!("\nSettings:\n{}", output::columns(&rows).trim_end());
    let changes = before.map(|before| words::changes(before, after)).unwrap_or_default();
    if !changes.is_empty() {
        let rows: Vec<Vec<String>> = changes
            .iter()
            .map(|(sign, about, what)| vec![format!("  {sign}  {about}"), what.clone()])
            .collect();
        text.push_str(&format!("\nof which change:\n{}", output::columns(&rows).trim_end()));
    }
    let changes =
        changes.iter().map(|(sign, about, what)| json!({ "sign": sign, "about": about, "what": what }));
    let more = json!({
        "settings": lines.iter().map(|(about, what)| json!({ "about": about, "what": what })).collect::<Vec<_>>(),
        "changes": changes.collect::<Vec<_>>(),
    });
    report.say("settings", &text, more)
}

/// Whether CloudFormation would take a value.
fn fits(declared: &Declared, value: &str) -> Result<(), String> {
    if !declared.allowed.is_empty() && !declared.allowed.contains(&value) {
        let words = declared.allowed.iter().map(|word| if word.is_empty() { "nothing" } else { word });
        let near = nearest(value, declared.allowed.iter().copied());
        return Err(format!("it has to be one of {}{near}", words.collect::<Vec<_>>().join(", ")));
    }
    let characters = value.chars().count();
    if let Some(most) = declared.most.filter(|most| characters > *most) {
        return Err(format!("it has {characters} characters, {most} at most; {}", declared.rule));
    }
    let Some(pattern) = declared.pattern else { return Ok(()) };
    let pattern = Regex::new(pattern)
        .map_err(|error| format!("the pattern of {} in the template: {error}", declared.name))?;
    let items = if declared.kind == "CommaDelimitedList" { value.split(',').collect() } else { vec![value] };
    for item in items {
        // What is too long for the pattern's matching is not what the template allows either.
        if !pattern.is_match(item).unwrap_or(false) {
            return Err(format!("this is not allowed; {}", declared.rule));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::{ORGANIZATION, TAGGER};

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    /// What is wrong by itself is told before AWS is asked, with the parameter and what is allowed.
    #[test]
    fn each_value_is_checked_by_itself() {
        for (name, value, says) in [
            ("LogRetentionDay", "1", "did you mean `LogRetentionDays`?"),
            ("LogRetentionDays", "2", "one of 1, 3, 5"),
            ("Reconcile", "hourl", "did you mean `hourly`?"),
            ("Existing", "kepe", "did you mean `keep`?"),
            ("TagValue", "{nme}", "did you mean `name`?"),
            ("TagValue", "{name", "`{` without `}`"),
            ("TagValue", "{name|lwoer}", "did you mean `lower`?"),
            ("TagValue", "  ", "the value is empty"),
            ("TagKey", "aws:x", "belong to AWS"),
            ("TagKey", "a,b", "`,` cannot stand"),
            ("MoreTags", "CreatedAt={eventTme}", "did you mean `eventTime`?"),
            ("MoreTags", "CreatedAt", "Key=value"),
            ("MoreTags", "Team=a;team=b", "the key `team` is set twice"),
            ("SkipKinds", "robot", "`robot` is not one of person"),
            ("AlarmEmail", "alice", "One e-mail address"),
            ("ExistingTrail", "a b", "A trail's name"),
            ("TagValue", &"x".repeat(256), "256 characters"),
            ("MoreTags", &format!("A={}", "{name}".repeat(150)), "902 characters, 900 at most"),
        ] {
            let error = check_each(&[TAGGER], &[pair(name, value)]).unwrap_err();
            assert!(matches!(error, Error::Usage(_)), "{name}={value}: {error:?}");
            let said = error.to_string();
            assert!(
                said.starts_with(&format!("--set {name}")) && said.contains(says),
                "{name}={value}: {said}"
            );
        }
        for (name, value) in [
            ("LogRetentionDays", "90"),
            ("TagValue", ""),
            ("TagValue", "{session|name} via {invokedBy}"),
            ("MoreTags", "CreatedBy={eventTime}"),
            ("MoreTags", "CreatedAt={eventTime};Team=platform;"),
            ("SkipKinds", "service, ci"),
            ("ExcludePrincipals", "arn:*:iam::*:role/terraform-* bot"),
        ] {
            check_each(&[TAGGER], &[pair(name, value)])
                .unwrap_or_else(|said| panic!("{name}={value}: {said}"));
        }
        let both = [pair("ForwarderRegions", "us-west-2,eu-west-1"), pair("Dashboard", "no")];
        check_each(&[ORGANIZATION, TAGGER], &both).unwrap();
        let wrong = check_each(&[ORGANIZATION], &[pair("TargetIds", "ou-ab12-cdef3456,x")]).unwrap_err();
        assert!(wrong.to_string().contains("Ids of organizational units"), "{wrong}");
    }

    /// What is right by itself can be wrong together with what the stack has.
    #[test]
    fn new_and_kept_values_are_checked_together() {
        let stack = Stack {
            parameters: [("TagKey", "Owner"), ("MoreTags", "Team=x"), ("TagValue", "{nme}")]
                .map(|(name, value)| pair(name, value))
                .into(),
            ..Stack::default()
        };
        let code = || {
            vec![
                ("CodeBucket".to_owned(), Some("abc".to_owned())),
                ("CodeKey".to_owned(), Some("k".to_owned())),
            ]
        };
        let set = |more: &[(&str, Option<&str>)]| -> Parameters {
            let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)));
            code().into_iter().chain(more).collect()
        };
        type Case<'a> = (&'a str, Parameters, Option<&'a Stack>, Option<&'a str>);
        let cases: &[Case] = &[
            (
                "the default key",
                set(&[("MoreTags", Some("createdby=x"))]),
                None,
                Some("--set: MoreTags=createdby=x: the key `createdby` is set twice"),
            ),
            (
                "the stack's key",
                set(&[("TagKey", None), ("MoreTags", Some("createdby=x"))]),
                Some(&stack),
                None,
            ),
            (
                "the stack's further tags",
                set(&[("TagKey", Some("team")), ("MoreTags", None)]),
                Some(&stack),
                Some("the stack has MoreTags=Team=x: the key `Team` is set twice"),
            ),
            (
                "the stack's value is wrong",
                set(&[("TagValue", None)]),
                Some(&stack),
                Some("the stack has TagValue={nme}: unknown name `{nme}`; did you mean `name`?"),
            ),
            ("a new value fixes it", set(&[("TagValue", Some("{name}"))]), Some(&stack), None),
            ("nothing given", set(&[]), None, None),
        ];
        for (what, parameters, stack, expected) in cases {
            let given = |name: &str| {
                let given = parameters.iter().any(|(known, value)| known == name && value.is_some());
                given.then_some("--set")
            };
            match (check_all(TAGGER, parameters, *stack, None, given), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(says)) => {
                    assert!(error.to_string().contains(says), "{what}: expected {says:?}, found {error}")
                }
                (found, expected) => panic!("{what}: expected {expected:?}, found {found:?}"),
            }
        }
    }

    /// What CloudFormation refuses for those who deploy by hand, and what the function's parser refuses, is the same.
    #[test]
    fn the_templates_patterns_and_the_parser_agree() {
        let values = [
            ("TagValue", "{name|lower}", true),
            ("TagValue", "{session|name|before:@|limit:20}", true),
            ("TagValue", "{name|replace:.:-}/{role|permission-set}", true),
            ("TagValue", "{name|replace:.:}", true),
            ("TagValue", "{invokedBy|default:nobody at all}", true),
            ("TagValue", "{record.requestParameters.instanceType}", true),
            ("TagValue", "{envelope.id|record.requestParameters.items[].name}", true),
            ("TagValue", "{name|lwoer}", false),
            ("TagValue", "{name|limit:0}", false),
            ("TagValue", "{name|before:}", false),
            ("TagValue", "{name|lower:x}", false),
            ("TagValue", "{name|replace:a}", false),
            ("TagValue", "{name|lower|session}", false),
            ("TagValue", "{lower}", false),
            ("TagValue", "{record}", false),
            ("TagValue", "{record.a..b}", false),
            ("TagValue", "{request.a}", false),
            ("MoreTags", "Type={record.requestParameters.instanceType|upper};Via={via}", true),
            ("MoreTags", "Mail={name|replace:@:=}", true),
            ("MoreTags", "Type={record.a b}", false),
            ("TagKey", "Owner", true),
            ("TagKey", "team:owner", true),
            ("TagKey", "AWS:x", false),
            ("TagKey", "a;b", false),
            ("TagKey", " a", false),
            ("TagValue", "{name}", true),
            ("TagValue", "by {session|name} of {account}", true),
            ("TagValue", "{ session | name }", true),
            ("TagValue", "platform", true),
            ("TagValue", "{nme}", false),
            ("TagValue", "{session|nme}", false),
            ("TagValue", "{}", false),
            ("TagValue", "{name", false),
            ("TagValue", "name}", false),
            ("TagValue", "   ", false),
            ("MoreTags", "CreatedAt={eventTime};Team=platform", true),
            ("MoreTags", "CreatedAt={eventTime};Team=platform;", true),
            ("MoreTags", "CreatedAt = {eventTime} ; Team = a=b", true),
            ("MoreTags", "Name={role}/{session|name}", true),
            ("MoreTags", "CreatedAt={eventTme}", false),
            ("MoreTags", "A=x;B={nme}", false),
            ("MoreTags", "A=x;a=y", false),
            ("MoreTags", "Long Key=x;B=z;long key=y", false),
            ("MoreTags", "A=x;B", false),
            ("MoreTags", "A=", false),
            ("MoreTags", "=x", false),
            ("MoreTags", "aws:a=x", false),
            ("MoreTags", "a,b=x", false),
            ("MoreTags", "A={name;B=}", false),
            ("SkipKinds", "service ci", true),
            ("SkipKinds", "service robot", false),
            ("Existing", "overwrite", true),
            ("Existing", "yes", false),
        ];
        for template in [TAGGER, ORGANIZATION] {
            let declared = templates::declared(template);
            for (name, value, expected) in values {
                let one = declared.iter().find(|one| one.name == name).unwrap();
                let variable = VARIABLES.iter().find(|(parameter, _)| *parameter == name).unwrap().1;
                let pattern = fits(one, value);
                assert_eq!(pattern.is_ok(), expected, "the pattern of {name} on {value:?}: {pattern:?}");
                let read =
                    config::from_environment(Policy::default(), [(variable.to_owned(), value.to_owned())]);
                assert_eq!(read.is_ok(), expected, "the parser on {name}={value:?}: {read:?}");
            }
        }
    }
}
