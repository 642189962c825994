//! Are the rules there, on, as this version has them, and aimed at the right thing? In the home region and in each
//! forwarder's.

use super::{
    report::{Check, Verdict, counted, some},
    second_tagger::{admits_creations, second_tagger},
    stack::Site,
};
use crate::{
    deployment::{FORWARDER, FUNCTION, VERSION},
    templates,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tagger_aws::account::{Account, Trouble, rules::Rule};
use tagger_core::arn::Arn;

/// How the names of all rules begin that admit creations.
pub const PREFIX: &str = "auto-tag-create-resources";

/// What was seen in a region.
pub struct Seen {
    /// Every rule of its default bus.
    pub rules: Vec<Rule>,
    /// The targets of our rules and of those that could be a second tagger's.
    pub targets: BTreeMap<String, Vec<String>>,
    /// Whether some rule of ours matches the creation of a queue, by EventBridge's own word.
    pub matches: Result<bool, Trouble>,
}

/// What has to be in a region.
struct Wanted<'a> {
    /// The rules' names and patterns, by this version.
    patterns: &'a [(String, Value)],
    /// The names by the stack, which may be of another version.
    names: Vec<String>,
    /// The ARN that they send to.
    target: String,
    /// Whether the stack is of this version.
    same_version: bool,
    /// Whether it is a forwarder.
    forwards: bool,
}

/// Looks at every region at once.
pub async fn check(account: &Account, site: &Site) -> Vec<Check> {
    let patterns = patterns(&account.id);
    let regions = site.covered();
    let seen = join_all(regions.iter().map(|region| look(account, region, &patterns))).await;
    let mut checks = Vec::new();
    for (region, seen) in regions.iter().zip(seen) {
        let stack = if *region == site.home { site.stack.as_ref() } else { site.forwarders.get(region) };
        let output = |name: &str| stack.and_then(|stack| stack.outputs.get(name)).map(String::as_str);
        if *region != site.home
            && let Some(home) = output("HomeRegion").filter(|home| *home != site.home)
        {
            let message = format!("this forwarder sends to {home}, and the function is in {}", site.home);
            let fix = format!("`tagger deploy --region {} --regions {region}`", site.home);
            checks.push(Check::new("rules", Verdict::Bad, message).fix(fix).at(region));
        }
        match seen {
            Ok(seen) => {
                let wanted = Wanted {
                    patterns: &patterns,
                    names: output("RuleNames").map_or_else(
                        || patterns.iter().map(|(name, _)| name.clone()).collect(),
                        |names| names.split(',').map(str::to_owned).collect(),
                    ),
                    target: target(account, site, region),
                    same_version: output("Version").is_none_or(|version| version == VERSION),
                    forwards: *region != site.home,
                };
                checks.extend(judge(&wanted, region, &seen));
                checks.extend(second_tagger(region, &seen));
            }
            Err(trouble) => checks.push(Check::unknown("rules", &trouble)),
        }
    }
    checks
}

/// What the rules of a region have to send to.
fn target(account: &Account, site: &Site, region: &str) -> String {
    let (partition, home, id) = (account.partition.name, &site.home, &account.id);
    if region != home {
        format!("arn:{partition}:events:{home}:{id}:event-bus/default")
    } else if site.is_queued() {
        format!("arn:{partition}:sqs:{home}:{id}:auto-resource-tagger-events")
    } else {
        format!("arn:{partition}:lambda:{home}:{id}:function:{FUNCTION}")
    }
}

async fn look(account: &Account, region: &str, patterns: &[(String, Value)]) -> Result<Seen, Trouble> {
    let asked = account.rules(region);
    let rules = asked.all().await?;
    let mut targets = BTreeMap::new();
    let interesting = |rule: &&Rule| is_ours(rule) || admits_creations(rule).is_some();
    for rule in rules.iter().filter(interesting) {
        targets.insert(rule.name.clone(), asked.targets(&rule.name).await?);
    }
    // The rule that has to match, in its deployed form; if it has another form, any of ours may match.
    let event = creation_of_a_queue(&account.id, region).to_string();
    let holds_it = |pattern: &Value| {
        events(pattern).contains(&("sqs.amazonaws.com".to_owned(), "CreateQueue".to_owned()))
    };
    let name = patterns.iter().find(|(_, pattern)| holds_it(pattern)).map(|(name, _)| name.as_str());
    let mut matches = Ok(false);
    let mut ours: Vec<_> = rules.iter().filter(|rule| is_ours(rule)).collect();
    ours.sort_by_key(|rule| Some(rule.name.as_str()) != name);
    for rule in ours {
        matches = asked.matches(&rule.pattern, &event).await;
        if matches != Ok(false) {
            break;
        }
    }
    Ok(Seen { rules, targets, matches })
}

fn is_ours(rule: &Rule) -> bool {
    let rest = rule.name.strip_prefix(PREFIX);
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

/// What the rules of a region say.
fn judge(wanted: &Wanted, region: &str, seen: &Seen) -> Vec<Check> {
    let ours: BTreeMap<&str, &Rule> =
        seen.rules.iter().filter(|rule| is_ours(rule)).map(|rule| (rule.name.as_str(), rule)).collect();
    let mut checks = Vec::new();
    let mut found = |verdict, message: String, fix: String| {
        checks.push(Check::new("rules", verdict, message).fix(fix).at(region));
    };
    let missing: Vec<_> = wanted.names.iter().filter(|name| !ours.contains_key(name.as_str())).collect();
    if !missing.is_empty() {
        // CloudFormation compares templates, not what is there.
        let fix = if wanted.forwards {
            format!(
                "CloudFormation does not recreate what was deleted outside of it: `aws cloudformation delete-stack \
                     --stack-name {FORWARDER} --region {region}`, then `tagger deploy --regions {region}`"
            )
        } else {
            "CloudFormation does not recreate what was deleted outside of it: `tagger destroy`, then `tagger deploy`".to_owned()
        };
        found(
            Verdict::Bad,
            format!("{} missing: {}", counted(missing.len(), "rule"), some(&missing, 6)),
            fix,
        );
    }
    let off: Vec<_> = wanted
        .names
        .iter()
        .filter(|name| ours.get(name.as_str()).is_some_and(|rule| !rule.state.starts_with("ENABLED")))
        .collect();
    if !off.is_empty() {
        let fix: Vec<_> = off
            .iter()
            .map(|name| format!("`aws events enable-rule --name {name} --region {region}`"))
            .collect();
        found(Verdict::Bad, format!("{} off: {}", counted(off.len(), "rule"), some(&off, 6)), fix.join("\n"));
    }
    for (name, pattern) in wanted.patterns.iter().filter(|_| wanted.same_version) {
        let Some(rule) = ours.get(name.as_str()) else { continue };
        let deployed: Value = serde_json::from_str(&rule.pattern).unwrap_or_default();
        if let Some(difference) = difference(pattern, &deployed) {
            let fix = format!(
                "somebody changed it: `aws events put-rule --region {region} --name {name} --description 'Calls that create resources, for auto-resource-tagger.' --event-pattern '{pattern}'`"
            );
            found(Verdict::Bad, format!("{name} is not as version {VERSION} has it: {difference}"), fix);
        }
    }
    let astray: Vec<_> = wanted
        .names
        .iter()
        .filter(|name| {
            ours.contains_key(name.as_str())
                && !seen.targets.get(name.as_str()).is_some_and(|targets| targets.contains(&wanted.target))
        })
        .collect();
    if !astray.is_empty() {
        let sends = seen.targets.get(astray[0].as_str()).filter(|targets| !targets.is_empty());
        let sends = sends.map_or_else(|| "nothing".to_owned(), |targets| some(targets, 2));
        let message = format!(
            "{} not aimed at {}, but at {sends}: {}",
            counted(astray.len(), "rule"),
            wanted.target,
            some(&astray, 6)
        );
        let fix = if wanted.forwards {
            "`aws cloudformation delete-stack --stack-name auto-resource-tagger-forwarder --region "
                .to_owned()
                + region
                + "`, then `tagger deploy --regions "
                + region
                + "`"
        } else {
            let put: Vec<_> = astray
                .iter()
                .map(|name| {
                    // All that the template gives the target, since the call replaces it whole.
                    let target = Arn::parse(&wanted.target);
                    let (partition, account) = target.map_or(("aws", ""), |arn| (arn.partition, arn.account));
                    let targets = serde_json::json!([{
                        "Id": "tagger", "Arn": wanted.target,
                        "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185},
                        "DeadLetterConfig": {"Arn": format!("arn:{partition}:sqs:{region}:{account}:auto-resource-tagger-undelivered")},
                    }]);
                    format!("`aws events put-targets --region {region} --rule {name} --targets '{targets}'`")
                })
                .collect();
            put.join("\n")
        };
        found(Verdict::Bad, message, fix);
    }
    let broken = !checks.is_empty();
    match &seen.matches {
        Err(trouble) => checks.push(Check::unknown("rules", trouble)),
        Ok(false) if !broken => {
            let message = "EventBridge says that no rule matches the creation of a queue in this account";
            let fix = "compare the patterns' `account` with this account; `aws events test-event-pattern` tries one";
            checks.push(Check::new("rules", Verdict::Bad, message).fix(fix).at(region));
        }
        Ok(true) if !broken => {
            let to = if wanted.forwards { "forwarding home" } else { "aimed at the function" };
            let to = if wanted.target.contains(":sqs:") { "filling the events queue" } else { to };
            let message = format!(
                "{} on, {to}; a test event, the creation of a queue, matches",
                counted(wanted.names.len(), "rule")
            );
            checks.push(Check::ok("rules", message).at(region));
        }
        Ok(_) => {}
    }
    checks
}

/// In which events, or else where, two patterns differ.
fn difference(wanted: &Value, deployed: &Value) -> Option<String> {
    if wanted == deployed {
        return None;
    }
    let (wanted_events, deployed_events) = (events(wanted), events(deployed));
    let names = |from: &BTreeSet<(String, String)>, less: &BTreeSet<(String, String)>| -> Vec<String> {
        from.difference(less).map(|(source, name)| format!("{source} {name}")).collect()
    };
    let (missing, more) = (names(&wanted_events, &deployed_events), names(&deployed_events, &wanted_events));
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("without {}", some(&missing, 3)));
    }
    if !more.is_empty() {
        parts.push(format!("with {} besides", some(&more, 3)));
    }
    for key in ["account", "source", "detail-type"].iter().filter(|key| wanted[**key] != deployed[**key]) {
        parts.push(format!("`{key}` is {} instead of {}", deployed[*key], wanted[*key]));
    }
    if parts.is_empty() {
        parts.push("the pattern has another form".to_owned());
    }
    Some(parts.join("; "))
}

/// The pairs of source and name that a pattern lists, in `$or` or beside it; a prefix is written with a star.
pub fn events(pattern: &Value) -> BTreeSet<(String, String)> {
    let detail = &pattern["detail"];
    let branches =
        detail["$or"].as_array().map_or_else(|| vec![detail], |branches| branches.iter().collect());
    let texts = |value: &Value| -> Vec<String> {
        let text = |one: &Value| match one {
            Value::String(text) => Some(text.clone()),
            other => other["prefix"].as_str().map(|prefix| format!("{prefix}*")),
        };
        value.as_array().into_iter().flatten().filter_map(text).collect()
    };
    let mut found = BTreeSet::new();
    for branch in branches {
        let sources = Some(texts(&branch["eventSource"])).filter(|sources| !sources.is_empty());
        let names = texts(&branch["eventName"]);
        for source in sources.unwrap_or_else(|| vec!["*".to_owned()]) {
            found.extend(names.iter().map(|name| (source.clone(), name.clone())));
        }
    }
    found
}

/// The rules' names and patterns as this version's template has them, with the account put in.
fn patterns(account: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut name = None;
    let mut rest = templates::TAGGER;
    while let Some((line, after)) = rest.split_once('\n') {
        let line = line.trim();
        if let Some(stated) = line.strip_prefix("Name: ") {
            name = Some(stated.to_owned()).filter(|name| name.starts_with(PREFIX));
        }
        // The pattern is JSON over several lines, and what follows it is not.
        if line.starts_with("EventPattern: {")
            && let Some(name) = name.take()
            && let Some((_, text)) = rest.split_once("EventPattern: ")
            && let Some(Ok(mut pattern)) =
                serde_json::Deserializer::from_str(text).into_iter::<Value>().next()
        {
            pattern["account"] = json!([account]);
            found.push((name, pattern));
        }
        rest = after;
    }
    found
}

/// An event as EventBridge has it when a queue is created.
fn creation_of_a_queue(account: &str, region: &str) -> Value {
    json!({
        "version": "0", "id": "6f87d04b-9f74-4f04-a780-7acf4b0a9b38", "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.sqs", "account": account, "time": "2026-11-24T08:30:00Z", "region": region, "resources": [],
        "detail": { "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "awsRegion": region },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "arn:aws:lambda:us-east-1:111122223333:function:auto-resource-tagger";

    fn seen() -> Seen {
        let rules: Vec<Rule> = patterns("111122223333")
            .into_iter()
            .map(|(name, pattern)| Rule {
                name,
                state: "ENABLED".to_owned(),
                pattern: pattern.to_string(),
                ..Rule::default()
            })
            .collect();
        let targets = rules.iter().map(|rule| (rule.name.clone(), vec![TARGET.to_owned()])).collect();
        Seen { rules, targets, matches: Ok(true) }
    }

    fn judged(seen: &Seen) -> Vec<(Verdict, String, String)> {
        let patterns = patterns("111122223333");
        let names = patterns.iter().map(|(name, _)| name.clone()).collect();
        let wanted = Wanted {
            patterns: &patterns,
            names,
            target: TARGET.to_owned(),
            same_version: true,
            forwards: false,
        };
        let checks = judge(&wanted, "us-east-1", seen);
        checks
            .into_iter()
            .map(|check| (check.verdict, check.message, check.fix.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn the_template_holds_every_event_of_the_rules() {
        let wanted: Value =
            serde_json::from_str(include_str!("../../../../../templates/rules.json")).unwrap();
        let wanted: BTreeSet<_> =
            wanted.as_array().unwrap().iter().flat_map(|rule| events(&rule["pattern"])).collect();
        let found: BTreeSet<_> =
            patterns("111122223333").iter().flat_map(|(_, pattern)| events(pattern)).collect();
        assert_eq!(found, wanted);
        assert!(found.len() > 200, "{}", found.len());
    }

    #[test]
    fn each_breakage_has_its_line() {
        let fine = judged(&seen());
        assert_eq!((fine.len(), fine[0].0), (1, Verdict::Ok), "{fine:?}");
        let second = format!("{PREFIX}-2");
        type Break = fn(&mut Seen);
        let breakages: [(&str, Break, &str, &str); 6] = [
            (
                "off",
                |seen| seen.rules[1].state = "DISABLED".to_owned(),
                "1 rule off: auto-tag",
                "enable-rule --name auto-tag-create-resources-2",
            ),
            ("gone", |seen| drop(seen.rules.remove(1)), "1 rule missing: auto-tag", "tagger destroy"),
            (
                "not aimed",
                |seen| seen.targets.values_mut().for_each(Vec::clear),
                "not aimed at",
                "put-targets",
            ),
            (
                "another account",
                |seen| {
                    for rule in &mut seen.rules {
                        rule.pattern = rule.pattern.replace("111122223333", "444455556666");
                    }
                },
                "`account` is [\"444455556666\"]",
                "put-rule",
            ),
            (
                "an event less",
                |seen| {
                    for rule in &mut seen.rules {
                        rule.pattern = rule.pattern.replace("\"PutParameter\"", "\"X\"");
                    }
                },
                "without ssm.amazonaws.com PutParameter; with ssm.amazonaws.com X besides",
                "put-rule",
            ),
            ("no match", |seen| seen.matches = Ok(false), "no rule matches", "test-event-pattern"),
        ];
        for (case, breakage, message, fix) in breakages {
            let mut seen = seen();
            breakage(&mut seen);
            let found = judged(&seen);
            assert_eq!(found[0].0, Verdict::Bad, "{case}: {found:?}");
            assert!(found[0].1.contains(message), "{case}: {found:?}");
            assert!(found[0].2.contains(fix), "{case}: {found:?}");
        }
        assert!(seen().rules.iter().any(|rule| rule.name == second));
        let mut unasked = seen();
        unasked.matches = Err(Trouble::new("events:TestEventPattern", "us-east-1", "AccessDenied", "no"));
        assert_eq!(judged(&unasked)[0].0, Verdict::Unknown);
    }
}
