//! `tagger doctor --access`: who else could make the tagger tag what he likes, and who can choose the name that it writes.
//!
//! By IAM's simulation of each role and user, as far as it sees: no service control policy but what IAM says of them, no policy
//! of a queue or a function, no condition that it is not told. What the guard is for: `protect/guard.rs`.

use super::{
    report::{Check, Verdict, some},
    stack::Site,
};
use crate::deployment::FUNCTION;
use serde_json::Value;
use tagger_aws::account::{
    Account, Trouble,
    principals::{Principal, Principals},
};
use tagger_core::policy::matches;

/// The most principals that are looked at: two calls each, and IAM answers some ten a second.
const MOST: usize = 200;
/// What lets somebody decide which tags are written, on the function and on its rules.
const ON_FUNCTION: [&str; 4] = [
    "lambda:InvokeFunction",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "lambda:AddPermission",
];
const ON_RULES: [&str; 2] = ["events:PutRule", "events:PutTargets"];

/// A principal, and which of these actions it may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Able {
    arn: String,
    actions: Vec<String>,
}

/// Asks about each role and user but the deployers: those that were named, and the stack's operators.
pub async fn check(account: &Account, site: &Site, deployers: &[String]) -> Vec<Check> {
    let seen = match account.principals(MOST).await {
        Ok(seen) => seen,
        Err(trouble) => {
            return vec![Check::unknown("access", &trouble), Check::unknown("chosen-names", &trouble)];
        }
    };
    let operators = site.stack.as_ref().and_then(|stack| stack.parameters.get("QueueOperators"));
    let operators = operators.into_iter().flat_map(|list| list.split(',')).filter(|one| *one != "none");
    let own = own(account.partition.name, &account.id, &site.covered());
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let known: Vec<&str> =
        deployers.iter().map(String::as_str).chain(operators).chain(own.iter().copied()).collect();
    let others: Vec<&Principal> = seen.list.iter().filter(|one| !is_known(&one.arn, &known)).collect();
    let (partition, home, id) = (account.partition.name, &site.home, &account.id);
    let function = format!("arn:{partition}:lambda:{home}:{id}:function:{FUNCTION}");
    let rule = format!("arn:{partition}:events:{home}:{id}:rule/auto-tag-create-resources");
    let (mut able, mut failed) = (Vec::new(), None);
    for principal in &others {
        let mut actions = Vec::new();
        for (asked, resource) in [(&ON_FUNCTION[..], &function), (&ON_RULES[..], &rule)] {
            match account.simulate(&principal.arn, asked, resource, &[]).await {
                Ok(decisions) => {
                    actions.extend(decisions.into_iter().filter(|one| one.allowed).map(|one| one.action));
                }
                Err(trouble) => failed = Some(trouble),
            }
        }
        if !actions.is_empty() {
            able.push(Able { arn: principal.arn.clone(), actions });
        }
    }
    vec![of_access(&able, others.len(), seen.is_cut, failed.as_ref()), of_names(&seen, &own)]
}

/// The product's own roles, which are held by what they may do: their ARNs, and no others with such a name.
fn own(partition: &str, account: &str, covered: &[String]) -> Vec<String> {
    let of = |name: &str| format!("arn:{partition}:iam::{account}:role/{name}");
    let of_region = |region: &String| {
        [
            of(&format!("AutoResourceTaggerRole-{region}")),
            of(&format!("AutoResourceTaggerForwarder-{region}")),
        ]
    };
    covered.iter().flat_map(of_region).chain([of("AutoResourceTaggerRole")]).collect()
}

/// Whether it is one of these, in which `*` is anything.
fn is_known(arn: &str, known: &[&str]) -> bool {
    known.iter().any(|pattern| matches(pattern, arn))
}

/// Who could misuse it.
fn of_access(able: &[Able], asked: usize, is_cut: bool, failed: Option<&Trouble>) -> Check {
    let name = "access";
    let cut = if is_cut {
        format!(" (only {MOST} roles and users were looked at, there are more)")
    } else {
        String::new()
    };
    let limits = "by simulation, which sees no service control policy but what IAM tells of them, and no condition that it is not told";
    if let Some(trouble) = failed {
        return Check::unknown(name, trouble);
    }
    let list: Vec<Value> =
        able.iter().map(|one| serde_json::json!({ "arn": one.arn, "actions": one.actions })).collect();
    let names: Vec<&str> = able.iter().map(|one| one.arn.as_str()).collect();
    if able.is_empty() {
        let message = format!(
            "{asked} roles and users beside the deployers: none may change, feed or call the tagger{cut}, {limits}"
        );
        let verdict = if is_cut { Verdict::Info } else { Verdict::Ok };
        return Check::new(name, verdict, message);
    }
    let message = format!(
        "{} of {asked} roles and users beside the deployers may change, feed or call the tagger, and so decide which tags it \
         writes{cut}: {}; {limits}",
        able.len(),
        some(&names, 8)
    );
    Check::new(name, Verdict::Warn, message)
        .fix("leave these calls to those who deploy: `tagger protect --guard`, docs/protection.md#the-guard; who deploys is named with --deployer")
        .detail("principals", list)
}

/// Which roles let whoever takes them choose the session's name or the source identity.
fn of_names(seen: &Principals, own: &[&str]) -> Check {
    let trusts = seen.list.iter().filter_map(|one| Some((one.arn.as_str(), one.trust.as_deref()?)));
    let trusts: Vec<(&str, &str)> = trusts.filter(|(arn, _)| !is_known(arn, own)).collect();
    let chosen: Vec<&str> =
        trusts.iter().filter(|(_, trust)| lets_choose(trust)).map(|(arn, _)| *arn).collect();
    let name = "chosen-names";
    let all = trusts.len();
    if chosen.is_empty() {
        return Check::ok(name, format!("none of {all} roles lets a caller choose the name that is written"));
    }
    let message = format!(
        "{} of {all} roles let whoever takes them choose the session's name, or a source identity, which is the name that is \
         written: {}",
        chosen.len(),
        some(&chosen, 8)
    );
    Check::new(name, Verdict::Info, message)
        .fix("require it in the trust policy (docs/who-gets-the-tag.md#requiring-it), or write more than the name: `tagger deploy --set 'TagValue={kind}:{name}'`")
        .detail("roles", chosen.iter().map(|arn| Value::from(*arn)).collect::<Vec<_>>())
}

/// Whether a trust policy lets somebody of an account, or of an identity provider, take the role under a name of his own.
/// Services choose theirs themselves. `sts:RoleSessionName` and `sts:SourceIdentity` hold it:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-sts>
/// SAML's names come from the identity provider: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>
fn lets_choose(trust: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(trust) else { return true };
    let several = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    several(&document["Statement"]).iter().any(|statement| {
        let principal = &statement["Principal"];
        let is_caller =
            principal.is_string() || !principal["AWS"].is_null() || !principal["Federated"].is_null();
        let actions = several(&statement["Action"]);
        let has = |wanted: &str| {
            actions
                .iter()
                .filter_map(Value::as_str)
                .any(|action| matches(&action.to_lowercase(), &wanted.to_lowercase()))
        };
        let takes = has("sts:AssumeRole") || has("sts:AssumeRoleWithWebIdentity");
        let states = has("sts:SetSourceIdentity");
        let text = statement["Condition"].to_string().to_lowercase();
        let name_held = text.contains("\"sts:rolesessionname\"");
        let source_held = text.contains("\"sts:sourceidentity\"");
        statement["Effect"] == "Allow"
            && is_caller
            && ((takes && !name_held && !source_held) || (states && !source_held))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_chooses_his_name() {
        let person = json!({ "AWS": "arn:aws:iam::111122223333:root" });
        let statement = |principal: Value, action: Value, condition: Value| json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition }] });
        let named = json!({ "StringLike": { "sts:RoleSessionName": "${aws:username}" } });
        let source = json!({ "StringLike": { "sts:SourceIdentity": "*" } });
        for (what, trust, expected) in [
            ("a person, no condition", statement(person.clone(), json!("sts:AssumeRole"), json!({})), true),
            ("anybody", statement(json!("*"), json!("sts:*"), json!({})), true),
            (
                "the session's name is required",
                statement(person.clone(), json!("sts:AssumeRole"), named.clone()),
                false,
            ),
            (
                "the source identity is",
                statement(person.clone(), json!(["sts:AssumeRole", "sts:SetSourceIdentity"]), source),
                false,
            ),
            (
                "a source identity of one's own",
                statement(person, json!(["sts:AssumeRole", "sts:SetSourceIdentity"]), named),
                true,
            ),
            (
                "a pipeline",
                statement(
                    json!({ "Federated": "arn:aws:iam::111122223333:oidc-provider/x" }),
                    json!("sts:AssumeRoleWithWebIdentity"),
                    json!({}),
                ),
                true,
            ),
            (
                "a service",
                statement(json!({ "Service": "lambda.amazonaws.com" }), json!("sts:AssumeRole"), json!({})),
                false,
            ),
            (
                "a SAML provider",
                statement(
                    json!({ "Federated": "arn:aws:iam::111122223333:saml-provider/x" }),
                    json!("sts:AssumeRoleWithSAML"),
                    json!({}),
                ),
                false,
            ),
        ] {
            assert_eq!(lets_choose(&trust.to_string()), expected, "{what}");
        }
        assert!(lets_choose("nonsense"), "what cannot be read is not taken for safe");
    }

    #[test]
    fn deployers_and_own_roles_are_left_out() {
        let own = own("aws", "111122223333", &["us-east-1".to_owned(), "eu-west-1".to_owned()]);
        let known: Vec<&str> = own.iter().map(String::as_str).chain(["arn:*:iam::*:role/deploy-*"]).collect();
        for (arn, expected) in [
            ("arn:aws:iam::111122223333:role/deploy-tagger", true),
            ("arn:aws:iam::111122223333:role/AutoResourceTaggerRole", true),
            ("arn:aws:iam::111122223333:role/AutoResourceTaggerForwarder-eu-west-1", true),
            ("arn:aws:iam::111122223333:role/AutoResourceTaggerOfMallory", false),
            ("arn:aws:iam::111122223333:role/AutoResourceTaggerRole-of-mallory", false),
            ("arn:aws:iam::111122223333:user/AutoResourceTaggerRole", false),
            ("arn:aws:iam::111122223333:role/Admin", false),
            ("arn:aws:iam::111122223333:user/alice", false),
        ] {
            assert_eq!(is_known(arn, &known), expected, "{arn}");
        }
    }

    #[test]
    fn what_was_not_seen_is_said() {
        let able = [Able {
            arn: "arn:aws:iam::111122223333:role/Power".to_owned(),
            actions: vec!["lambda:InvokeFunction".to_owned()],
        }];
        let trouble = Trouble::new("iam:SimulatePrincipalPolicy", "us-east-1", "AccessDenied", "no");
        for (able, is_cut, failed, verdict, words) in [
            (&able[..], false, None, Verdict::Warn, "role/Power"),
            (&[], false, None, Verdict::Ok, "none may change"),
            (&[], true, None, Verdict::Info, "there are more"),
            (&able, false, Some(&trouble), Verdict::Unknown, "AccessDenied"),
        ] {
            let check = of_access(able, 3, is_cut, failed);
            assert_eq!(check.verdict, verdict, "{check:?}");
            assert!(check.message.contains(words), "{check:?}");
        }
    }
}
