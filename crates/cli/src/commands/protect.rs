//! `tagger protect`: two service control policies. One leaves the tag's key to the tagger, the guard leaves the tagger's own
//! parts to those who deploy it.
//!
//! [`policy`] is the first document, [`unseen`] what it cannot see, [`guard`] the second, [`explain`] both in words, [`detect`]
//! the rules for the rest, [`attach`] the organization. With a key and without `--attach` it asks AWS nothing.

mod attach;
mod detect;
mod explain;
mod guard;
mod policy;
mod unseen;

use crate::{
    args::Protect,
    aws::{self, Stop},
    deployment::Deployment,
    exit_code::{Error, ExitCode},
    output,
    report::Report,
};
use attach::Named;
use guard::Guard;
use policy::{MOST, Protection};
use serde_json::{Value, json};
use std::io::Write;
use tagger_aws::account::Account;
use tagger_core::Policy;

/// The tag's protection in an organization.
const PROTECTION: Named = Named {
    name: policy::NAME,
    description: policy::DESCRIPTION,
    warning: "nobody but the tagger writes the key",
    after: "everybody may write the key again",
};

/// The guard in an organization.
const GUARD: Named = Named {
    name: guard::NAME,
    description: guard::DESCRIPTION,
    warning: "nobody but the named deployers changes, invokes or removes the tagger",
    after: "everybody whose own policies allow it may change the tagger again",
};

/// Runs the verb.
///
/// # Errors
/// The key is not known or cannot be one, the policy does not fit, or AWS refuses something; with what to do.
pub fn run(arguments: &Protect) -> Result<ExitCode, Error> {
    let changes = arguments.attach.is_some() || arguments.detach.is_some();
    if arguments.json && changes && !arguments.yes && !arguments.dry_run {
        return Err(Error::Usage("--json does not ask: give --yes, or --dry-run to look only".to_owned()));
    }
    let mut protection = Protection {
        keys: arguments.key.clone(),
        except: arguments.except.clone(),
        strict: arguments.strict,
    };
    protection.check().map_err(Error::Usage)?;
    let guard = Guard { deployers: arguments.deployer.clone() };
    if arguments.guard && arguments.detach.is_none() {
        guard.check().map_err(Error::Usage)?;
    }
    if !changes && arguments.guard && !arguments.explain {
        let text = guard.text().map_err(Error::Usage)?;
        return print_policy(&guard.document(), &text, arguments);
    }
    if !changes && !protection.keys.is_empty() {
        return print(&protection, &guard, arguments);
    }
    let stop = Stop::listen()?;
    aws::run(async {
        let account = aws::account(&arguments.aws).await?;
        let report = Report::new(arguments.json);
        let named = if arguments.guard { &GUARD } else { &PROTECTION };
        if let Some(target) = &arguments.detach {
            return attach::detach(&account, target, named, arguments, report, &stop).await;
        }
        if let (Some(target), true) = (&arguments.attach, arguments.guard) {
            let text = guard.text().map_err(Error::Usage)?;
            return attach::attach(&account, target, named, &text, arguments, report, &stop).await;
        }
        if protection.keys.is_empty() {
            protection.keys.push(deployed_key(&account).await?);
        }
        match &arguments.attach {
            Some(target) => {
                let text = protection.text().map_err(Error::Usage)?;
                attach::attach(&account, target, named, &text, arguments, report, &stop).await
            }
            None => print(&protection, &guard, arguments),
        }
    })
}

/// The key that the deployed stack was told.
async fn deployed_key(account: &Account) -> Result<String, Error> {
    let there = Deployment::find(account).await?;
    let Some((_, stack)) = there.home else {
        let default = Policy::default().tag.key;
        return Err(Error::Usage(format!(
            "account {} has no tagger whose key could be looked up: say which with --key, for example --key {default}",
            account.id
        )));
    };
    let told = stack.parameters.get("TagKey").filter(|key| !key.is_empty());
    Ok(told.cloned().unwrap_or_else(|| Policy::default().tag.key))
}

/// What does not change anything.
fn print(protection: &Protection, guard: &Guard, arguments: &Protect) -> Result<ExitCode, Error> {
    let text = protection.text().map_err(Error::Usage)?;
    if !arguments.explain && !arguments.detect {
        return print_policy(&protection.document(), &text, arguments);
    }
    let mut out = std::io::stdout().lock();
    if arguments.explain {
        let page = explain::page(protection, guard);
        if arguments.json {
            let (total, seen) = unseen::counts();
            let unseen: Vec<_> = unseen::all().collect();
            let line = json!({ "step": "explain", "message": page, "taggingActions": total, "seen": seen, "unseen": unseen,
                "ours": unseen::ours() });
            writeln!(out, "{line}")?;
        } else {
            write!(out, "{page}")?;
        }
    } else {
        for key in &protection.keys {
            for rule in detect::rules(key, None) {
                let line = json!({ "name": rule.name, "purpose": rule.purpose, "key": key, "pattern": rule.pattern });
                writeln!(out, "{line}")?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::Fine)
}

/// One of the policies, and how long it is.
fn print_policy(document: &Value, text: &str, arguments: &Protect) -> Result<ExitCode, Error> {
    let size = text.chars().count();
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let line = json!({ "step": "policy", "size": size, "most": MOST, "policy": document });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{document:#}")?;
        output::complain(&format!(
            "tagger: {size} characters without spaces; a service control policy has {MOST} at most. `tagger protect --explain` \
             says what it does not cover and what it breaks"
        ));
    }
    out.flush()?;
    Ok(ExitCode::Fine)
}
