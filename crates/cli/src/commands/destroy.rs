//! `tagger destroy`: takes the stacks out again, forwarders first.
//!
//! What stays is said: the tags, and the bucket with the logs. What would be lost stops it: letters
//! that nobody has read.

use super::deploy::target::Target;
use crate::{
    args::Destroy,
    aws::{self, Stop},
    deployment::{Deployment, FORWARDER, ORGANIZATION, STACK},
    exit_code::{Error, ExitCode},
    report::Report,
};
use futures_util::future::join_all;
use serde_json::json;
use tagger_aws::account::{Account, Kind, code::Owner, stacks::Stack};

/// Runs the verb.
///
/// # Errors
/// There are dead letters, AWS refuses it, or a stack could not be deleted; with the fix.
pub fn run(arguments: &Destroy) -> Result<ExitCode, Error> {
    if arguments.json && !arguments.yes && !arguments.dry_run {
        return Err(Error::Usage("--json does not ask: give --yes, or --dry-run to look only".to_owned()));
    }
    let stop = Stop::listen()?;
    aws::run(async {
        let account = aws::account(&arguments.aws).await?;
        destroy(&account, arguments, Report::new(arguments.json), &stop).await
    })
}

async fn destroy(
    account: &Account,
    arguments: &Destroy,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let who = format!("Account {}, as {}", account.id, account.caller);
    report.say("account", &who, json!({ "account": account.id, "caller": account.caller }))?;
    let there = Deployment::find(account).await?;
    for trouble in &there.unread {
        // A region that is denied to everybody has no forwarder; of any other it is not known.
        if trouble.kind() != Kind::Denied {
            return Err(Error::Failure(format!(
                "not every region could be looked at, so nothing was removed: {trouble}"
            )));
        }
        let text = format!(
            "  WARNING {} could not be looked at; a forwarder there would stay: {trouble}",
            trouble.region
        );
        report.say("warning", &text, json!({ "region": trouble.region }))?;
    }
    let of_organization = arguments.organization && there.organization.is_some();
    let of_set = |stack: &Stack| stack.name.starts_with("StackSet-");
    let mut stacks = there.homes().map(|(_, stack)| stack).chain(there.forwarders.values());
    if let Some(stack) = stacks.find(|stack| of_set(stack)).filter(|_| !of_organization) {
        return Err(Error::Failure(format!(
            "the organization's StackSets made {}: remove it where they are (`tagger destroy --organization` in the \
             management or the delegated administrator's account)",
            stack.name
        )));
    }
    let mut doomed: Vec<Target> = Vec::new();
    if arguments.organization {
        let stack = there.organization.clone();
        doomed.push(Target::new(account, &account.region, ORGANIZATION, stack));
    }
    for (region, stack) in there.forwarders.iter().filter(|(_, stack)| !of_set(stack)) {
        doomed.push(Target::new(account, region, FORWARDER, Some(stack.clone())));
    }
    // More than one where each region has a function of its own.
    let mut homes: Vec<Target> = there
        .homes()
        .map(|(region, stack)| Target::new(account, region, STACK, Some(stack.clone())))
        .collect();
    let mut code = code_buckets(account, &there).await?;
    if of_organization {
        let outputs = there.organization.as_ref().and_then(|stack| stack.outputs.get("ArtifactBucketName"));
        code.extend(outputs.map(|bucket| (account.region.clone(), bucket.clone())));
    }
    doomed.retain(|target| target.stack.is_some());
    if doomed.is_empty() && homes.is_empty() && code.is_empty() {
        report.say("end", "Nothing of the tagger is deployed here.", json!({ "changed": false }))?;
        return Ok(ExitCode::Fine);
    }
    let letters = letters(account, &there).await?;
    say_plan(&doomed, &homes, &code, &there, &letters, report)?;
    if of_organization {
        let text = "  WARNING in every account of the organization the queues go with what lies in them, which was not looked at";
        report.say("warning", text, json!({}))?;
    }
    if arguments.dry_run {
        report.say("end", "\nDry run: nothing was changed.", json!({ "changed": false }))?;
        return Ok(ExitCode::Fine);
    }
    if (of_organization || !letters.is_empty()) && !arguments.discard_dead_letters {
        return Err(Error::Failure(
            "nothing was changed: read the dead letters first (`tagger redrive`), or give --discard-dead-letters"
                .to_owned(),
        ));
    }
    if !report.ask("Remove it?", arguments.yes, stop)? {
        return Err(Error::Failure("nothing was changed".to_owned()));
    }
    // The organization's stack first, so that it makes nothing anew; the home region last, so that no region
    // sends to a bus where nobody listens.
    let organization =
        doomed.iter().position(|target| target.name == ORGANIZATION).map(|at| doomed.remove(at));
    if let Some(mut target) = organization {
        target.remove(report, stop).await?;
    }
    let results = join_all(doomed.iter_mut().map(|target| target.remove(report, stop))).await;
    let failed: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    if !failed.is_empty() {
        return Err(Error::Failure(format!(
            "{}\nThe home region was left alone; run the same command again",
            failed.join("\n")
        )));
    }
    for home in &mut homes {
        home.remove(report, stop).await?;
    }
    for (region, bucket) in &code {
        account.buckets(region).remove(bucket).await?;
        report.say(
            "progress",
            &format!("  {region:<15} the bucket {bucket} with the function's zips is gone"),
            json!({ "region": region, "bucket": bucket }),
        )?;
    }
    report.say("end", &format!("\nRemoved. {}", stays(&there)), json!({ "changed": true }))?;
    Ok(ExitCode::Fine)
}

/// The buckets that `tagger deploy` made for the zips.
async fn code_buckets(account: &Account, there: &Deployment) -> Result<Vec<(String, String)>, Error> {
    let mut regions: Vec<&String> = there.homes().map(|(region, _)| region).collect();
    if regions.is_empty() {
        regions.push(&account.region);
    }
    let mut found = Vec::new();
    for region in regions {
        let bucket = format!("{STACK}-code-{}-{region}", account.id);
        if account.buckets(region).owner(&bucket).await? == Owner::Us {
            found.push((region.clone(), bucket));
        }
    }
    Ok(found)
}

/// Queues in which something lies, with how much.
async fn letters(account: &Account, there: &Deployment) -> Result<Vec<(String, String, u64)>, Error> {
    let mut queues: Vec<(String, &str)> = Vec::new();
    for (region, _) in there.homes() {
        let names = [
            "auto-resource-tagger-dead-letters",
            "auto-resource-tagger-undelivered",
            "auto-resource-tagger-retry",
            "auto-resource-tagger-events",
        ];
        queues.extend(names.iter().map(|name| (region.clone(), *name)));
    }
    queues.extend(there.forwarders.keys().map(|region| (region.clone(), "auto-resource-tagger-undelivered")));
    let mut found = Vec::new();
    for (region, queue) in queues {
        if let Some(depth) = account.queues(&region).depth(queue).await? {
            let count = depth.waiting + depth.in_flight;
            if count > 0 {
                found.push((region, queue.to_owned(), count));
            }
        }
    }
    Ok(found)
}

fn say_plan(
    doomed: &[Target],
    homes: &[Target],
    code: &[(String, String)],
    there: &Deployment,
    letters: &[(String, String, u64)],
    report: Report,
) -> Result<(), Error> {
    for target in doomed.iter().chain(homes) {
        let text = format!("  -  the stack {} in {}", target.name, target.region);
        report.say("plan", &text, json!({ "region": target.region, "stack": target.name }))?;
    }
    for (region, bucket) in code {
        report.say(
            "plan",
            &format!("  -  the bucket {bucket} with the function's zips"),
            json!({ "region": region, "bucket": bucket }),
        )?;
    }
    report.say("stays", &stays(there), json!({}))?;
    for (region, queue, count) in letters {
        let text = format!("  WARNING {count} messages lie in {queue} in {region} and would be lost");
        report.say("warning", &text, json!({ "region": region, "queue": queue, "messages": count }))?;
    }
    Ok(())
}

/// What is not removed, and what follows from it.
fn stays(there: &Deployment) -> String {
    let bucket = there.homes().find_map(|(_, stack)| stack.outputs.get("TrailBucketName"));
    match bucket {
        Some(bucket) => format!(
            "What stays: every tag, and the bucket {bucket} with CloudTrail's logs. The stack's trail goes: where nothing else \
             logs, the account has no trail any more."
        ),
        None => "What stays: every tag.".to_owned(),
    }
}
