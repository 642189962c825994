//! `templates/deployer.json`: who may deploy, from `templates/deployer.toml` and the templates' resource types.
//!
//! Three policies, since IAM takes 6,144 characters in each: what the command calls, what CloudFormation calls in the
//! same name, and what an organization needs besides.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The most characters of a managed policy, without spaces: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MOST: usize = 6_144;
const SOURCE: &str = "templates/deployer.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployer {
    statement: Vec<Statement>,
    r#type: Vec<Type>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    policy: String,
    sid: String,
    actions: Vec<String>,
    resources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Type {
    name: String,
    actions: Vec<String>,
    #[serde(default)]
    anywhere: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    left_out: Vec<String>,
    #[serde(default)]
    why: String,
}

/// The policies by name.
///
/// # Errors
/// A resource type of a template of which nothing is known, or one that no template has; a policy that is too long.
pub fn policies(root: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(root.join(SOURCE)).map_err(|error| format!("{SOURCE}: {error}"))?;
    let data: Deployer = toml::from_str(&text).map_err(|error| format!("{SOURCE}: {error}"))?;
    let account = types(root, &["tagger", "forwarder"])?;
    let organization = types(root, &["organization"])?;
    let known: BTreeSet<String> = data.r#type.iter().map(|one| one.name.clone()).collect();
    let used: BTreeSet<String> = account.union(&organization).cloned().collect();
    if let Some(name) = used.symmetric_difference(&known).next() {
        return Err(format!("{SOURCE}: {name} stands either there or in a template, not in both"));
    }
    let mut all: Map<String, Value> = ["command", "cloudformation", "organization"]
        .map(|name| (name.to_owned(), json!([])))
        .into_iter()
        .collect();
    let mut add = |policy: &str, sid: &str, actions: &[String], resources: &[String]| {
        let list = all.get_mut(policy).and_then(Value::as_array_mut);
        let list = list.ok_or_else(|| format!("{SOURCE}: no policy is called {policy}"))?;
        list.push(json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources }));
        Ok::<_, String>(())
    };
    for one in &data.statement {
        add(&one.policy, &one.sid, &one.actions, &one.resources)?;
    }
    // One statement for all types of the same resources: what is around a list of actions counts too.
    for (policy, of_account) in [("cloudformation", true), ("organization", false)] {
        let of_policy = || data.r#type.iter().filter(|one| account.contains(&one.name) == of_account);
        let mut groups: BTreeMap<&[String], Vec<&Type>> = BTreeMap::new();
        for one in of_policy() {
            if one.left_out.is_empty() != one.why.is_empty() {
                return Err(format!("{SOURCE}: {}: left-out and why go together", one.name));
            }
            groups.entry(&one.resources).or_default().push(one);
        }
        for (resources, types) in groups {
            let actions: BTreeSet<String> = types.iter().flat_map(|one| one.actions.clone()).collect();
            // `AWS::Service::Kind`: the service alone where several kinds share it.
            let parts: Vec<&str> = types[0].name.split("::").skip(1).collect();
            let sid = if types.len() > 1 { parts[0].to_owned() } else { parts.concat() };
            add(policy, &sid, &actions.into_iter().collect::<Vec<_>>(), resources)?;
        }
        let anywhere: BTreeSet<String> = of_policy().flat_map(|one| one.anywhere.clone()).collect();
        if !anywhere.is_empty() {
            add(policy, "Anywhere", &anywhere.into_iter().collect::<Vec<_>>(), &["*".to_owned()])?;
        }
    }
    for (name, statements) in &mut all {
        let document = json!({ "Version": "2012-10-17", "Statement": statements.take() });
        // With an account's twelve digits and the longest partition that there is.
        let text =
            document.to_string().replace("{account}", "111122223333").replace("{partition}", "aws-us-gov");
        let size = text.chars().filter(|sign| !sign.is_whitespace()).count();
        if size > MOST {
            return Err(format!("{SOURCE}: the policy {name} has {size} characters, {MOST} at most"));
        }
        *statements = document;
    }
    Ok(Value::Object(all))
}

/// The resource types of some templates.
fn types(root: &Path, templates: &[&str]) -> Result<BTreeSet<String>, String> {
    let mut all = BTreeSet::new();
    for template in templates {
        let path = format!("templates/{template}.template.yaml");
        let text = fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        all.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("    Type: AWS::"))
                .map(|name| format!("AWS::{name}")),
        );
    }
    Ok(all)
}
