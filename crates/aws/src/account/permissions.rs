//! What a role may do, by IAM's own simulation. Reads only.

use super::{Account, Trouble, trouble::told};
use aws_sdk_iam::{
    Client,
    types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType},
};

/// What the simulation says of one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// For example `sqs:TagQueue`.
    pub action: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// What the organization's service control policies say; none where the simulation says nothing of them.
    pub by_organization: Option<bool>,
    /// What the role's permissions boundary says; none where it has none.
    pub by_boundary: Option<bool>,
    /// Whether a policy has a condition on something that the simulation was not told, such as a second factor.
    pub lacks_context: bool,
}

/// What the simulated request carries for a condition: without it, such a condition does not hold.
#[derive(Debug, Clone, Copy)]
pub struct Carried<'a> {
    /// The condition key, for example `aws:TagKeys`.
    pub key: &'a str,
    /// Its values; one where the key has one value only.
    pub values: &'a [&'a str],
    /// Whether a request can carry several values of the key.
    pub is_list: bool,
}

impl Carried<'_> {
    fn entry(&self) -> ContextEntry {
        let values = self.values.iter().map(|value| (*value).to_owned()).collect();
        ContextEntry::builder()
            .context_key_name(self.key)
            .context_key_type(if self.is_list {
                ContextKeyTypeEnum::StringList
            } else {
                ContextKeyTypeEnum::String
            })
            .set_context_key_values(Some(values))
            .build()
    }
}

/// How many actions go with one call: the request is a form, and a long one is refused.
const BATCH: usize = 50;

impl Account {
    /// Asks which of these actions a role (or a user) may use on a resource (`*` for any). The simulation sees the role's policies
    /// and its boundary, and service control policies only as far as it says so; no policy of a resource, unless it is
    /// handed in: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
    ///
    /// `carried` is what the request is thought to carry.
    ///
    /// # Errors
    /// IAM could not be asked.
    ///
    /// An action that IAM does not know is refused with the whole batch; such a one has no decision here.
    pub async fn simulate(
        &self,
        role: &str,
        actions: &[&str],
        resource: &str,
        carried: &[Carried<'_>],
    ) -> Result<Vec<Decision>, Trouble> {
        let region = self.partition.global_region;
        let client = Client::new(&self.at(region));
        let mut decisions = Vec::new();
        let mut batches: Vec<&[&str]> = actions.chunks(BATCH).rev().collect();
        while let Some(batch) = batches.pop() {
            match self.simulate_batch(&client, role, batch, resource, carried).await {
                Ok(more) => decisions.extend(more),
                Err(trouble) if trouble.code == "InvalidInput" && batch.len() > 1 => {
                    let (one, other) = batch.split_at(batch.len() / 2);
                    batches.extend([other, one]);
                }
                Err(trouble) if trouble.code == "InvalidInput" => {}
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(decisions)
    }

    async fn simulate_batch(
        &self,
        client: &Client,
        role: &str,
        actions: &[&str],
        resource: &str,
        carried: &[Carried<'_>],
    ) -> Result<Vec<Decision>, Trouble> {
        let region = self.partition.global_region;
        let names: Vec<String> = actions.iter().map(|action| (*action).to_owned()).collect();
        let (mut decisions, mut page) = (Vec::new(), None);
        loop {
            let ask = client.simulate_principal_policy().policy_source_arn(role);
            let ask = ask.set_action_names(Some(names.clone())).resource_arns(resource).set_marker(page);
            let ask = ask.set_context_entries(Some(carried.iter().map(Carried::entry).collect()));
            let answer = ask.send().await.map_err(told("iam:SimulatePrincipalPolicy", region))?;
            decisions.extend(answer.evaluation_results().iter().map(|result| {
                Decision {
                    action: result.eval_action_name().to_owned(),
                    allowed: *result.eval_decision() == PolicyEvaluationDecisionType::Allowed,
                    by_organization: result
                        .organizations_decision_detail()
                        .map(|detail| detail.allowed_by_organizations()),
                    by_boundary: result
                        .permissions_boundary_decision_detail()
                        .map(|detail| detail.allowed_by_permissions_boundary()),
                    lacks_context: !result.missing_context_values().is_empty(),
                }
            }));
            page = answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned);
            if page.is_none() {
                return Ok(decisions);
            }
        }
    }
}
