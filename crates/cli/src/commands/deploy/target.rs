//! One stack in one region on its way from what it is to what it will be.

use super::{
    fixes,
    parameters::Parameters,
    state::{self, Next},
    words,
};
use crate::{
    aws::Stop,
    exit_code::Error,
    follow::{End, follow},
    report::Report,
    templates,
};
use serde_json::json;
use std::time::{Duration, SystemTime};
use tagger_aws::account::{
    Account, Trouble,
    stacks::{Change, ChangeSet, Stack, Stacks, Template},
};

/// How the name of every change set that is made here begins. One that an interrupted run left does no harm, and goes
/// when another of the stack is carried out.
const CHANGE_SET: &str = "tagger-deploy";

/// What AWS says where a queue's name is not free yet, and for how long that is so
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>): after `tagger destroy`,
/// or where a stack that failed has just gone.
const QUEUE_DELETED: &str = "after deleting a queue";
const UNTIL_FREE: Duration = Duration::from_secs(62);

/// A stack to be.
pub struct Target {
    /// Where.
    pub region: String,
    /// Its name.
    pub name: &'static str,
    /// The stack as it is.
    pub stack: Option<Stack>,
    /// What would be changed, once it was asked for.
    pub change_set: Option<ChangeSet>,
    /// A status out of which nothing leads but deleting, in a dry run.
    pub stuck: Option<String>,
    /// What the change set was made of, to make it again.
    asked: Option<(Template, Parameters)>,
    stacks: Stacks,
    pause: Duration,
}

impl Target {
    /// A stack, which is or is not there yet.
    pub fn new(account: &Account, region: &str, name: &'static str, stack: Option<Stack>) -> Self {
        // Nobody's quota is used up by asking the sandbox.
        let pause = Duration::from_millis(if account.is_emulated() { 100 } else { 2_000 });
        let stacks = account.stacks(region);
        Self {
            region: region.to_owned(),
            name,
            stack,
            change_set: None,
            stuck: None,
            asked: None,
            stacks,
            pause,
        }
    }

    /// Waits for what is under way and fixes what an earlier run left, until a change set can be made.
    ///
    /// # Errors
    /// It cannot be fixed, or the user does not want it to be.
    pub async fn settle(
        &mut self,
        dry_run: bool,
        yes: bool,
        report: Report,
        stop: &Stop,
    ) -> Result<(), Error> {
        loop {
            let status = self.stack.as_ref().map(|stack| stack.status.clone());
            let text = status.clone().unwrap_or_default();
            let more = json!({ "region": self.region, "stack": self.name, "status": text });
            let place = format!("the stack {} in {}", self.name, self.region);
            let next = state::next(status.as_deref());
            if matches!(next, Next::Create | Next::Update) {
                return Ok(());
            }
            // Before anything is begun, so that what follows is seen as new.
            let known = self.newest_event().await?;
            match next {
                Next::Create | Next::Update => {}
                Next::Wait => {
                    report.say("wait", &format!("{place} is in {text}: waiting for that to end"), more)?;
                }
                _ if dry_run => {
                    self.stuck = Some(text);
                    return Ok(());
                }
                Next::ContinueRollback => {
                    report.say(
                        "fix",
                        &format!("{place} is in {text}: bringing it back to where it was"),
                        more,
                    )?;
                    self.stacks.continue_rollback(self.name).await?;
                }
                Next::Remove => {
                    let reason = self.last_failure().await;
                    report.say(
                        "fix",
                        &format!("{place} is in {text} and has to be deleted before it can be made{reason}"),
                        more,
                    )?;
                    if !report.ask("Delete what is left of it?", yes, stop)? {
                        return Err(Error::Failure("nothing was changed".to_owned()));
                    }
                    self.stacks.delete(self.name).await?;
                }
            }
            let Some(stack) = &self.stack else { return Ok(()) };
            let end = follow(&self.stacks, &self.region, &stack.id, known, report, stop, self.pause).await?;
            if end.status == "DELETE_FAILED" {
                return Err(self.explained(end, "could not be deleted").await);
            }
            self.stack = self.stacks.find(self.name).await?;
        }
    }

    /// Why it came to this, as far as its events still say so.
    async fn last_failure(&self) -> String {
        let Some(stack) = &self.stack else { return String::new() };
        let events = self.stacks.events(&stack.id, None).await.unwrap_or_default();
        let causes = fixes::causes(&events);
        causes
            .first()
            .map_or_else(String::new, |event| format!("\n  why: {}: {}", event.logical, event.reason))
    }

    async fn newest_event(&self) -> Result<Option<String>, Error> {
        let Some(stack) = &self.stack else { return Ok(None) };
        Ok(self.stacks.newest_event(&stack.id).await?)
    }

    /// Makes the change set.
    ///
    /// # Errors
    /// CloudFormation refuses the template, a parameter or the caller.
    pub async fn propose(&mut self, template: &Template, parameters: &Parameters) -> Result<(), Trouble> {
        if self.stuck.is_some() {
            return Ok(());
        }
        let creates = state::next(self.stack.as_ref().map(|stack| stack.status.as_str())) == Next::Create;
        let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let change_set = format!("{CHANGE_SET}-{}-{moment}", std::process::id());
        let asked = self.stacks.propose(self.name, &change_set, template, parameters, creates).await?;
        self.change_set = Some(asked);
        self.asked = Some((template.clone(), parameters.clone()));
        Ok(())
    }

    /// What a template would make, read off the template itself, where no change set is to be had without writing.
    pub fn sketch(&mut self, template: &str) {
        if self.stuck.is_none() {
            let changes =
                templates::resources(template).into_iter().map(|(logical, resource_type, condition)| {
                    Change {
                        action: "Add".to_owned(),
                        resource_type: resource_type.to_owned(),
                        logical: condition.map_or_else(
                            || logical.to_owned(),
                            |condition| format!("{logical} (if {condition})"),
                        ),
                        physical: String::new(),
                        replaced: false,
                        properties: Vec::new(),
                    }
                });
            let changes = changes.collect();
            self.change_set =
                Some(ChangeSet { id: String::new(), stack: String::new(), creates: true, changes });
        }
    }

    /// Whether there is anything to do.
    pub fn is_up_to_date(&self) -> bool {
        self.stuck.is_none() && self.change_set.as_ref().is_none_or(|found| found.changes.is_empty())
    }

    /// Removes the change set again.
    ///
    /// # Errors
    /// CloudFormation refused it.
    pub async fn discard(&mut self) -> Result<(), Trouble> {
        match self.change_set.take() {
            Some(change_set) if !change_set.id.is_empty() && !change_set.changes.is_empty() => {
                self.stacks.discard(&change_set).await
            }
            _ => Ok(()),
        }
    }

    /// Says what would be changed.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn show(&self, report: Report) -> Result<(), Error> {
        let place = format!("{} in {}", self.name, self.region);
        let base = json!({ "region": self.region, "stack": self.name });
        if let Some(status) = &self.stuck {
            let text = format!(
                "\n{place}: is in {status}; it would be fixed first, and what follows is known only then"
            );
            return report.say("plan", &text, base);
        }
        let Some(found) = self.change_set.as_ref().filter(|found| !found.changes.is_empty()) else {
            return report.say("plan", &format!("\n{place}: nothing to change"), base);
        };
        let verb = if found.creates { "will be made" } else { "will be changed" };
        let source =
            if found.id.is_empty() { " (as the template says; CloudFormation was not asked)" } else { "" };
        let text = format!("\n{place} {verb}{source}:\n{}", words::changes(found).trim_end());
        let changes = found.changes.iter().map(|change| {
            json!({
                "action": change.action, "type": change.resource_type, "logicalId": change.logical,
                "physicalId": change.physical, "replaced": change.replaced, "properties": change.properties,
            })
        });
        let more = json!({
            "region": self.region, "stack": self.name, "creates": found.creates,
            "changes": changes.collect::<Vec<_>>(),
        });
        report.say("plan", &text, more)
    }

    /// Carries the change set out, and says what happens. Returns the stack as it is then.
    ///
    /// # Errors
    /// It failed: with the cause and the fix; or it was stopped.
    pub async fn carry_out(&mut self, report: Report, stop: &Stop) -> Result<Option<Stack>, Error> {
        let Some(end) = self.execute(report, stop).await? else { return Ok(self.stack.clone()) };
        if end.is_good() {
            return Ok(self.stacks.find(self.name).await?);
        }
        let too_early = end.events.iter().any(|event| event.reason.contains(QUEUE_DELETED));
        let Some((template, parameters)) = self.asked.clone().filter(|_| too_early) else {
            return Err(self.explained(end, "failed").await);
        };
        let text = format!(
            "  {:<15} SQS gives a queue's name again 60 seconds after it was deleted: waiting, then once more",
            self.region
        );
        report.say("wait", &text, json!({ "region": self.region, "stack": self.name }))?;
        stop.wait(UNTIL_FREE).await;
        if stop.is_asked() {
            return Err(self.explained(end, "failed").await);
        }
        self.stack = self.stacks.find(self.name).await?;
        self.settle(false, true, report, stop).await?;
        self.propose(&template, &parameters).await?;
        match self.execute(report, stop).await? {
            Some(end) if !end.is_good() => Err(self.explained(end, "failed").await),
            _ => Ok(self.stacks.find(self.name).await?),
        }
    }

    /// Has CloudFormation carry the change set out, and follows it. None where there is nothing to do.
    async fn execute(&mut self, report: Report, stop: &Stop) -> Result<Option<End>, Error> {
        let Some(change_set) = self.change_set.take().filter(|found| !found.changes.is_empty()) else {
            return Ok(None);
        };
        let known = self.stacks.newest_event(&change_set.stack).await?;
        self.stacks.execute(&change_set).await?;
        Ok(Some(
            follow(&self.stacks, &self.region, &change_set.stack, known, report, stop, self.pause).await?,
        ))
    }

    /// Deletes the stack and says what happens.
    ///
    /// # Errors
    /// It failed, or it was stopped.
    pub async fn remove(&mut self, report: Report, stop: &Stop) -> Result<(), Error> {
        let Some(stack) = self.stack.clone() else { return Ok(()) };
        let known = self.newest_event().await?;
        self.stacks.delete(self.name).await?;
        let end = follow(&self.stacks, &self.region, &stack.id, known, report, stop, self.pause).await?;
        if end.status == "DELETE_COMPLETE" {
            Ok(())
        } else {
            Err(self.explained(end, "could not be deleted").await)
        }
    }

    /// What failed, why, and what to do about it.
    async fn explained(&self, mut end: End, what: &str) -> Error {
        if end.events.iter().any(|event| event.reason.contains("DescribeEvents")) {
            // Without the right to ask for more, the sentence that points there is what there is.
            end.events.extend(self.stacks.validations(&end.stack).await.unwrap_or_default());
        }
        let mut text =
            format!("the stack {} in {} {what} and is in {} now", self.name, self.region, end.status);
        for event in fixes::causes(&end.events) {
            let physical =
                if event.physical.is_empty() { String::new() } else { format!(" ({})", event.physical) };
            text.push_str(&format!(
                "\n  {} {}{physical}: {}",
                event.resource_type, event.logical, event.reason
            ));
            text.push_str(&format!("\n    {}", fixes::fix(&event.reason)));
        }
        Error::Failure(text)
    }
}
