//! `templates/deployer.json`: who may deploy, from `templates/deployer.toml` and the templates' resource types.
//!
//! Three policies, since IAM takes 6,144 characters in each: what the command calls, what CloudFormation calls in the
//! same name, and what an organization needs besides.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, fs, path::Path};

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
    let mut all: Map<String, Value> =
        ["command", "cloudformation", "organization"].map(|name| (name.to_owned(), json!([]))).into_iter().collect();
    let mut add = |policy: &str, sid: &str, actions: &[String], resources: &[String]| {
        let list = all.get_mut(policy).and_then(Value::as_array_mut);
        let list = list.ok_or_else(|| format!("{SOURCE}: no policy is called {policy}"))?;
        list.push(json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources }));
        Ok::<_, String>(())
    };
    for one in &data.statement {
        add(&one.policy, &one.sid, &one.actions, &one.resources)?;
    }
    let mut anywhere: [BTreeSet<String>; 2] = [BTreeSet::new(), BTreeSet::new()];
    for one in &data.r#type {
        if one.left_out.is_empty() != one.why.is_empty() {
            return Err(format!("{SOURCE}: {}: left-out and why go together", one.name));
        }
        let of_account = account.contains(&one.name);
        let policy = if of_account { "cloudformation" } else { "organization" };
        add(policy, &one.name.trim_start_matches("AWS::").replace("::", ""), &one.actions, &one.resources)?;
        anywhere[usize::from(!of_account)].extend(one.anywhere.iter().cloned());
    }
    for (policy, actions) in ["cloudformation", "organization"].iter().zip(anywhere) {
        let actions: Vec<String> = actions.into_iter().collect();
        if !actions.is_empty() {
            add(policy, "Anywhere", &actions, &["*".to_owned()])?;
        }
    }
    for (name, statements) in &mut all {
        let document = json!({ "Version": "2012-10-17", "Statement": statements.take() });
        // With an account's twelve digits and the longest partition that there is.
        let text = document.to_string().replace("{account}", "111122223333").replace("{partition}", "aws-us-gov");
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
        all.extend(text.lines().filter_map(|line| line.strip_prefix("    Type: AWS::")).map(|name| format!("AWS::{name}")));
    }
    Ok(all)
}
