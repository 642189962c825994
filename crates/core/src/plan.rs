//! Step 4, the plan: which tags, on which ARN, through which API; or why not.
//!
//! One function, used by the Lambda function and by every verb of the command line, so that the
//! command line shows what the function would do because it is the same code.

use crate::{
    actor,
    arn::Arn,
    diagnostic::{Code, Diagnostic},
    identity::{self, Creator},
    inherit::{self, Inherit, Named},
    not_ours,
    policy::{Choice, Existing, Policy},
    record::Record,
    resources::{self, Children, Launch, Resource},
    settings::template::ValueTemplate,
    tags_in, value,
};
use std::collections::HashSet;
use tagger_catalog::Event;

/// What to do about one record.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who made the call.
    pub creator: Creator,
    /// What to tag, each with the operation that does it.
    pub actions: Vec<Resource>,
    /// Children of those resources that have to be looked up first.
    pub children: Vec<Children>,
    /// What a launch made, where its answer is not in the record.
    pub launch: Option<Launch>,
    /// The tags for every action and every child; the creator's tag comes first.
    pub tags: Vec<(String, String)>,
    /// What becomes of a creator's tag that is already there.
    pub existing: Existing,
    /// The parent whose creator's tag stands for the one above, where a service made the call for it.
    pub inherit: Option<Inherit>,
    /// Whether the resource's own tags may name a parent that the record does not.
    pub own_tags: bool,
    /// What there is to say about it; when there are no actions, why not.
    pub diagnostics: Vec<Diagnostic>,
}

impl Plan {
    /// The plan of a record before anything is known.
    pub fn nothing(record: &Record) -> Self {
        Self {
            creator: identity::identify(record),
            actions: Vec::new(),
            children: Vec::new(),
            launch: None,
            tags: Vec::new(),
            existing: Existing::Keep,
            inherit: None,
            own_tags: false,
            diagnostics: Vec::new(),
        }
    }
}

/// Plans one record.
///
/// `own_account` is the account that the caller works for: the function refuses records of other
/// accounts, the command line passes none and explains every account's records.
pub fn plan(record: &Record, policy: &Policy, own_account: Option<&str>) -> Plan {
    let stated = inherit::stated(record);
    let record = stated.as_ref().map_or(record, |(record, _)| record);
    let mut plan = Plan { existing: policy.existing, ..Plan::nothing(record) };
    if let Some((_, tag)) = stated {
        plan.creator.from = Some(tag);
    }
    if let Err(diagnostic) = fill(&mut plan, record, policy, own_account) {
        plan.diagnostics.push(diagnostic);
    }
    plan
}

fn fill(
    plan: &mut Plan,
    record: &Record,
    policy: &Policy,
    own_account: Option<&str>,
) -> Result<(), Diagnostic> {
    if let Some(diagnostic) = record.created_nothing() {
        return Err(diagnostic);
    }
    let (source, name) = (record.event_source(), record.event_name());
    let event =
        tagger_catalog::event(&source, &name).ok_or_else(|| Diagnostic::unknown_event(&source, &name))?;
    if let Some(diagnostic) = record.failed_inside() {
        return Err(diagnostic);
    }
    if let (Some(own), Some(account)) = (own_account, record.account())
        && own != account
    {
        return Err(Diagnostic::other_account(&account, own));
    }
    let creator_name = plan.creator.name.clone().ok_or_else(Diagnostic::creator_unknown)?;
    let parent = inherit::find(record, &plan.creator, policy, Named::ByRecord);
    let actor = actor::of(record, &plan.creator);
    let is_skipped = policy.skips(&plan.creator);
    // Whom the parent's tag names may be of any kind, so that a kind that is skipped is not known to be his.
    if is_skipped && parent.is_none() && !actor.as_ref().is_some_and(|actor| actor.tags_later) {
        return Err(Diagnostic::kind_skipped(plan.creator.kind.as_str(), &creator_name));
    }
    if let Some(pattern) = policy.excludes(record, &plan.creator) {
        return Err(Diagnostic::principal_excluded(&creator_name, pattern));
    }
    if !is_skipped && policy.skipped.contains(&plan.creator.kind) {
        let kind = plan.creator.kind.as_str();
        let role = identity::role(record);
        plan.diagnostics.push(Diagnostic::kind_not_proved(kind, &creator_name, role.as_deref()));
    }

    if let Some((setting, what)) = policy.scope.leaves_out(record) {
        return Err(Diagnostic::outside_scope(setting, &what));
    }
    if event.entries.iter().all(|entry| policy.scope.leaves_out_type(entry.resource_type)) {
        let names: Vec<&str> = event.entries.iter().map(|entry| entry.resource_type).collect();
        return Err(Diagnostic::outside_scope("types", &format!("the type is {}", names.join(" or "))));
    }
    if !policy.opt_out.is_empty() {
        let tags = tags_in::asked(record);
        let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        if let Some(tag) = policy.opt_out.find(pairs) {
            return Err(Diagnostic::opted_out(&tag, "the request"));
        }
    }

    let mut found = resources::find(record, event);
    let is_new = |resource: &Resource| {
        let resource_type = resource.entry.resource_type;
        !inherit::was_there(record, &plan.creator, resource_type)
            && parent.as_ref().is_none_or(|parent| parent.arn != resource.arn)
    };
    found.resources.retain(is_new);
    let launch = resources::launch(record, event).filter(|_| found.resources.is_empty());
    if let Some(launch) = launch {
        // What it made is looked up, and gets the same tags.
        plan.diagnostics.push(no_resource(event, record));
        plan.launch = Some(launch);
    } else if found.resources.is_empty() {
        if let Some((entry, reason)) = found.changes.first() {
            return Err(Diagnostic::update_call(entry.resource_type, reason));
        }
        if let Some(failure) = record.listed_failure() {
            return Err(failure);
        }
        return Err(no_resource(event, record));
    }
    let (own, foreign): (Vec<_>, Vec<_>) = found.resources.into_iter().partition(|resource| {
        let account = Arn::parse(&resource.arn).map_or("", |arn| arn.account);
        own_account.is_none_or(|own| account.is_empty() || account == own || account == "aws")
    });
    for resource in foreign {
        let own_account = own_account.unwrap_or_default();
        plan.diagnostics.push(Diagnostic::resource_in_other_account(&resource.arn, own_account));
    }
    let own = not_ours::left_alone(own, record, &mut plan.diagnostics);
    // There can be 50,000, so they are not gone through for each.
    let parents: HashSet<String> = own.iter().map(|resource| resource.arn.clone()).collect();
    let (own, children) = in_scope(own, found.children, policy, plan);
    let own = without_refused_key(own, &policy.tag.key, plan);
    if own.is_empty() && children.is_empty() && plan.launch.is_none() {
        return Ok(());
    }

    set_tags(plan, record, policy);
    say_what_does_not_fit(&own, plan);
    for mut children in children {
        children.parents.retain(|parent| parents.contains(&parent.arn));
        plan.children.push(children);
    }
    if let Some(resource) = own.iter().find(|resource| tagger_catalog::may_be_update(resource.entry)) {
        plan.diagnostics.push(Diagnostic::may_be_update(resource.entry.resource_type, &name));
    }
    match parent {
        Some(parent) => {
            let (what, service) =
                (parent.parent.resource_type, (!is_skipped).then_some(creator_name.as_str()));
            plan.diagnostics.push(Diagnostic::inherits_from_parent(what, &parent.arn, service));
            plan.inherit = Some(Inherit { otherwise_service: !is_skipped, ..parent });
        }
        None if actor.is_some() => {
            plan.own_tags = true;
            let skipped_by = plan.creator.is_proved.then(|| plan.creator.kind.as_str());
            let role = identity::role(record);
            let parent = Diagnostic::parent_unknown(&creator_name, skipped_by, role.as_deref(), is_skipped);
            plan.diagnostics.push(parent);
        }
        None => {}
    }
    plan.actions = own;
    Ok(())
}

/// The resources, and the children to be looked up, whose types are in scope; of the others it is said.
fn in_scope(
    resources: Vec<Resource>,
    children: Vec<Children>,
    policy: &Policy,
    plan: &mut Plan,
) -> (Vec<Resource>, Vec<Children>) {
    let mut types: Vec<&'static str> = Vec::new();
    let mut is_in = |entry: &tagger_catalog::Entry| {
        let out = policy.scope.leaves_out_type(entry.resource_type);
        if out && !types.contains(&entry.resource_type) {
            types.push(entry.resource_type);
        }
        !out
    };
    let resources: Vec<Resource> = resources.into_iter().filter(|one| is_in(one.entry)).collect();
    let children = children.into_iter().filter_map(|mut search| {
        search.entries.retain(|entry| is_in(entry));
        (!search.entries.is_empty()).then_some(search)
    });
    let children: Vec<Children> = children.collect();
    if let Some(launch) = &mut plan.launch {
        launch.children.retain(|entry| is_in(entry));
        if !is_in(launch.entry) {
            plan.launch = None;
            // Nobody misses what is not to be tagged.
            plan.diagnostics.retain(|found| found.code != Code::NoResourceInRecord);
        }
    }
    plan.diagnostics
        .extend(types.iter().map(|name| Diagnostic::outside_scope("types", &format!("the type is {name}"))));
    (resources, children)
}

/// The tags of a plan: the creator's, then further ones. One that the people table has for whoever made the call goes
/// before one of the same key in the configuration.
fn set_tags(plan: &mut Plan, record: &Record, policy: &Policy) {
    let creator = plan.creator.clone();
    let choice = policy.choice(record, &creator);
    let template = policy.template(creator.kind);
    let key = &policy.tag.key;
    let name = choice.name().unwrap_or_default();
    let value = match filled(&choice, template, key, plan) {
        Ok(value) => value,
        // The creator's tag never becomes empty: a template that has no value gives the name.
        Err(missing) => {
            plan.diagnostics.push(Diagnostic::creators_value_empty(key, template.as_str(), missing, name));
            fitted(key, name, plan)
        }
    };
    plan.tags.push((key.clone(), value));
    let of_person = choice.person.as_ref().map(|person| person.tags.as_slice()).unwrap_or_default();
    for tag in &policy.further {
        if of_person.iter().any(|(key, _)| *key == tag.key) {
            continue;
        }
        match filled(&choice, &tag.value, &tag.key, plan) {
            Ok(value) => plan.tags.push((tag.key.clone(), value)),
            Err(missing) => {
                plan.diagnostics.push(Diagnostic::tag_value_empty(&tag.key, tag.value.as_str(), missing));
            }
        }
    }
    for (key, value) in of_person {
        let value = fitted(key, value, plan);
        plan.tags.push(((*key).to_owned(), value));
    }
}

fn no_resource(event: &Event, record: &Record) -> Diagnostic {
    let types: Vec<_> = event.entries.iter().filter(|entry| entry.describe.is_none()).collect();
    let names: Vec<_> = types.iter().map(|entry| entry.resource_type).collect();
    let looked_at: Vec<_> =
        types.iter().flat_map(|entry| entry.arn).map(|template| written(template)).collect();
    let stated =
        [("awsRegion", record.region().is_some()), ("recipientAccountId", record.account().is_some())];
    let missing: Vec<&str> =
        stated.into_iter().filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect();
    Diagnostic::no_resource_in_record(&names.join(" or "), &looked_at.join(", "), &missing)
}

/// The resources whose service takes the creator's key; of the others it is said.
fn without_refused_key(resources: Vec<Resource>, key: &str, plan: &mut Plan) -> Vec<Resource> {
    let refused = |resource: &Resource| value::refused_in_key(resource.entry.operation, key);
    let mut types: Vec<&str> = Vec::new();
    for (what, character) in resources.iter().filter_map(|one| Some((one.entry.resource_type, refused(one)?)))
    {
        if !types.contains(&what) {
            types.push(what);
            plan.diagnostics.push(Diagnostic::tag_key_refused(what, key, character));
        }
    }
    resources.into_iter().filter(|resource| refused(resource).is_none()).collect()
}

/// Notes which tags some of the resources get with another value, or not at all, since their services refuse characters.
fn say_what_does_not_fit(resources: &[Resource], plan: &mut Plan) {
    let mut types: Vec<&str> = Vec::new();
    for resource in resources {
        let (what, operation) = (resource.entry.resource_type, resource.entry.operation);
        if types.contains(&what) {
            continue;
        }
        types.push(what);
        for (key, tag) in &plan.tags {
            let fitted = value::fit_for(operation, tag);
            if let Some(character) = value::refused_in_key(operation, key) {
                plan.diagnostics.push(Diagnostic::tag_left_out(what, key, character));
            } else if fitted != *tag {
                plan.diagnostics.push(Diagnostic::tag_value_changed_for(what, key, tag, &fitted));
            }
        }
    }
}

/// The value of a template, made to fit; else the braces that have none.
fn filled<'t>(
    choice: &Choice,
    template: &'t ValueTemplate,
    key: &str,
    plan: &mut Plan,
) -> Result<String, &'t str> {
    let value = choice.value(template)?;
    if value::fit(&value).is_empty() {
        return Err(template.as_str());
    }
    Ok(fitted(key, &value, plan))
}

fn fitted(key: &str, value: &str, plan: &mut Plan) -> String {
    let fitted = value::fit(value);
    if fitted != value {
        plan.diagnostics.push(Diagnostic::tag_value_changed(key, value, &fitted));
    }
    fitted.into_owned()
}

/// A template as it stands in the catalog.
pub fn written(template: &[tagger_catalog::template::Part]) -> String {
    use tagger_catalog::template::{Filter, Part};
    template
        .iter()
        .map(|part| match part {
            Part::Text(text) => (*text).to_owned(),
            Part::Partition => "{partition}".to_owned(),
            Part::Region => "{region}".to_owned(),
            Part::Account => "{account}".to_owned(),
            Part::DnsSuffix => "{dns-suffix}".to_owned(),
            Part::Child => "{child}".to_owned(),
            Part::Path { path, filter: Filter::None } => format!("{{{path}}}"),
            Part::Path { path, filter: Filter::Name } => format!("{{{path}|name}}"),
            Part::Path { path, filter: Filter::Slash } => format!("{{{path}|slash}}"),
        })
        .collect()
}

#[cfg(test)]
mod tests;
