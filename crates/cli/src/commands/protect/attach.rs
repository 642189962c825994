//! Puts the policy into the organization and takes it out again.
//!
//! It looks at what there is first, says what it would do, asks, and does it; run again, it goes on where another run
//! ended. It changes no other policy.

use crate::{
    args::Protect,
    aws::Stop,
    exit_code::{Error, ExitCode},
    report::Report,
};
use serde_json::{Value, json};
use tagger_aws::account::{
    Account,
    protection::{ControlPolicies, ControlPolicy, Place, Root},
};

/// A policy of this product, as it stands in an organization.
pub struct Named {
    /// Its name there.
    pub name: &'static str,
    /// Its description there.
    pub description: &'static str,
    /// What changes where it is attached.
    pub warning: &'static str,
    /// What holds again where it is taken away.
    pub after: &'static str,
}

/// The organization, as far as it matters here.
struct Site {
    policies: ControlPolicies,
    root: Root,
    found: Option<ControlPolicy>,
    places: Vec<Place>,
    target: String,
}

impl Site {
    async fn look(account: &Account, target: &str, name: &str) -> Result<Self, Error> {
        let form = |text: &str, first: &str| text.strip_prefix(first).is_some_and(|rest| rest.len() >= 4);
        let is_account = target.len() == 12 && target.bytes().all(|byte| byte.is_ascii_digit());
        if !(target == "root" || form(target, "r-") || form(target, "ou-") || is_account) {
            return Err(Error::Usage(format!(
                "{target:?} is no target: give `root`, the root's id r-…, a unit's ou-…, or an account's twelve digits"
            )));
        }
        let Some(organization) = account.organization().await? else {
            return Err(Error::Failure(format!(
                "account {} is in no organization, and service control policies are an organization's: in a single account, \
                 put the printed document on users and roles as a permissions boundary or a policy",
                account.id
            )));
        };
        if target == organization.management_account {
            return Err(Error::Usage(format!(
                "{target} is the management account, in which service control policies have no effect"
            )));
        }
        let policies = account.control_policies();
        let Some(root) = policies.root().await? else {
            return Err(Error::Failure("organizations:ListRoots names no root".to_owned()));
        };
        let found = policies.find(name).await?;
        let places = match &found {
            Some(policy) => policies.places(&policy.id).await?,
            None => Vec::new(),
        };
        let target = if target == "root" { root.id.clone() } else { target.to_owned() };
        Ok(Self { policies, root, found, places, target })
    }

    fn is_attached(&self) -> bool {
        self.places.iter().any(|place| place.id == self.target)
    }

    /// The other places in words.
    fn others(&self) -> String {
        let others = self.places.iter().filter(|place| place.id != self.target);
        others.map(|place| format!("{} ({})", place.id, place.name)).collect::<Vec<_>>().join(", ")
    }
}

/// Attaches the policy with this text, or brings it up to date.
///
/// # Errors
/// There is no organization, AWS refuses it, or nobody said yes.
pub async fn attach(
    account: &Account,
    target: &str,
    named: &Named,
    text: &str,
    arguments: &Protect,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let name = named.name;
    let site = Site::look(account, target, name).await?;
    let target = &site.target;
    if !site.root.controls {
        return Err(Error::Failure(format!(
            "service control policies are not switched on in this organization; in the management account: aws organizations \
             enable-policy-type --root-id {} --policy-type SERVICE_CONTROL_POLICY",
            site.root.id
        )));
    }
    let as_json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let differs = site.found.as_ref().is_some_and(|policy| as_json(&policy.content) != as_json(text));
    let steps = steps(&site, name, text, differs);
    if steps.is_empty() {
        let words = format!("{name} is attached to {target} and up to date.");
        report.say("end", &words, json!({ "changed": false, "target": target }))?;
        return Ok(ExitCode::Fine);
    }
    for step in &steps {
        report.say("plan", step, json!({ "target": target, "policy": as_json(text) }))?;
    }
    let warning = format!(
        "\nFrom then on {} there: `tagger protect --explain` says what that breaks. Try it in one account first.",
        named.warning
    );
    report.say("warning", &warning, json!({}))?;
    if !may_go_on("Attach it?", arguments, report, stop)? {
        return Ok(ExitCode::Fine);
    }
    let id = match &site.found {
        None => site.policies.make(name, named.description, text).await?,
        Some(policy) => {
            if differs {
                site.policies.change(&policy.id, text).await?;
            }
            policy.id.clone()
        }
    };
    if !site.is_attached() {
        site.policies.attach(&id, target).await?;
    }
    let guard = if arguments.guard { " --guard" } else { "" };
    let words = format!(
        "\nAttached to {target}: {name} ({id}). Take it away with `tagger protect{guard} --detach {target}`"
    );
    report.say("end", &words, json!({ "changed": true, "target": target, "policyId": id }))?;
    Ok(ExitCode::Fine)
}

/// What is to be done, in words.
fn steps(site: &Site, name: &str, text: &str, differs: bool) -> Vec<String> {
    let mut steps = Vec::new();
    match &site.found {
        None => {
            steps.push(format!("  +  the service control policy {name}, {} characters", text.chars().count()))
        }
        Some(policy) if differs => {
            let others = site.others();
            let also = if others.is_empty() { String::new() } else { format!(", also for {others}") };
            steps.push(format!(
                "  ~  the service control policy {name} ({}) gets another text{also}",
                policy.id
            ));
        }
        Some(_) => {}
    }
    if !site.is_attached() {
        steps.push(format!("  +  it is attached to {}", site.target));
    }
    steps
}

/// Takes the policy away from a place, and deletes it when it is nowhere else.
///
/// # Errors
/// There is no organization, AWS refuses it, or nobody said yes.
pub async fn detach(
    account: &Account,
    target: &str,
    named: &Named,
    arguments: &Protect,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let name = named.name;
    let site = Site::look(account, target, name).await?;
    let target = &site.target;
    let others = site.others();
    let Some(policy) = site.found.as_ref().filter(|_| site.is_attached() || others.is_empty()) else {
        report.say("end", &format!("{name} is not attached to {target}."), json!({ "changed": false }))?;
        return Ok(ExitCode::Fine);
    };
    if site.is_attached() {
        report.say("plan", &format!("  -  {name} at {target}"), json!({ "target": target }))?;
    }
    let rest =
        if others.is_empty() { "  -  the policy itself".to_owned() } else { format!("It stays at {others}") };
    report.say("plan", &rest, json!({ "policyId": policy.id }))?;
    if !may_go_on("Take it away?", arguments, report, stop)? {
        return Ok(ExitCode::Fine);
    }
    if site.is_attached() {
        site.policies.detach(&policy.id, target).await?;
    }
    if others.is_empty() {
        site.policies.remove(&policy.id).await?;
    }
    let words = format!("\nDone: there, {}.", named.after);
    report.say("end", &words, json!({ "changed": true, "target": target }))?;
    Ok(ExitCode::Fine)
}

/// Whether it is to be done; a dry run is not.
fn may_go_on(question: &str, arguments: &Protect, report: Report, stop: &Stop) -> Result<bool, Error> {
    if arguments.dry_run {
        report.say("end", "\nDry run: nothing was changed.", json!({ "changed": false }))?;
        return Ok(false);
    }
    if !report.ask(question, arguments.yes, stop)? {
        return Err(Error::Failure("nothing was changed".to_owned()));
    }
    Ok(true)
}
