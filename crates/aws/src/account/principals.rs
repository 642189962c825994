//! The roles and users of an account, and who may take each role. Reads only.

use super::{Account, Trouble, text, trouble::told};
use aws_sdk_iam::Client;
use percent_encoding::percent_decode_str;

/// A role or a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// Its ARN.
    pub arn: String,
    /// Who may take it, as JSON; none for a user.
    pub trust: Option<String>,
}

/// What was seen of an account's principals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principals {
    /// Users first, then roles; without service-linked roles, which nobody can take.
    pub list: Vec<Principal>,
    /// Whether there are more.
    pub is_cut: bool,
}

impl Account {
    /// So many users and roles at most.
    ///
    /// # Errors
    /// IAM could not be asked.
    pub async fn principals(&self, most: usize) -> Result<Principals, Trouble> {
        let region = self.partition.global_region;
        let client = Client::new(&self.at(region));
        let mut seen = Principals::default();
        let mut page = None;
        loop {
            let answer = client.list_users().set_marker(page).send().await;
            let answer = answer.map_err(told("iam:ListUsers", region))?;
            seen.list.extend(
                answer.users().iter().map(|user| Principal { arn: text(Some(user.arn())), trust: None }),
            );
            page = answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned);
            if page.is_none() || seen.list.len() > most {
                break;
            }
        }
        let mut page = None;
        while seen.list.len() <= most {
            let answer = client.list_roles().set_marker(page).send().await;
            let answer = answer.map_err(told("iam:ListRoles", region))?;
            let roles = answer.roles().iter().filter(|role| !role.path().starts_with("/aws-service-role/"));
            // IAM gives the document encoded for an address:
            // https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
            seen.list.extend(roles.map(|role| {
                Principal {
                    arn: text(Some(role.arn())),
                    trust: role
                        .assume_role_policy_document()
                        .map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned()),
                }
            }));
            page = answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned);
            if page.is_none() {
                break;
            }
        }
        seen.is_cut = page.is_some() || seen.list.len() > most;
        seen.list.truncate(most);
        Ok(seen)
    }
}
