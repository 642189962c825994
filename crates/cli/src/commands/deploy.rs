//! `tagger deploy`: looks at the account, makes change sets, says in words what they would do, asks,
//! and carries them out.
//!
//! The order of it is here; each question has a file of its own: the zip, the trail, the parameters,
//! the rate, the words, the state of a stack, why one failed. Whatever an interrupted or failed run
//! left is fixed by the next one.

mod fixes;
mod kept;
mod keys;
mod operators;
mod organization;
mod parameters;
mod permissions;
pub mod rate;
mod regions;
mod settings;
mod state;
pub mod target;
mod trail;
mod words;
mod zip;

use crate::{
    args::Deploy,
    aws::{self, Stop},
    config_file::ConfigFile,
    cost_model::{Delivery, Shape, Trail as CostTrail},
    deployment::{Deployment, FORWARDER, STACK, VERSION},
    exit_code::{Error, ExitCode},
    held_settings::{self, Held},
    output,
    report::Report,
    templates,
};
use futures_util::future::join_all;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use tagger_aws::account::{
    Account, Kind,
    code::{Buckets, Owner},
    stacks::{MOST_INLINE, Template},
};
use target::Target;
use zip::FunctionZip;

/// Runs the verb.
///
/// # Errors
/// Wrong arguments, an account that cannot be asked, or a stack that failed: each with the fix.
pub fn run(arguments: &Deploy) -> Result<ExitCode, Error> {
    if let Some(which) = arguments.print_policy {
        return permissions::print(arguments, which);
    }
    let report = Report::new(arguments.json);
    if arguments.json && !arguments.yes && !arguments.dry_run {
        return Err(Error::Usage("--json does not ask: give --yes, or --dry-run to look only".to_owned()));
    }
    // What can be wrong on this computer is said before anybody is asked.
    let named = arguments.policy.config.as_deref().map(ConfigFile::read).transpose()?;
    let organization: &[&str] = if arguments.organization { &[templates::ORGANIZATION] } else { &[] };
    settings::check_each(&[organization, &[templates::TAGGER]].concat(), &arguments.set)?;
    let zip = FunctionZip::find(arguments.zip.as_deref(), arguments.any_glibc)?;
    let zip = match &named {
        Some(config) => zip.with(config)?,
        None => zip,
    };
    // Whoever makes the zip by hand may have put a file into it.
    let config = zip.config()?;
    let stop = Stop::listen()?;
    aws::run(async {
        let account = aws::account(&arguments.aws).await?;
        if account.partition.forwards_events {
            in_region(&account, arguments, config.as_ref(), &zip, report, &stop).await
        } else {
            in_each_region(&account, arguments, config.as_ref(), &zip, report, &stop).await
        }
    })
}

/// Deploys with the account's region as the home region.
async fn in_region(
    account: &Account,
    arguments: &Deploy,
    config: Option<&ConfigFile>,
    zip: &FunctionZip,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    if arguments.organization {
        return organization::deploy(account, arguments, config, zip, report, stop).await;
    }
    one_account(account, arguments, config, zip, None, report, stop).await
}

/// Where EventBridge sends no events between regions (China), each region is a home region of its own.
async fn in_each_region(
    account: &Account,
    arguments: &Deploy,
    config: Option<&ConfigFile>,
    zip: &FunctionZip,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let there = Deployment::find(account).await?;
    let mut regions = vec![account.region.clone()];
    regions.extend(regions::wanted(arguments, account, &there)?);
    let text = format!(
        "EventBridge sends no events between the regions of {}, so each one gets a function of its own: {}",
        account.partition.name,
        regions.join(", ")
    );
    report.say("regions", &text, json!({ "partition": account.partition.name, "regions": regions }))?;
    regions::say_uncovered(account, &there.regions, &regions, report)?;
    for region in &regions {
        report.say("region", &format!("\n--- {region} ---"), json!({ "region": region }))?;
        in_region(&account.moved_to(region), arguments, config, zip, report, stop).await?;
    }
    Ok(ExitCode::Fine)
}

/// Deploys to the account of the caller; `alarm_topic` is the organization's, where there is one.
async fn one_account(
    account: &Account,
    arguments: &Deploy,
    config: Option<&ConfigFile>,
    zip: &FunctionZip,
    alarm_topic: Option<String>,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let who = format!("Account {}, as {}\nHome region {}", account.id, account.caller, account.region);
    let more = json!({ "account": account.id, "caller": account.caller, "homeRegion": account.region, "version": VERSION });
    report.say("account", &who, more)?;
    let mut there = Deployment::find(account).await?;
    if !account.partition.forwards_events {
        there.home = there.home.filter(|(region, _)| *region == account.region);
    }
    regions::refuse_two_homes(account, &there)?;
    let mut regions = regions::forwarders(arguments, account, &there)?;
    let held = match &there.home {
        Some((region, stack)) => held_settings::of_stack(account, region, stack).await,
        None => Held::default(),
    };
    let kept = kept::file(config, &held, report)?;
    let kept_zip = kept.map(|file| zip.with(file)).transpose()?;
    let (zip, file) = (kept_zip.as_ref().unwrap_or(zip), config.or(kept));
    let policy = kept::check(arguments, config, file, &there)?;

    let mut home = Target::new(account, &account.region, STACK, there.home.clone().map(|(_, stack)| stack));
    home.settle(arguments.dry_run, arguments.yes, report, stop).await?;
    let choice = choose_trail(account, arguments, &home).await?;
    let more = json!({ "own": choice.own, "existingTrail": choice.existing_trail, "why": choice.why, "warnings": choice.warnings });
    report.say("trail", &format!("Events from: {}", choice.why), more)?;
    for warning in &choice.warnings {
        report.say("warning", &format!("  WARNING {warning}"), json!({}))?;
    }

    let buckets = account.buckets(&account.region);
    let bucket = code_bucket(account, arguments, &home, &buckets).await?;
    let mut parameters = parameters::of_tagger(
        arguments,
        config.map(|file| &file.policy),
        &bucket,
        zip,
        &choice,
        home.stack.as_ref(),
    )?;
    if let Some(topic) = alarm_topic {
        parameters.retain(|(name, _)| name != "OrganizationAlarmTopic");
        parameters.push(("OrganizationAlarmTopic".to_owned(), Some(topic)));
    }
    if arguments.set.iter().all(|(name, _)| name != keys::MORE) {
        parameters.retain(|(name, _)| name != keys::MORE);
        parameters.push((keys::MORE.to_owned(), Some(keys::more(&policy)?)));
    }
    operators::fill(&mut parameters, &account.caller, home.stack.as_ref());
    let before = home.stack.as_ref().filter(|_| held.unread.is_none());
    let before = before.and_then(|stack| held_settings::policy(held.file.as_ref(), &stack.parameters).ok());
    settings::say(before.as_ref(), &policy, report)?;
    for warning in keys::warnings(&policy) {
        report.say("warning", &format!("  WARNING {warning}"), json!({}))?;
    }
    permissions::check(account, arguments.dry_run, report).await?;
    let mut targets = vec![home];
    let mut left_out = Vec::new();
    // What was one of this account's forwarders is in the way where the function is to be.
    let mut in_the_way = there
        .forwarders
        .get(&account.region)
        .cloned()
        .map(|stack| Target::new(account, &account.region, FORWARDER, Some(stack)));
    let result = async {
        // A change set of a large template needs a bucket, and a dry run makes none.
        let no_bucket = arguments.dry_run && buckets.owner(&bucket).await? == Owner::Nobody;
        if no_bucket && templates::TAGGER.len() > MOST_INLINE {
            targets[0].sketch(templates::TAGGER);
        } else {
            let template = template(templates::TAGGER, "tagger.yaml", &bucket, account, &buckets).await?;
            targets[0].propose(&template, &parameters).await?;
        }
        for region in &regions {
            let stack = there.forwarders.get(region).cloned();
            let mut forwarder = Target::new(account, region, FORWARDER, stack);
            forwarder.settle(arguments.dry_run, arguments.yes, report, stop).await?;
            targets.push(forwarder);
        }
        let told = parameters::of_forwarder(&account.region, &parameters, targets[0].stack.as_ref());
        let asked = if no_bucket && templates::FORWARDER.len() > MOST_INLINE {
            targets[1..].iter_mut().for_each(|forwarder| forwarder.sketch(templates::FORWARDER));
            Vec::new()
        } else {
            let body =
                self::template(templates::FORWARDER, "forwarder.yaml", &bucket, account, &buckets).await?;
            join_all(targets[1..].iter_mut().map(|forwarder| forwarder.propose(&body, &told))).await
        };
        let named = |region: &str| {
            arguments.regions.as_deref().is_some_and(|list| list.split(',').any(|one| one.trim() == region))
        };
        for (result, region) in asked.into_iter().zip(&regions) {
            match result {
                // Organizations deny whole regions; what nobody asked for by name does not stop the rest.
                Err(trouble) if matches!(trouble.kind(), Kind::Denied | Kind::NotKnown) && !named(region) => {
                    left_out.push(region.clone());
                    let text = format!(
                        "  WARNING {region} is left out, what is created there is not tagged: {trouble}"
                    );
                    report.say("warning", &text, json!({ "region": region }))?;
                }
                result => result?,
            }
        }
        targets.retain(|target| !left_out.contains(&target.region));
        regions.retain(|region| !left_out.contains(region));
        for target in &targets {
            target.show(report)?;
        }
        if in_the_way.is_some() {
            let text = format!(
                "\n{FORWARDER} in {} will be removed first: this is the home region now",
                account.region
            );
            report.say(
                "plan",
                &text,
                json!({ "region": account.region, "stack": FORWARDER, "removed": true }),
            )?;
        }
        let (stack, value) = (targets[0].stack.as_ref(), policy.tag.value.as_str());
        say_the_rest(account, &there, &regions, &choice, zip, &parameters, stack, value, report).await?;
        let nothing = targets.iter().all(Target::is_up_to_date) && in_the_way.is_none();
        if nothing || arguments.dry_run || stop.is_asked() {
            return Ok(nothing);
        }
        if !report.ask("Go on?", arguments.yes, stop)? {
            return Err(Error::Failure("nothing was changed".to_owned()));
        }
        upload(zip, &bucket, &buckets, report).await?;
        if let Some(target) = &mut in_the_way {
            target.remove(report, stop).await?;
        }
        Ok(false)
    }
    .await;
    // Nothing stays of a plan that is not carried out, but the bucket of a template that is too large for the call.
    if arguments.dry_run || stop.is_asked() || !matches!(result, Ok(false)) {
        discard(&mut targets).await;
    }
    let nothing = result?;
    if stop.is_asked() {
        let text = "stopped before the change sets were carried out; the same command goes on from there";
        return Err(Error::Failure(text.to_owned()));
    }
    if arguments.dry_run {
        let text = if nothing { "\nEverything is up to date." } else { "\nDry run: nothing was changed." };
        report.say("end", text, json!({ "changed": false }))?;
        return Ok(ExitCode::Fine);
    }
    if nothing {
        report.say(
            "end",
            "\nEverything is up to date. Try it: tagger doctor --canary",
            json!({ "changed": false }),
        )?;
        return Ok(ExitCode::Fine);
    }
    carry_out(&mut targets, report, stop).await
}

/// Removes change sets that are not carried out. What cannot be removed is named; it does no harm, and it must not hide
/// why the plan ended.
async fn discard(targets: &mut [Target]) {
    for target in targets {
        if let Err(trouble) = target.discard().await {
            let place = format!("{} in {}", target.name, target.region);
            output::complain(&format!("tagger: a change set of {place} stays: {trouble}"));
        }
    }
}

/// First the home region, since forwarders send to it; then all forwarders at once.
async fn carry_out(targets: &mut [Target], report: Report, stop: &Stop) -> Result<ExitCode, Error> {
    let Some((home, forwarders)) = targets.split_first_mut() else { return Ok(ExitCode::Fine) };
    let made = match home.carry_out(report, stop).await {
        Ok(made) => made,
        Err(error) => {
            discard(forwarders).await;
            return Err(error);
        }
    };
    let results = join_all(forwarders.iter_mut().map(|forwarder| forwarder.carry_out(report, stop))).await;
    let failed: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    if !failed.is_empty() {
        return Err(Error::Failure(format!(
            "{}\n\nThe home region works. Run the same command again, and it goes on with what is missing",
            failed.join("\n")
        )));
    }
    let parameters = made.as_ref().map(|stack| stack.parameters.clone()).unwrap_or_default();
    let email = match parameters.get("AlarmEmail") {
        Some(address) if !address.is_empty() => {
            format!(" SNS has sent a message to {address}: alarms come once it is confirmed.")
        }
        _ => String::new(),
    };
    let text = format!(
        "\nDone: {STACK} {VERSION} tags what is created from now on.{email}\nTry it: tagger doctor --canary"
    );
    let outputs = made.map(|stack| stack.outputs).unwrap_or_default();
    report.say("end", &text, json!({ "changed": true, "outputs": outputs }))?;
    Ok(ExitCode::Fine)
}

async fn choose_trail(account: &Account, arguments: &Deploy, home: &Target) -> Result<trail::Choice, Error> {
    let trails = account.trails(&account.region).await?;
    let bucket = format!("cloudtrail-logs-{}-{}", account.id, account.region);
    let buckets = account.buckets(&account.region);
    let bucket_owner = buckets.owner(&bucket).await?;
    let bucket_policy = if bucket_owner == Owner::Us { buckets.policy(&bucket).await? } else { None };
    let deployed = home.stack.as_ref().and_then(|stack| stack.parameters.get("ExistingTrail"));
    let seen = trail::Seen {
        wanted: arguments.trail.as_deref(),
        trails: &trails,
        deployed: deployed.map(String::as_str),
        bucket: &bucket,
        bucket_owner,
        bucket_policy: bucket_policy.as_deref(),
        region: &account.region,
        account: &account.id,
    };
    trail::choose(&seen).map_err(Error::Failure)
}

/// The bucket for the zip: what was asked for, what the stack uses, or one of a fixed name.
async fn code_bucket(
    account: &Account,
    arguments: &Deploy,
    home: &Target,
    buckets: &Buckets,
) -> Result<String, Error> {
    let deployed = home.stack.as_ref().and_then(|stack| stack.parameters.get("CodeBucket")).cloned();
    let usual = format!("{STACK}-code-{}-{}", account.id, account.region);
    let bucket = arguments.code_bucket.clone().or(deployed).unwrap_or(usual);
    match buckets.owner(&bucket).await? {
        Owner::Others => Err(Error::Failure(format!(
            "the bucket {bucket} belongs to another account, is in another region, or may not be looked at by this principal; name \
             one of your own in {} with --code-bucket",
            account.region
        ))),
        Owner::Nobody | Owner::Us => Ok(bucket),
    }
}

/// A template goes with the call, or into the bucket where it is too large for that.
async fn template(
    text: &str,
    name: &str,
    bucket: &str,
    account: &Account,
    buckets: &Buckets,
) -> Result<Template, Error> {
    if text.len() <= MOST_INLINE {
        return Ok(Template::Body(text.to_owned()));
    }
    if buckets.owner(bucket).await? == Owner::Nobody {
        buckets.make(bucket).await?;
    }
    let key = format!("{VERSION}/{name}");
    buckets.put(bucket, &key, text.as_bytes().to_vec()).await?;
    Ok(Template::Url(account.object_url(bucket, &key)))
}

/// Puts the zip where Lambda reads it.
async fn upload(zip: &FunctionZip, bucket: &str, buckets: &Buckets, report: Report) -> Result<(), Error> {
    if buckets.owner(bucket).await? == Owner::Nobody {
        report.say(
            "upload",
            &format!("Making the bucket {bucket} for the function's zip"),
            json!({ "bucket": bucket }),
        )?;
        buckets.make(bucket).await?;
    } else if bucket.starts_with(&format!("{STACK}-code-")) {
        // An earlier version made it without.
        buckets.harden(bucket).await?;
    }
    // Always, also where the key is there: what lies there may be from somebody else.
    let key = zip.key(VERSION);
    let megabytes = zip.bytes.len() as f64 / 1e6;
    let text = format!("Uploading {} ({megabytes:.1} MB) to s3://{bucket}/{key}", zip.path.display());
    report.say("upload", &text, json!({ "bucket": bucket, "key": key, "bytes": zip.bytes.len() }))?;
    Ok(buckets.put(bucket, &key, zip.bytes.clone()).await?)
}

/// What it may do, what it will cost, and what it will not see.
#[allow(clippy::too_many_arguments, reason = "each is a fact that one sentence needs")]
async fn say_the_rest(
    account: &Account,
    there: &Deployment,
    regions: &BTreeSet<String>,
    choice: &trail::Choice,
    zip: &FunctionZip,
    parameters: &parameters::Parameters,
    stack: Option<&tagger_aws::account::stacks::Stack>,
    value: &str,
    report: Report,
) -> Result<(), Error> {
    let (actions, services, reads) = templates::permissions();
    let more = json!({ "actions": actions, "services": services, "reads": reads });
    report.say("permissions", &format!("\nThe function may: {}.", words::permissions()), more)?;
    let told: BTreeMap<&str, &str> = parameters
        .iter()
        .filter_map(|(name, value)| {
            let kept = stack.and_then(|stack| stack.parameters.get(name)).map(String::as_str);
            Some((name.as_str(), value.as_deref().or(kept)?))
        })
        .collect();
    match rate::of(account).await {
        Ok(rate) => {
            let shape = Shape {
                resources: rate.a_month(),
                delivery: if told.get("Delivery") == Some(&"queue") {
                    Delivery::Queue
                } else {
                    Delivery::Direct
                },
                trail: match (choice.own, choice.second_copy) {
                    (false, _) => CostTrail::Existing,
                    (true, false) => CostTrail::OwnFirst,
                    (true, true) => CostTrail::OwnSecond,
                },
                events: rate.writes_per_resource(),
                regions: regions.len() as u64 + 1,
                architecture: zip.architecture,
                dashboard: told.get("Dashboard") != Some(&"no"),
                topic_key: told.get("AlarmTopicKey") == Some(&"new"),
                ..Shape::default()
            };
            let hours = rate.seconds / 3600.0;
            let short = if hours < 6.0 { "; that is a short time, so it can be far off" } else { "" };
            let text = format!(
                "It will cost: {}.\n  From {} creations among {} calls that write in the last {hours:.1} hours in {}{short}.",
                words::cost(&shape),
                rate.created,
                rate.writes,
                account.region
            );
            let dollars = crate::cost_model::bill(&shape).sum().dollars();
            let more = json!({ "dollarsAMonth": dollars, "resourcesAMonth": shape.resources, "created": rate.created, "writes": rate.writes, "hours": hours });
            report.say("cost", &text, more)?;
            if let Some(hint) = rate::hardened(&rate.kinds, value) {
                report.say("hint", &format!("  HINT {hint}"), json!({ "kinds": rate.kinds }))?;
            }
        }
        // It is told for orientation: no reason not to deploy.
        Err(error) => {
            report.say(
                "cost",
                &format!("What it will cost is not known, the event history could not be read: {error}"),
                json!({}),
            )?;
        }
    }
    if account.partition.forwards_events {
        let covered: Vec<String> = regions.iter().chain([&account.region]).cloned().collect();
        regions::say_uncovered(account, &there.regions, &covered, report)?;
    }
    for trouble in &there.unread {
        report.say(
            "warning",
            &format!("  WARNING could not look: {trouble}"),
            json!({ "region": trouble.region }),
        )?;
    }
    Ok(())
}
