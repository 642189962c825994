//! `templates/*.yaml`: the CloudFormation templates, written by hand with holes that the catalog fills.
//!
//! A hole is a word between double exclamation marks. A block between `# !!EACH_RULE!!` (or
//! `# !!EACH_MANAGED_POLICY!!`) and `# !!END!!` is repeated for each of them, so that the form of a
//! resource stays in the template and only its data comes from here.

use super::{own_parts, patterns, policy, rules};
use crate::catalog::Catalog;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

/// The hand-written files, what becomes of them, and how long that may be.
const FILES: [(&str, &str, usize); 3] = [
    ("templates/tagger.template.yaml", "templates/tagger.yaml", MOST_BYTES),
    ("templates/forwarder.template.yaml", "templates/forwarder.yaml", MOST_BYTES),
    ("templates/organization.template.yaml", "templates/organization.yaml", MOST_BYTES_IN_CALL),
];

/// The most bytes of a template that CloudFormation fetches from a bucket, since rules and policy grow with the
/// catalog: `tagger deploy` uploads it, `aws cloudformation deploy --s3-bucket` does, StackSets take an address anyway.
/// The documentation says 1 MB (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>);
/// what CloudFormation says when it refuses is "Template may not exceed 1000000 bytes in size".
const MOST_BYTES: usize = 1_000_000;

/// The most bytes of one that goes with the call itself (the same page): there is no bucket before organization.yaml
/// has made one.
const MOST_BYTES_IN_CALL: usize = 51_200;

/// What the actions may take of the role's inline policies: their 10,240 characters less the other statements and
/// [`MARGIN`]; `templates/tests/test_form.py` counts the whole.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MOST_INLINE: usize = 2_300;

/// The most characters of a managed policy (the same page).
const QUOTA_MANAGED: usize = 6_144;

/// What is left of a policy's characters, so that a few more actions, or a longer name of a partition or a region, do not
/// make the next deployment fail.
const MARGIN: usize = 300;

/// The most characters of the condition on keys and functions, with the longest keys that the parameters take, in the
/// longest region; `templates/tests/test_form.py` counts it.
const CONDITION: usize = 1_150;

/// What actions may take of a managed policy.
const MOST_MANAGED: usize = QUOTA_MANAGED - MARGIN - CONDITION - 110;

/// How wide a list of actions is written.
const WIDTH: usize = 118;

/// A rule as it is deployed.
struct Rule {
    name: String,
    pattern: Value,
}

/// The three templates, each with its path.
///
/// # Errors
/// A file that cannot be read, a hole that nothing fills, or a limit of AWS that was passed.
pub fn templates(catalog: &Catalog, root: &Path) -> Result<Vec<(&'static str, String)>, String> {
    let rules = with_account(&rules::rules(catalog)?)?;
    // API Gateway's actions are HTTP's, which make APIs as well: they get a statement of their own, for /tags only.
    let (of_api, actions): (BTreeSet<String>, BTreeSet<String>) =
        policy::actions(catalog).into_iter().partition(|action| action.starts_with("apigateway:"));
    let of_api: Vec<&str> = of_api.iter().map(String::as_str).collect();
    let actions = actions.into_iter().filter(|action| policy::is_seen(action)).collect();
    let actions = split(&actions)?;
    let mut files = Vec::new();
    for (source, target, most) in FILES {
        let text = fs::read_to_string(root.join(source)).map_err(|error| format!("{source}: {error}"))?;
        let text = text.replace("!!EACH_REGION_ALONE!!", &each_region_alone(catalog));
        let text = fill(&text, &rules, &actions, &of_api).map_err(|error| format!("{source}: {error}"))?;
        if text.len() > most {
            return Err(format!(
                "{target} has {} bytes, CloudFormation takes {most} at most: shorten it",
                text.len()
            ));
        }
        files.push((target, text));
    }
    Ok(files)
}

/// The condition that holds in partitions in which EventBridge sends no events between regions.
fn each_region_alone(catalog: &Catalog) -> String {
    let alone = catalog.partitions.iter().filter(|partition| !partition.forwards_events);
    let each: Vec<String> = alone.map(|one| format!("!Equals [!Ref AWS::Partition, {}]", one.name)).collect();
    match each.as_slice() {
        [one] => one.clone(),
        several => format!("!Or [{}]", several.join(", ")),
    }
}

/// The rules with `account` in their patterns, which are packed anew since that takes room.
///
/// Without it a rule also matches what other accounts send to the bus.
fn with_account(rules: &Value) -> Result<Vec<Rule>, String> {
    let rules = rules.as_array().ok_or("the rules are no list")?;
    let first = rules.first().ok_or("there are no rules")?;
    let pattern = |branches: &[Value]| {
        let mut pattern = first["pattern"].clone();
        pattern["account"] = json!(["123456789012"]);
        pattern["detail"] = rules::detail(branches);
        pattern
    };
    let mut packed: Vec<Vec<Value>> = vec![Vec::new()];
    for branch in rules.iter().flat_map(|rule| rules::branches(&rule["pattern"]["detail"])) {
        for name in branch["eventName"].as_array().into_iter().flatten() {
            let open = packed.last_mut().ok_or("no pattern")?;
            let mut longer = open.clone();
            add(&mut longer, &branch, name)?;
            if characters(&pattern(&longer)) <= rules::MOST {
                *open = longer;
                continue;
            }
            let mut next = Vec::new();
            add(&mut next, &branch, name)?;
            packed.push(next);
        }
    }
    let rules = packed.iter().enumerate().map(|(index, branches)| {
        let suffix = if index == 0 { String::new() } else { format!("-{}", index + 1) };
        let rule = Rule { name: format!("auto-tag-create-resources{suffix}"), pattern: pattern(branches) };
        match characters(&rule.pattern) {
            length if length > rules::MOST => {
                Err(format!("{}: a pattern of {length} characters, {} at most", rule.name, rules::MOST))
            }
            _ => Ok(rule),
        }
    });
    rules.collect()
}

/// Adds an event name of a branch to the pattern's branches.
fn add(branches: &mut Vec<Value>, branch: &Value, name: &Value) -> Result<(), String> {
    let same = branches.last_mut().filter(|last| last["eventSource"] == branch["eventSource"]);
    if let Some(last) = same {
        last["eventName"].as_array_mut().ok_or("eventName is no list")?.push(name.clone());
    } else {
        branches.push(json!({ "eventSource": branch["eventSource"], "eventName": [name] }));
    }
    Ok(())
}

fn characters(pattern: &Value) -> usize {
    pattern.to_string().chars().count()
}

/// The actions of the inline policy, then those of each managed policy.
fn split(actions: &BTreeSet<String>) -> Result<Vec<Vec<&str>>, String> {
    let mut parts: Vec<(usize, Vec<&str>)> = vec![(0, Vec::new())];
    for action in actions {
        // Two quotes and a comma.
        let length = action.len() + 3;
        let most = if parts.len() == 1 { MOST_INLINE } else { MOST_MANAGED };
        match parts.last_mut() {
            Some((used, part)) if *used + length <= most => {
                *used += length;
                part.push(action);
            }
            _ => parts.push((length, vec![action])),
        }
    }
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    if parts.len() > 11 {
        return Err(format!("{} managed policies, a role has 10 at most", parts.len() - 1));
    }
    let parts: Vec<Vec<&str>> = parts.into_iter().map(|(_, part)| part).collect();
    for (index, part) in parts.iter().enumerate().skip(1) {
        let length = characters(&managed_policy(part));
        let most = QUOTA_MANAGED - MARGIN - CONDITION;
        if length > most {
            return Err(format!(
                "AutoResourceTaggerPolicy-{} has {length} characters without its condition, {most} at most, so that {MARGIN} are left: \
                 make MOST_MANAGED smaller",
                index + 1
            ));
        }
    }
    Ok(parts)
}

/// A managed policy as the template writes it.
fn managed_policy(actions: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "TagAndReadTags", "Effect": "Allow", "Resource": "*", "Action": actions }],
    })
}

/// The keys that the function writes: the creator's, the marks of reconciling, and those that the settings name.
const OWN_KEYS: &str = "!Split [\",\", !Join [\"\", [!If [HasTagKey, !Ref TagKey, CreatedBy], \",auto-resource-tagger-reconciled:*\", !If [HasMoreTagKeys, !Sub \",${MoreTagKeys}\", \"\"]]]]";

/// The ARNs of the product's functions.
fn own_functions() -> String {
    let arns = policy::FUNCTIONS.map(|name| {
        format!(
            "!Sub \"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}\""
        )
    });
    format!("[{}]", arns.join(", "))
}

/// Fills every hole of a template.
fn fill(template: &str, rules: &[Rule], actions: &[Vec<&str>], of_api: &[&str]) -> Result<String, String> {
    let (inline, managed) = actions.split_first().ok_or("no actions")?;
    let text = each(template, "EACH_RULE", rules, |block, index, rule| {
        block
            .replace("!!RULE_ID!!", &format!("Rule{}", index + 1))
            .replace("!!RULE_NAME!!", &rule.name)
            .replace("!!RULE_PATTERN!!", &written(&rule.pattern))
    })?;
    let text = each(&text, "EACH_MANAGED_POLICY", managed, |block, index, actions| {
        block
            .replace("!!POLICY_ID!!", &policy_id(index))
            .replace("!!POLICY_NAME!!", &format!("AutoResourceTaggerPolicy-{}", index + 2))
            .replace("!!ACTIONS!!", &list(actions, 14))
    })?;
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let (unseen, _) = policy::unseen();
    let unseen_resources: Vec<String> = policy::UNSEEN
        .iter()
        .flat_map(|(_, resources)| *resources)
        .map(|rest| format!("\n                  - !Sub \"arn:${{AWS::Partition}}:{rest}\""))
        .collect();
    let policies: Vec<String> =
        (0..managed.len()).map(|index| format!("!Ref {}", policy_id(index))).collect();
    let text = text
        .replace("!!TAGGING_ACTIONS!!", &list(inline, 18))
        .replace("!!API_ACTIONS!!", &list(of_api, 18))
        .replace("!!UNSEEN_ACTIONS!!", &list(&unseen, 18))
        .replace("!!UNSEEN_RESOURCES!!", &unseen_resources.concat())
        .replace("!!BY_TAGGING_API!!", policy::BY_TAGGING_API)
        .replace("!!QUEUE_ACTIONS!!", own_parts::QUEUE_ACTIONS)
        .replace("!!QUEUE_USERS!!", own_parts::QUEUE_USERS)
        .replace("!!QUEUE_USERS_HERE!!", own_parts::QUEUE_USERS_HERE)
        .replace("!!OWN_PARTS!!", &written(&own_parts::pattern(false)))
        .replace("!!OWN_PARTS_HERE!!", &written(&own_parts::pattern(true)))
        .replace("!!OWN_KEYS!!", OWN_KEYS)
        .replace("!!OWN_FUNCTIONS!!", &own_functions())
        .replace("!!RECONCILING_ACTIONS!!", &list(&policy::RECONCILING.map(|(action, _)| action), 20))
        .replace("!!MANAGED_POLICY_ARNS!!", &policies.join(", "))
        .replace("!!RULE_NAMES!!", &names.join(","))
        .replace("!!RULE_SEARCHES!!", &rule_searches(&names))
        .replace("!!TAG_VALUE_PATTERN!!", &patterns::tag_value())
        .replace("!!MORE_TAGS_PATTERN!!", &patterns::more_tags())
        .replace("!!FIELDS!!", &patterns::fields(", "))
        .replace("!!VERSION!!", env!("CARGO_PKG_VERSION"));
    if let Some(line) = text.lines().find(|line| line.contains("!!")) {
        return Err(format!("a hole that nothing fills: {}", line.trim()));
    }
    // Comments stay in the hand-written file: AWS counts their bytes.
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    let body: String = lines.flat_map(|line| [line, "\n"]).collect();
    Ok(format!(
        "# Generated by `cargo xtask codegen`; the reasons for what it holds are in the .template.yaml beside it.\n{body}"
    ))
}

fn policy_id(index: usize) -> String {
    format!("ManagedPolicy{}", index + 2)
}

/// Repeats the block that begins with the marker for each item; a template without it stays as it is.
fn each<T>(
    text: &str,
    marker: &str,
    items: &[T],
    render: impl Fn(&str, usize, &T) -> String,
) -> Result<String, String> {
    let Some((before, rest)) = text.split_once(&format!("  # !!{marker}!!\n")) else {
        return Ok(text.to_owned());
    };
    let (block, after) =
        rest.split_once("  # !!END!!\n").ok_or_else(|| format!("!!{marker}!! without !!END!!"))?;
    let blocks: String = items.iter().enumerate().map(|(index, item)| render(block, index, item)).collect();
    Ok(format!("{before}{blocks}{after}"))
}

/// A pattern with one branch a line, so that a change in the catalog is a change of one line; YAML reads JSON.
fn written(pattern: &Value) -> String {
    let mut shell = pattern.clone();
    shell["account"] = json!([{ "Ref": "AWS::AccountId" }]);
    let Some(branches) = pattern["detail"]["$or"].as_array() else { return shell.to_string() };
    let branches: Vec<String> = branches.iter().map(|branch| format!("\n        {branch}")).collect();
    shell["detail"]["$or"] = json!("BRANCHES");
    shell.to_string().replace("\"BRANCHES\"", &format!("[{}]", branches.join(",")))
}

/// A list of actions over as many lines as it needs.
fn list(actions: &[&str], indent: usize) -> String {
    let margin = format!("\n{}", " ".repeat(indent));
    let mut text = "[".to_owned();
    let mut used = WIDTH;
    for (index, action) in actions.iter().enumerate() {
        let comma = if index + 1 == actions.len() { "" } else { "," };
        let item = format!("\"{action}\"{comma}");
        if used + 1 + item.len() > WIDTH {
            text.push_str(&margin);
            used = indent;
        } else {
            text.push(' ');
            used += 1;
        }
        used += item.len();
        text.push_str(&item);
    }
    text + "]"
}

/// How many rules a search of the dashboard names: it may have 1,024 characters.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html>
const RULES_OF_A_SEARCH: usize = 12;

/// CloudWatch's SEARCH over the rules' metrics, as rows of a dashboard's JSON; a quoted word is matched whole there.
fn rule_searches(names: &[&str]) -> String {
    let rows = names.chunks(RULES_OF_A_SEARCH).map(|part| {
        let names = part.join(r#"\" OR \""#);
        format!(
            r#"[{{"expression": "SEARCH('{{AWS/Events,RuleName}} RuleName=(\"{names}\") MetricName=(\"Invocations\" OR \"FailedInvocations\" OR \"InvocationsFailedToBeSentToDlq\")', 'Sum', 300)"}}]"#
        )
    });
    rows.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(branches: &Value) -> Value {
        json!({ "name": "n", "pattern": {
            "detail-type": ["AWS API Call via CloudTrail"],
            "detail": { "errorCode": [{ "exists": false }], "$or": branches },
        }})
    }

    #[test]
    fn a_full_pattern_gives_way_to_the_account() {
        let names: Vec<String> = (0..120).map(|number| format!("CreateSomething{number:03}")).collect();
        let full = rule(&json!([{ "eventSource": ["a.amazonaws.com"], "eventName": names }]));
        let packed = with_account(&json!([full])).unwrap();
        assert!(packed.len() > 1);
        let mut found = Vec::new();
        for rule in &packed {
            assert!(characters(&rule.pattern) <= rules::MOST, "{}", rule.name);
            assert_eq!(rule.pattern["account"], json!(["123456789012"]));
            for branch in rules::branches(&rule.pattern["detail"]) {
                found.extend(branch["eventName"].as_array().unwrap().iter().cloned());
            }
        }
        assert_eq!(found, names);
        assert_eq!(packed[1].name, "auto-tag-create-resources-2");
    }

    #[test]
    fn what_does_not_fit_the_role_goes_to_managed_policies() {
        let actions: BTreeSet<String> =
            (0..800).map(|number| format!("service:TagResource{number:03}")).collect();
        let parts = split(&actions).unwrap();
        assert_eq!(parts.concat(), actions.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(parts.len() > 2);
        for part in &parts[1..] {
            assert!(characters(&managed_policy(part)) <= QUOTA_MANAGED - MARGIN);
        }
        let text = fill(
            "  A: [!!MANAGED_POLICY_ARNS!!]\n  # !!EACH_MANAGED_POLICY!!\n  !!POLICY_ID!!: !!ACTIONS!!\n  # !!END!!\n",
            &[],
            &parts,
            &[],
        )
        .unwrap();
        assert!(text.contains("A: [!Ref ManagedPolicy2, !Ref ManagedPolicy3"), "{text}");
        assert!(text.contains("\n  ManagedPolicy2: [\n"), "{text}");
    }

    #[test]
    fn a_hole_that_nothing_fills_is_named() {
        let error = fill("  X: !!OTHER!!\n", &[], &[vec!["a:B"]], &[]).unwrap_err();
        assert!(error.contains("X: !!OTHER!!"), "{error}");
    }
}
