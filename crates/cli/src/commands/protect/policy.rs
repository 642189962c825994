//! The service control policy that leaves a key to the tagger. Pure.
//!
//! One statement on every action: where a call tells IAM its tag keys, creations too, the condition sees them; where it
//! does not, the condition is false and nothing is refused. Listing actions instead would not fit, and IAM takes no
//! wildcard for a service (`*:TagResource`): <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>

use super::unseen;
use serde_json::{Value, json};
use tagger_core::arn::Arn;

/// Its name in the organization.
pub const NAME: &str = "auto-resource-tagger-tag-protection";
/// Its description there.
pub const DESCRIPTION: &str = "Leaves the creator's tag to auto-resource-tagger. Made by `tagger protect`.";
/// The only one that may write the key, in every account. The template gives the role this name.
pub const ROLE: &str = "arn:*:iam::*:role/AutoResourceTaggerRole";
/// The most characters of a service control policy. Since May 2026 it is said to be twice that; this holds in any case:
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
pub const MOST: usize = 5_120;

/// What it is to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    /// The keys.
    pub keys: Vec<String>,
    /// Who else may write them: patterns of ARNs.
    pub except: Vec<String>,
    /// Whether tagging actions that do not tell their keys are refused altogether, where the tagger tags by them.
    pub strict: bool,
}

impl Protection {
    /// Says what is wrong with what was asked for.
    ///
    /// # Errors
    /// A key that cannot be one, or an exception that is no principal or is everybody.
    pub fn check(&self) -> Result<(), String> {
        for key in &self.keys {
            let fits =
                key.chars().all(|letter| letter.is_ascii_alphanumeric() || " _.:/=+-@".contains(letter));
            if key.is_empty() || key.len() > 127 || !fits || key.to_ascii_lowercase().starts_with("aws:") {
                return Err(format!(
                    "{key:?}: a key has 1 to 127 letters, digits, spaces and _ . : / = + - @, and does not begin with aws:"
                ));
            }
        }
        self.except.iter().try_for_each(|pattern| check_principal(pattern))
    }

    /// The document.
    pub fn document(&self) -> Value {
        let principals: Vec<&str> =
            std::iter::once(ROLE).chain(self.except.iter().map(String::as_str)).collect();
        let others = json!({ "aws:PrincipalArn": principals });
        let mut statements = vec![json!({
            "Sid": "OnlyTheTaggerWritesTheKey",
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {
                // IAM's own tags do not tell `CreatedBy` from `createdby`, so whoever may write one writes the other:
                // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
                "ForAnyValue:StringEqualsIgnoreCase": { "aws:TagKeys": self.keys },
                "ArnNotLike": others,
            },
        })];
        if self.strict {
            statements.push(json!({
                "Sid": "OnlyTheTaggerTagsUnseen",
                "Effect": "Deny",
                "Action": unseen::ours(),
                "Resource": "*",
                "Condition": { "ArnNotLike": others },
            }));
        }
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// The document without spaces, as it is attached.
    ///
    /// # Errors
    /// It is too long.
    pub fn text(&self) -> Result<String, String> {
        fitting(&self.document())
    }
}

/// Refuses an exception that is no principal, or is everybody.
///
/// # Errors
/// A sentence with the pattern, and what it has to be.
pub fn check_principal(pattern: &str) -> Result<(), String> {
    let principal = Arn::parse(pattern).filter(|arn| matches!(arn.service, "iam" | "sts"));
    let Some(principal) = principal else {
        return Err(format!("{pattern:?} is no principal's ARN: for example arn:*:iam::*:role/deploy-*"));
    };
    if matches!(principal.resource, "*" | "role/*" | "user/*" | "r*" | "u*") {
        return Err(format!("{pattern:?} would except everybody: name the roles or users"));
    }
    Ok(())
}

/// A policy without spaces.
///
/// # Errors
/// It is too long for a service control policy.
pub fn fitting(document: &Value) -> Result<String, String> {
    let text = document.to_string();
    let size = text.chars().count();
    if size > MOST {
        return Err(format!(
            "the policy has {size} characters, and a service control policy {MOST} at most: give fewer exceptions, or \
             shorter ones with *"
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: &[&str], except: &[&str]) -> Protection {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Protection { keys: owned(keys), except: owned(except), strict: false }
    }

    #[test]
    fn what_it_says() {
        let expected = json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "OnlyTheTaggerWritesTheKey", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
                "ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": ["CreatedBy"]},
                "ArnNotLike": {"aws:PrincipalArn": ["arn:*:iam::*:role/AutoResourceTaggerRole"]}}}]});
        assert_eq!(of(&["CreatedBy"], &[]).document(), expected);
        let strict = Protection { strict: true, ..of(&["CreatedBy"], &["arn:aws:iam::*:role/x"]) }.document();
        assert_eq!(strict["Statement"][1]["Action"], json!(unseen::ours()));
        for statement in strict["Statement"].as_array().unwrap() {
            assert_eq!(
                statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"],
                json!([ROLE, "arn:aws:iam::*:role/x"])
            );
        }
    }

    #[test]
    fn it_fits() {
        let size = |protection: &Protection| protection.text().map(|text| text.chars().count());
        let plain = size(&of(&["CreatedBy"], &[])).unwrap();
        assert!(plain < 350, "{plain}");
        let strict =
            Protection { strict: true, ..of(&["CreatedBy"], &["arn:*:iam::*:role/service-role/*Backup*"]) };
        let strict = size(&strict).unwrap();
        assert!(strict < 1_000, "{strict}");
        let long = format!("arn:*:iam::*:role/{}", "x".repeat(100));
        assert!(size(&of(&["CreatedBy"], &vec![long.as_str(); 30])).unwrap() < MOST);
        assert!(
            size(&of(&["CreatedBy"], &vec![long.as_str(); 45])).unwrap_err().contains("fewer exceptions")
        );
    }

    #[test]
    fn docs_protection_md_has_these_numbers() {
        let page = include_str!("../../../../../docs/protection.md");
        let size = |strict| {
            let protection = Protection { strict, ..of(&["CreatedBy"], &[]) };
            protection.text().unwrap().chars().count()
        };
        let sizes = format!("It has {} characters, {} with `--strict`", size(false), size(true));
        let many = unseen::ours().len();
        let all = [
            sizes,
            format!("By {many} of them the tagger"),
            format!("call of these {many} by"),
            format!("but for the {many}."),
        ];
        for sentence in all.into_iter().chain(unseen::ours().into_iter().map(|action| format!("`{action}`")))
        {
            assert!(page.contains(&sentence), "docs/protection.md does not say: {sentence}");
        }
    }

    #[test]
    fn what_is_refused() {
        for (keys, except, words) in [
            (&["aws:x"][..], &[][..], "does not begin with aws:"),
            (&[""], &[], "1 to 127"),
            (&["a*b"], &[], "1 to 127"),
            (&["CreatedBy"], &["alice"], "no principal's ARN"),
            (&["CreatedBy"], &["arn:aws:s3:::bucket"], "no principal's ARN"),
            (&["CreatedBy"], &["arn:*:iam::*:role/*"], "everybody"),
            (&["CreatedBy"], &["arn:*:iam::*:*"], "everybody"),
        ] {
            let sentence = of(keys, except).check().unwrap_err();
            assert!(sentence.contains(words), "{keys:?} {except:?}: {sentence}");
        }
        assert_eq!(of(&["Created By/x"], &["arn:*:iam::*:role/aws-*"]).check(), Ok(()));
    }
}
