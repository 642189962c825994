//! `tagger deploy --organization`: the stack of `templates/organization.yaml`, in two steps, then the
//! management account itself, which StackSets pass over.
//!
//! Two steps, since a StackSet reads its template while it is made: first the bucket, the topic and the
//! sink; then the files go into the bucket, and an update names where they are.

use super::{parameters, permissions, regions, settings, target::Target, zip::FunctionZip};
use crate::{
    args::Deploy,
    aws::Stop,
    config_file::ConfigFile,
    cost_model::Delivery,
    deployment::{Deployment, ORGANIZATION, VERSION},
    exit_code::{Error, ExitCode},
    held_settings::{self, Held},
    report::Report,
    templates,
};
use serde_json::json;
use std::collections::BTreeMap;
use tagger_aws::account::{
    Account, Kind,
    stacks::{Stack, Template},
    trails::Trail,
};

/// How often, and after which time, it is asked whether StackSets have their trusted access.
const TRUST_TRIES: u32 = 30;
const TRUST_PAUSE: std::time::Duration = std::time::Duration::from_secs(2);

/// Deploys to the organization.
///
/// # Errors
/// There is no organization, or a stack failed; with the fix.
pub async fn deploy(
    account: &Account,
    arguments: &Deploy,
    config: Option<&ConfigFile>,
    zip: &FunctionZip,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let organization = account.organization().await?.ok_or_else(|| {
        Error::Failure(format!("account {} is in no organization: deploy without --organization", account.id))
    })?;
    let manages = organization.management_account == account.id;
    let role =
        if manages { "its management account" } else { "which has to be a delegated administrator of it" };
    let more = json!({ "organization": organization.id, "managementAccount": organization.management_account, "account": account.id });
    report.say(
        "organization",
        &format!("Organization {}, from {}, {role}", organization.id, account.id),
        more,
    )?;
    let there = Deployment::find(account).await?;
    let mut others = regions::forwarders(arguments, account, &there)?;
    // What the accounts have already stays, whatever this account has.
    let deployed = there.organization.as_ref().and_then(|stack| stack.parameters.get("ForwarderRegions"));
    let deployed = deployed.into_iter().flat_map(|list| list.split(','));
    others
        .extend(deployed.filter(|region| !region.is_empty() && *region != account.region).map(str::to_owned));
    let known = templates::parameters(templates::ORGANIZATION);
    let held = match &there.organization {
        Some(stack) => held(account, stack).await,
        None => Held::default(),
    };
    let kept = super::kept::file(config, &held, report)?;
    let kept_zip = kept.map(|file| zip.with(file)).transpose()?;
    let (own_zip, zip, file) = (zip, kept_zip.as_ref().unwrap_or(zip), config.or(kept));
    let policy = config.map(|file| &file.policy);
    let told = parameters::settings(arguments, policy)?;
    let told = parameters::merged(&known, told, there.organization.as_ref());
    let will_hold =
        settings::check_all(templates::ORGANIZATION, &told, there.organization.as_ref(), file, |name| {
            parameters::option(arguments, policy, name)
        })?;
    let before = there.organization.as_ref().filter(|_| held.unread.is_none());
    let before = before.and_then(|stack| held_settings::policy(held.file.as_ref(), &stack.parameters).ok());
    settings::say(before.as_ref(), &will_hold, report)?;
    permissions::check(account, arguments.dry_run, report).await?;
    let mut target = Target::new(account, &account.region, ORGANIZATION, there.organization.clone());
    target.settle(arguments.dry_run, arguments.yes, report, stop).await?;
    let targets = match (&arguments.targets[..], &target.stack) {
        ([], Some(_)) => None,
        ([], None) => Some(roots(account, &organization.management_account).await?),
        (named, _) => Some(named.join(",")),
    };
    let (trail, why) = trail(&account.trails(&account.region).await?, arguments, target.stack.as_ref())?;
    report.say(
        "trail",
        &format!("Events of the accounts from: {why}"),
        json!({ "existingTrail": trail, "why": why }),
    )?;
    let mut set = BTreeMap::from([
        ("OrganizationId".to_owned(), organization.id.clone()),
        ("CallAs".to_owned(), if manages { "SELF" } else { "DELEGATED_ADMIN" }.to_owned()),
        ("Architecture".to_owned(), zip.architecture.name().to_owned()),
        ("ForwarderRegions".to_owned(), others.iter().cloned().collect::<Vec<_>>().join(",")),
    ]);
    set.extend(targets.map(|ids| ("TargetIds".to_owned(), ids)));
    set.extend(trail.map(|arn| ("ExistingTrail".to_owned(), arn)));
    set.extend(arguments.alarm_email.clone().map(|address| ("AlarmEmail".to_owned(), address)));
    if let Some(delivery) = arguments.delivery {
        let word = if delivery == Delivery::Queue { "queue" } else { "direct" };
        set.insert("Delivery".to_owned(), word.to_owned());
    }
    if let Some(policy) = policy {
        set.extend(parameters::of_policy(policy, arguments.policy.config.is_some()));
    }
    set.insert(super::keys::MORE.to_owned(), super::keys::more(&will_hold)?);
    // The others are those of the management account's own stack.
    set.extend(arguments.set.iter().filter(|(name, _)| known.contains(&name.as_str())).cloned());
    let prefix = zip.key(VERSION).split('/').take(2).collect::<Vec<_>>().join("-");

    // Step 1, only where there is no bucket yet.
    let body = Template::Body(templates::ORGANIZATION.to_owned());
    if target.stack.is_none() {
        let told = parameters::merged(&known, set.clone(), None);
        target.propose(&body, &told).await?;
        let then = format!(
            "\nThen the zip and the templates go into its bucket below {prefix}/, and an update makes the StackSets, which deploy \
             to every account below the targets."
        );
        let went_on = show_and_ask(&mut target, arguments, report, &then, stop).await?;
        if !went_on {
            return after(account, arguments, config, own_zip, None, manages, report, stop).await;
        }
        trust(account, report).await?;
        target.stack = target.carry_out(report, stop).await?;
    } else if !arguments.dry_run {
        trust(account, report).await?;
    }
    // Step 2.
    let outputs = target.stack.as_ref().map(|stack| stack.outputs.clone()).unwrap_or_default();
    let bucket = outputs.get("ArtifactBucketName").cloned().unwrap_or_default();
    if target.stuck.is_none() {
        set.insert("ArtifactPrefix".to_owned(), prefix.clone());
        let told = parameters::merged(&known, set, target.stack.as_ref());
        target.propose(&body, &told).await?;
    }
    if show_and_ask(&mut target, arguments, report, "", stop).await? {
        upload(account, &bucket, &prefix, zip, report).await?;
        target.carry_out(report, stop).await?;
    }
    let topic = outputs.get("AlarmTopicArn").cloned();
    after(account, arguments, config, own_zip, topic, manages, report, stop).await
}

/// The settings in the zip that the organization's accounts have.
async fn held(account: &Account, stack: &Stack) -> Held {
    let told = |name: &str| stack.parameters.get(name).map(String::as_str).unwrap_or_default();
    let bucket = stack.outputs.get("ArtifactBucketName").map(String::as_str).unwrap_or_default();
    let (prefix, architecture) = (told("ArtifactPrefix"), told("Architecture"));
    // Without a prefix nothing was put there yet.
    if prefix.is_empty() {
        return Held::default();
    }
    let key = format!("{prefix}/bootstrap-{architecture}.zip");
    held_settings::of_zip(account, &account.region, bucket, &key).await
}

/// The roots, which are the targets where none are named.
async fn roots(account: &Account, management: &str) -> Result<String, Error> {
    match account.roots().await {
        Ok(roots) => Ok(roots.join(",")),
        Err(trouble) if trouble.kind() == Kind::Denied => Err(Error::Failure(format!(
            "account {} may not look into the organization: run this in the management account {management}, or make this \
             one a delegated administrator for StackSets there\n  {trouble}",
            account.id
        ))),
        Err(trouble) => Err(trouble.into()),
    }
}

/// Says what would be changed and asks. Whether it is to be done.
async fn show_and_ask(
    target: &mut Target,
    arguments: &Deploy,
    report: Report,
    more: &str,
    stop: &Stop,
) -> Result<bool, Error> {
    target.show(report)?;
    if !more.is_empty() {
        report.say("plan", more, json!({}))?;
    }
    if arguments.dry_run || target.is_up_to_date() {
        target.discard().await?;
        return Ok(false);
    }
    let answer = report.ask("Go on?", arguments.yes, stop);
    if !matches!(answer, Ok(true)) {
        target.discard().await?;
        answer?;
        return Err(Error::Failure("nothing was changed".to_owned()));
    }
    Ok(true)
}

/// The files that accounts read: templates and zip.
async fn upload(
    account: &Account,
    bucket: &str,
    prefix: &str,
    zip: &FunctionZip,
    report: Report,
) -> Result<(), Error> {
    let buckets = account.buckets(&account.region);
    let name = format!("bootstrap-{}.zip", zip.architecture.name());
    let files = [
        ("tagger.yaml", templates::TAGGER.as_bytes().to_vec()),
        ("forwarder.yaml", templates::FORWARDER.as_bytes().to_vec()),
        (name.as_str(), zip.bytes.clone()),
    ];
    for (name, bytes) in files {
        let key = format!("{prefix}/{name}");
        report.say(
            "upload",
            &format!("Uploading s3://{bucket}/{key}"),
            json!({ "bucket": bucket, "key": key, "bytes": bytes.len() }),
        )?;
        buckets.put(bucket, &key, bytes).await?;
    }
    Ok(())
}

/// Service-managed StackSets need trusted access, once:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html>
async fn trust(account: &Account, report: Report) -> Result<(), Error> {
    match account.stack_sets_are_trusted().await {
        Ok(true) => Ok(()),
        Ok(false) => {
            report.say("trust", "Switching on trusted access of StackSets to the organization", json!({}))?;
            account.trust_stack_sets().await?;
            // What is made before it is on fails, and goes back.
            for _ in 0..TRUST_TRIES {
                if account.stack_sets_are_trusted().await? {
                    break;
                }
                tokio::time::sleep(TRUST_PAUSE).await;
            }
            Ok(())
        }
        // A delegated administrator may not ask; then it is on, or it could not be one.
        Err(trouble) => {
            let text = format!("  WARNING whether StackSets have trusted access is not known: {trouble}");
            report.say("warning", &text, json!({}))
        }
    }
}

/// The management account's own stack, or what is left to do there.
#[allow(clippy::too_many_arguments, reason = "they are passed on to a deployment of one account")]
async fn after(
    account: &Account,
    arguments: &Deploy,
    config: Option<&ConfigFile>,
    zip: &FunctionZip,
    topic: Option<String>,
    manages: bool,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    if manages {
        report.say(
            "organization",
            "\nThe management account itself, which StackSets pass over:",
            json!({}),
        )?;
        return super::one_account(account, arguments, config, zip, topic, report, stop).await;
    }
    let topic = topic.map(|arn| format!(" --set OrganizationAlarmTopic={arn}")).unwrap_or_default();
    let text = format!(
        "\nDone. StackSets pass over the management account: there, run `tagger deploy --region {}{topic}`",
        account.region
    );
    report.say("end", &text, json!({}))?;
    Ok(ExitCode::Fine)
}

/// `ExistingTrail` of every account (none keeps what was chosen before), and why.
fn trail(
    trails: &[Trail],
    arguments: &Deploy,
    stack: Option<&Stack>,
) -> Result<(Option<String>, String), Error> {
    let usable = trails.iter().find(|trail| {
        trail.of_organization
            && trail.all_regions
            && trail.logging != Some(false)
            && trail.selection.as_ref().is_none_or(|selection| selection.writes)
    });
    match (arguments.trail.as_deref(), stack, usable) {
        (None, Some(_), _) => Ok((None, "what was chosen before".to_owned())),
        (None | Some("auto"), _, Some(trail)) => {
            let why = format!(
                "the organization's trail {}; a second copy would cost 2 dollars for 100,000 events",
                trail.name
            );
            Ok((Some(trail.arn.clone()), why))
        }
        (None | Some("auto"), _, None) => Ok((
            Some(String::new()),
            "a trail in every account, since the organization has none that logs all regions' writes"
                .to_owned(),
        )),
        (Some("new"), _, _) => Ok((Some(String::new()), "a trail in every account, as asked for".to_owned())),
        (Some(name), _, _) => match trails.iter().find(|trail| trail.name == name || trail.arn == name) {
            Some(trail) if trail.of_organization => {
                Ok((Some(trail.arn.clone()), format!("the trail {name}, as asked for")))
            }
            Some(_) => Err(Error::Usage(format!(
                "--trail {name}: this is not an organization's trail, other accounts do not have it"
            ))),
            None => Err(Error::Usage(format!("--trail {name}: there is no such trail here"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn arguments(words: &[&str]) -> Deploy {
        let all = ["tagger", "deploy", "--organization"].iter().chain(words);
        match crate::args::Arguments::parse_from(all).verb {
            crate::args::Verb::Deploy(found) => *found,
            other => panic!("expected deploy, found {other:?}"),
        }
    }

    #[test]
    fn accounts_use_the_organizations_trail() {
        let of = |name: &str, of_organization| Trail {
            name: name.to_owned(),
            arn: format!("arn:{name}"),
            of_organization,
            all_regions: true,
            logging: Some(true),
            ..Trail::default()
        };
        let trails = [of("own", false), of("org", true)];
        let stack = Stack::default();
        type Case<'a> = (&'a [Trail], &'a [&'a str], Option<&'a Stack>, Result<Option<&'a str>, &'a str>);
        let cases: &[Case] = &[
            (&trails, &[], None, Ok(Some("arn:org"))),
            (&trails[..1], &[], None, Ok(Some(""))),
            (&trails, &["--trail", "new"], None, Ok(Some(""))),
            (&trails, &[], Some(&stack), Ok(None)),
            (&trails, &["--trail", "auto"], Some(&stack), Ok(Some("arn:org"))),
            (&trails, &["--trail", "own"], None, Err("not an organization's trail")),
            (&trails, &["--trail", "none"], None, Err("no such trail")),
        ];
        for (trails, words, stack, expected) in cases {
            match (trail(trails, &arguments(words), *stack), expected) {
                (Ok((found, _)), Ok(expected)) => assert_eq!(found.as_deref(), *expected, "{words:?}"),
                (Err(error), Err(word)) => assert!(error.to_string().contains(word), "{error}"),
                (found, expected) => panic!("{words:?}: expected {expected:?}, found {found:?}"),
            }
        }
    }
}
