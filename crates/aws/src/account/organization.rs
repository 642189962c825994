//! AWS Organizations: whether there is one, who manages it, and where its units are.

use super::{Account, Trouble, text, trouble::told};
use aws_sdk_cloudformation::{Client as CloudFormation, types::OrganizationStatus};
use aws_sdk_organizations::Client;

/// The organization that the account belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// `o-…`.
    pub id: String,
    /// The account that manages it.
    pub management_account: String,
}

impl Account {
    /// The account's organization, if it is in one.
    ///
    /// # Errors
    /// Organizations could not be asked.
    pub async fn organization(&self) -> Result<Option<Organization>, Trouble> {
        let region = self.partition.global_region;
        let asked = Client::new(&self.at(region)).describe_organization().send().await;
        match asked.map_err(told("organizations:DescribeOrganization", region)) {
            Ok(answer) => Ok(answer.organization().map(|found| Organization {
                id: text(found.id()),
                management_account: text(found.master_account_id()),
            })),
            Err(trouble) if trouble.code == "AWSOrganizationsNotInUseException" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Whether service-managed StackSets may work in the organization.
    ///
    /// # Errors
    /// CloudFormation could not be asked.
    pub async fn stack_sets_are_trusted(&self) -> Result<bool, Trouble> {
        let asked = CloudFormation::new(&self.at(&self.region)).describe_organizations_access().send().await;
        let answer = asked.map_err(told("cloudformation:DescribeOrganizationsAccess", &self.region))?;
        Ok(answer.status() == Some(&OrganizationStatus::Enabled))
    }

    /// Lets them.
    ///
    /// # Errors
    /// CloudFormation or Organizations refused it.
    pub async fn trust_stack_sets(&self) -> Result<(), Trouble> {
        let asked = CloudFormation::new(&self.at(&self.region)).activate_organizations_access().send().await;
        asked.map(drop).map_err(told("cloudformation:ActivateOrganizationsAccess", &self.region))
    }

    /// The roots, `r-…`; there is one.
    ///
    /// # Errors
    /// Organizations could not be asked.
    pub async fn roots(&self) -> Result<Vec<String>, Trouble> {
        let region = self.partition.global_region;
        let asked = Client::new(&self.at(region)).list_roots().send().await;
        let answer = asked.map_err(told("organizations:ListRoots", region))?;
        Ok(answer.roots().iter().map(|root| text(root.id())).collect())
    }
}
