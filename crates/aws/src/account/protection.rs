//! Service control policies: what there is, where it is attached, and changes to that.
//!
//! It does what it is told; what the policy says and where it belongs is decided by the caller. Organizations
//! answers in the management account, or in one that the policies were delegated to.

use super::{Account, Trouble, text, trouble::told};
use aws_sdk_organizations::{
    Client,
    types::{PolicyType, PolicyTypeStatus},
};

const SCP: PolicyType = PolicyType::ServiceControlPolicy;

/// A service control policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlPolicy {
    /// `p-…`.
    pub id: String,
    /// Its text.
    pub content: String,
}

/// A root, a unit or an account that a policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `r-…`, `ou-…` or twelve digits.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// The organization's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// `r-…`.
    pub id: String,
    /// Whether service control policies are switched on in it.
    pub controls: bool,
}

/// Service control policies of the account's organization.
pub struct ControlPolicies {
    client: Client,
    region: &'static str,
}

impl Account {
    /// Service control policies of the organization. The service has one place in each partition.
    pub fn control_policies(&self) -> ControlPolicies {
        let region = self.partition.global_region;
        ControlPolicies { client: Client::new(&self.at(region)), region }
    }
}

impl ControlPolicies {
    /// The root; there is one.
    ///
    /// # Errors
    /// Organizations could not be asked.
    pub async fn root(&self) -> Result<Option<Root>, Trouble> {
        let asked = self.client.list_roots().send().await;
        let answer = asked.map_err(told("organizations:ListRoots", self.region))?;
        Ok(answer.roots().first().map(|root| Root {
            id: text(root.id()),
            controls: root
                .policy_types()
                .iter()
                .any(|kind| kind.r#type() == Some(&SCP) && kind.status() == Some(&PolicyTypeStatus::Enabled)),
        }))
    }

    /// The policy of that name.
    ///
    /// # Errors
    /// Organizations could not be asked.
    pub async fn find(&self, name: &str) -> Result<Option<ControlPolicy>, Trouble> {
        let mut page = None;
        loop {
            let asked = self.client.list_policies().filter(SCP).set_next_token(page).send().await;
            let answer = asked.map_err(told("organizations:ListPolicies", self.region))?;
            if let Some(found) = answer.policies().iter().find(|policy| policy.name() == Some(name)) {
                let id = text(found.id());
                let asked = self.client.describe_policy().policy_id(&id).send().await;
                let answer = asked.map_err(told("organizations:DescribePolicy", self.region))?;
                let content = text(answer.policy().and_then(|policy| policy.content()));
                return Ok(Some(ControlPolicy { id, content }));
            }
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(None);
            }
        }
    }

    /// Where a policy is attached.
    ///
    /// # Errors
    /// Organizations could not be asked.
    pub async fn places(&self, policy: &str) -> Result<Vec<Place>, Trouble> {
        let (mut places, mut page) = (Vec::new(), None);
        loop {
            let asked =
                self.client.list_targets_for_policy().policy_id(policy).set_next_token(page).send().await;
            let answer = asked.map_err(told("organizations:ListTargetsForPolicy", self.region))?;
            places.extend(
                answer
                    .targets()
                    .iter()
                    .map(|target| Place { id: text(target.target_id()), name: text(target.name()) }),
            );
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(places);
            }
        }
    }

    /// Makes a policy and says its id.
    ///
    /// # Errors
    /// Organizations refused it.
    pub async fn make(&self, name: &str, description: &str, content: &str) -> Result<String, Trouble> {
        let ask = self.client.create_policy().r#type(SCP).name(name).description(description);
        let asked = ask.content(content).send().await;
        let answer = asked.map_err(told("organizations:CreatePolicy", self.region))?;
        Ok(text(answer.policy().and_then(|policy| policy.policy_summary()).and_then(|policy| policy.id())))
    }

    /// Gives a policy another text.
    ///
    /// # Errors
    /// Organizations refused it.
    pub async fn change(&self, policy: &str, content: &str) -> Result<(), Trouble> {
        let asked = self.client.update_policy().policy_id(policy).content(content).send().await;
        asked.map(drop).map_err(told("organizations:UpdatePolicy", self.region))
    }

    /// Attaches a policy.
    ///
    /// # Errors
    /// Organizations refused it.
    pub async fn attach(&self, policy: &str, place: &str) -> Result<(), Trouble> {
        let asked = self.client.attach_policy().policy_id(policy).target_id(place).send().await;
        asked.map(drop).map_err(told("organizations:AttachPolicy", self.region))
    }

    /// Takes a policy away from a place.
    ///
    /// # Errors
    /// Organizations refused it.
    pub async fn detach(&self, policy: &str, place: &str) -> Result<(), Trouble> {
        let asked = self.client.detach_policy().policy_id(policy).target_id(place).send().await;
        asked.map(drop).map_err(told("organizations:DetachPolicy", self.region))
    }

    /// Removes a policy that is attached nowhere.
    ///
    /// # Errors
    /// Organizations refused it.
    pub async fn remove(&self, policy: &str) -> Result<(), Trouble> {
        let asked = self.client.delete_policy().policy_id(policy).send().await;
        asked.map(drop).map_err(told("organizations:DeletePolicy", self.region))
    }
}
