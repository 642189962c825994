//! CloudFormation: stacks, change sets, events.
//!
//! It says what is there and does what it is told; which stack and with which parameters is decided
//! by the caller.

use super::{Account, Kind, Trouble, seconds, text, trouble::told};
use aws_sdk_cloudformation::{
    Client,
    types::{self, Capability, ChangeSetStatus, ChangeSetType},
};
use std::{collections::BTreeMap, time::Duration};

/// How often a change set is asked for.
const PAUSE: Duration = Duration::from_millis(500);

/// How often, and after which time, CloudFormation is asked again that does not find yet what was just made: the bucket
/// with the template, or the change set.
const EARLY_TRIES: u32 = 15;
const EARLY_PAUSE: Duration = Duration::from_secs(2);

/// The most bytes of a template that goes with the call:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const MOST_INLINE: usize = 51_200;

/// CloudFormation in one region.
pub struct Stacks {
    client: Client,
    region: String,
}

/// A stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// Its ARN, with the id that tells it from an earlier one of the same name.
    pub id: String,
    /// For example `CREATE_COMPLETE`.
    pub status: String,
    /// Why it is in this status, as far as CloudFormation says so.
    pub reason: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// When it was changed last, seconds since 1970.
    pub changed: i64,
}

/// A template, in the call or in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// Its text.
    Body(String),
    /// Where it is.
    Url(String),
}

/// A change set that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// Its ARN.
    pub id: String,
    /// The stack's ARN.
    pub stack: String,
    /// Whether the stack would be new.
    pub creates: bool,
    /// What it would do; empty when nothing differs.
    pub changes: Vec<Change>,
}

/// What a change set would do with one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `Add`, `Modify`, `Remove`, `Import` or `Dynamic`.
    pub action: String,
    /// CloudFormation resource type.
    pub resource_type: String,
    /// Its name in the template.
    pub logical: String,
    /// Its name in AWS, if it has one already.
    pub physical: String,
    /// Whether it would be made anew.
    pub replaced: bool,
    /// Which properties differ.
    pub properties: Vec<String>,
}

/// One line of a stack's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The resource's name in the template; the stack's name for the stack itself.
    pub logical: String,
    /// The resource's name in AWS, as far as it is known.
    pub physical: String,
    /// CloudFormation resource type.
    pub resource_type: String,
    /// For example `CREATE_FAILED`.
    pub status: String,
    /// AWS's sentence about it.
    pub reason: String,
}

impl Account {
    /// CloudFormation in a region.
    pub fn stacks(&self, region: &str) -> Stacks {
        Stacks { client: Client::new(&self.at(region)), region: region.to_owned() }
    }
}

impl Stacks {
    /// The stack of a name (or of an ARN, also one that is deleted), if there is one.
    ///
    /// # Errors
    /// CloudFormation could not be asked.
    pub async fn find(&self, name: &str) -> Result<Option<Stack>, Trouble> {
        let asked = self.client.describe_stacks().stack_name(name).send().await;
        match asked.map_err(told("cloudformation:DescribeStacks", &self.region)) {
            Ok(answer) => Ok(answer.stacks().first().map(stack)),
            // There is no code of its own for it: ValidationError, "Stack with id x does not exist".
            Err(trouble) if trouble.message.contains("does not exist") => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The stack that a StackSet made, if there is one: StackSets name theirs `StackSet-NAME-ID`.
    ///
    /// # Errors
    /// CloudFormation could not be asked.
    pub async fn of_stack_set(&self, set: &str) -> Result<Option<Stack>, Trouble> {
        let prefix = format!("StackSet-{set}-");
        let mut page: Option<String> = None;
        loop {
            let asked = self.client.describe_stacks().set_next_token(page).send().await;
            let answer = asked.map_err(told("cloudformation:DescribeStacks", &self.region))?;
            // The id has 36 characters; another set's name may begin with this one's.
            let ours = |name: &str| name.strip_prefix(&prefix).is_some_and(|id| id.len() == 36);
            if let Some(found) = answer.stacks().iter().find(|stack| stack.stack_name().is_some_and(ours)) {
                return Ok(Some(stack(found)));
            }
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(None);
            }
        }
    }

    /// Makes a change set and waits for it. Nothing differs: it has no changes, and is gone again.
    ///
    /// # Errors
    /// CloudFormation refused the template, the parameters or the caller.
    pub async fn propose(
        &self,
        name: &str,
        change_set: &str,
        template: &Template,
        parameters: &[(String, Option<String>)],
        creates: bool,
    ) -> Result<ChangeSet, Trouble> {
        let call = "cloudformation:CreateChangeSet";
        let (body, url) = match template {
            Template::Body(body) => (Some(body.clone()), None),
            Template::Url(url) => (None, Some(url.clone())),
        };
        // A parameter without a value keeps the one that it has.
        let parameters = parameters.iter().map(|(key, value)| {
            types::Parameter::builder()
                .parameter_key(key)
                .set_parameter_value(value.clone())
                .set_use_previous_value(value.is_none().then_some(true))
                .build()
        });
        let ask = self
            .client
            .create_change_set()
            .stack_name(name)
            .change_set_name(change_set)
            .change_set_type(if creates { ChangeSetType::Create } else { ChangeSetType::Update })
            .set_template_body(body)
            .set_template_url(url)
            .set_parameters(Some(parameters.collect()))
            .capabilities(Capability::CapabilityNamedIam)
            .description("made by tagger deploy");
        let mut tries = 0;
        let asked = loop {
            match ask.clone().send().await.map_err(told(call, &self.region)) {
                Err(trouble) if is_too_early(&trouble) && tries < EARLY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(EARLY_PAUSE).await;
                }
                asked => break asked?,
            }
        };
        let (id, stack) = (text(asked.id()), text(asked.stack_id()));
        let mut found = ChangeSet { id: id.clone(), stack, creates, changes: Vec::new() };
        let (mut page, mut tries): (Option<String>, u32) = (None, 0);
        loop {
            let asked =
                self.client.describe_change_set().change_set_name(&id).set_next_token(page.clone()).send();
            let answer = match asked.await.map_err(told("cloudformation:DescribeChangeSet", &self.region)) {
                Err(trouble) if trouble.code.starts_with("ChangeSetNotFound") && tries < EARLY_TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                answer => answer?,
            };
            let reason = text(answer.status_reason());
            match answer.status() {
                Some(ChangeSetStatus::CreateComplete) => {}
                Some(ChangeSetStatus::Failed) => {
                    let reason = self.with_validations(&found.stack, reason).await;
                    self.discard(&found).await?;
                    // <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html>
                    let nothing = ["didn't contain changes", "No updates are to be performed"];
                    if nothing.iter().any(|words| reason.contains(words)) {
                        return Ok(found);
                    }
                    return Err(Trouble::new(call, &self.region, "ChangeSetFailed", reason));
                }
                _ => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            found
                .changes
                .extend(answer.changes().iter().filter_map(|change| change.resource_change()).map(change));
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    /// Carries a change set out; CloudFormation goes on by itself.
    ///
    /// # Errors
    /// CloudFormation refused it.
    pub async fn execute(&self, change_set: &ChangeSet) -> Result<(), Trouble> {
        let asked = self.client.execute_change_set().change_set_name(&change_set.id).send().await;
        asked.map(drop).map_err(told("cloudformation:ExecuteChangeSet", &self.region))
    }

    /// Removes a change set, and the stack that it would have made, which holds nothing, unless another
    /// change set waits for it.
    ///
    /// # Errors
    /// CloudFormation refused it.
    pub async fn discard(&self, change_set: &ChangeSet) -> Result<(), Trouble> {
        let gone = |trouble: &Trouble| {
            trouble.kind() == Kind::NotFound || trouble.message.contains("does not exist")
        };
        let asked = self.client.delete_change_set().change_set_name(&change_set.id).send().await;
        match asked.map_err(told("cloudformation:DeleteChangeSet", &self.region)) {
            Err(trouble) if !gone(&trouble) => return Err(trouble),
            _ => {}
        }
        let there = if change_set.creates { self.find(&change_set.stack).await? } else { None };
        if there.is_none_or(|stack| stack.status != "REVIEW_IN_PROGRESS") {
            return Ok(());
        }
        let asked = self.client.list_change_sets().stack_name(&change_set.stack).send().await;
        let left = asked.map_err(told("cloudformation:ListChangeSets", &self.region))?;
        if left.summaries().iter().any(|other| other.change_set_id() != Some(&change_set.id)) {
            return Ok(());
        }
        self.delete(&change_set.stack).await
    }

    /// Asks for a stack's change sets, only to see whether this principal may.
    ///
    /// # Errors
    /// CloudFormation refused it; a stack that is not there is refused otherwise than a principal.
    pub async fn may_list_change_sets(&self, name: &str) -> Result<(), Trouble> {
        let asked = self.client.list_change_sets().stack_name(name).send().await;
        asked.map(drop).map_err(told("cloudformation:ListChangeSets", &self.region))
    }

    /// Begins to delete a stack.
    ///
    /// # Errors
    /// CloudFormation refused it.
    pub async fn delete(&self, name: &str) -> Result<(), Trouble> {
        let asked = self.client.delete_stack().stack_name(name).send().await;
        asked.map(drop).map_err(told("cloudformation:DeleteStack", &self.region))
    }

    /// Brings a stack whose way back failed (`UPDATE_ROLLBACK_FAILED`) to where it was before.
    ///
    /// # Errors
    /// CloudFormation refused it.
    pub async fn continue_rollback(&self, name: &str) -> Result<(), Trouble> {
        let asked = self.client.continue_update_rollback().stack_name(name).send().await;
        asked.map(drop).map_err(told("cloudformation:ContinueUpdateRollback", &self.region))
    }

    /// CloudFormation's sentence, and where it points to DescribeEvents, what that says: what was refused
    /// before anything was made stands only there.
    async fn with_validations(&self, stack: &str, reason: String) -> String {
        if !reason.contains("DescribeEvents") {
            return reason;
        }
        // Without the right to ask, the sentence is what there is.
        let failed = self.validations(stack).await.unwrap_or_default();
        let failed = failed.iter().map(|event| format!("{}: {}", event.logical, event.reason));
        std::iter::once(reason).chain(failed).collect::<Vec<_>>().join("; ")
    }

    /// What CloudFormation's own checks before an operation refused:
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html>
    ///
    /// # Errors
    /// CloudFormation could not be asked.
    pub async fn validations(&self, stack: &str) -> Result<Vec<Event>, Trouble> {
        let asked = self.client.describe_events().stack_name(stack).send().await;
        let answer = asked.map_err(told("cloudformation:DescribeEvents", &self.region))?;
        let failed = answer.operation_events().iter();
        let failed =
            failed.filter(|event| event.validation_status() == Some(&types::ValidationStatus::Failed));
        let mut events: Vec<Event> = failed
            .map(|event| Event {
                id: text(event.event_id()),
                logical: text(event.logical_resource_id()),
                physical: text(event.physical_resource_id()),
                resource_type: text(event.resource_type()),
                status: "VALIDATION_FAILED".to_owned(),
                reason: text(event.validation_status_reason()),
            })
            .collect();
        events.dedup_by(|a, b| (&a.logical, &a.reason) == (&b.logical, &b.reason));
        Ok(events)
    }

    /// The id of a stack's newest event.
    ///
    /// # Errors
    /// CloudFormation could not be asked.
    pub async fn newest_event(&self, stack: &str) -> Result<Option<String>, Trouble> {
        let asked = self.client.describe_stack_events().stack_name(stack).send().await;
        let answer = asked.map_err(told("cloudformation:DescribeStackEvents", &self.region))?;
        Ok(answer.stack_events().first().and_then(|event| event.event_id()).map(str::to_owned))
    }

    /// A stack's events, oldest first, up to the one that is known already.
    ///
    /// # Errors
    /// CloudFormation could not be asked.
    pub async fn events(&self, stack: &str, known: Option<&str>) -> Result<Vec<Event>, Trouble> {
        let mut events = Vec::new();
        let mut page: Option<String> = None;
        'pages: loop {
            let asked =
                self.client.describe_stack_events().stack_name(stack).set_next_token(page).send().await;
            let answer = asked.map_err(told("cloudformation:DescribeStackEvents", &self.region))?;
            for event in answer.stack_events() {
                if known.is_some() && event.event_id() == known {
                    break 'pages;
                }
                events.push(Event {
                    id: text(event.event_id()),
                    logical: text(event.logical_resource_id()),
                    physical: text(event.physical_resource_id()),
                    resource_type: text(event.resource_type()),
                    status: text(event.resource_status().map(types::ResourceStatus::as_str)),
                    reason: text(event.resource_status_reason()),
                });
            }
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                break;
            }
        }
        events.reverse();
        Ok(events)
    }
}

/// Whether CloudFormation does not see the bucket of a template yet. It has no code of its own for that.
fn is_too_early(trouble: &Trouble) -> bool {
    trouble.code == "ValidationError"
        && trouble.message.contains("S3 error")
        && ["NoSuchBucket", "specified bucket does not exist"]
            .iter()
            .any(|words| trouble.message.contains(words))
}

fn stack(found: &types::Stack) -> Stack {
    let parameters = found.parameters().iter();
    let outputs = found.outputs().iter();
    Stack {
        name: text(found.stack_name()),
        id: text(found.stack_id()),
        status: text(found.stack_status().map(types::StackStatus::as_str)),
        reason: text(found.stack_status_reason()),
        parameters: parameters.map(|one| (text(one.parameter_key()), text(one.parameter_value()))).collect(),
        outputs: outputs.map(|one| (text(one.output_key()), text(one.output_value()))).collect(),
        changed: seconds(found.last_updated_time().or(found.creation_time())),
    }
}

fn change(found: &types::ResourceChange) -> Change {
    let targets = found.details().iter().filter_map(|detail| detail.target());
    let mut properties: Vec<String> = targets
        .map(|target| {
            let name = target.name().or(target.attribute().map(types::ResourceAttribute::as_str));
            text(name)
        })
        .collect();
    properties.sort();
    properties.dedup();
    Change {
        action: text(found.action().map(types::ChangeAction::as_str)),
        resource_type: text(found.resource_type()),
        logical: text(found.logical_resource_id()),
        physical: text(found.physical_resource_id()),
        replaced: found.replacement() == Some(&types::Replacement::True),
        properties,
    }
}
