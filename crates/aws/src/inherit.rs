//! Before a plan is applied: asks a parent whose its creator is, where a service made the call for it; a stack that has
//! no such tag is looked up in the event history (`stack`). Reads only; whose tag a resource gets is decided in
//! `tagger_core::inherit`.

use crate::{
    apply::{self, Job},
    client::Client,
    outcome::{Done, Failure, Inherited, Outcome},
    stack,
    tags::Tags,
};
use std::collections::{HashMap, hash_map::Entry};
use tagger_core::{
    Plan,
    inherit::{Decision, Inherit, decide},
    patience::Age,
};

/// What asking came to.
pub struct Asked {
    /// The plan as it is to be applied; none where it is the job's own.
    pub plan: Option<Plan>,
    /// What to say about each resource of it.
    pub inherited: Option<Inherited>,
    /// What became of the resources, where nothing of the plan is applied now.
    pub done: Vec<Done>,
}

/// Asks for each job, each parent once.
pub async fn ask(client: &Client, jobs: &[Job<'_>]) -> Vec<Asked> {
    let mut known: HashMap<(&str, &str), Result<Tags, Failure>> = HashMap::new();
    for job in jobs {
        if let Some(inherit) = &job.plan.inherit {
            let key = (inherit.region.as_str(), inherit.arn.as_str());
            if let Entry::Vacant(place) = known.entry(key) {
                let tag = job.plan.tags.first().map_or("", |(tag, _)| tag);
                // The answer is for all of them, so the oldest event says whether the history can show the parent.
                let same = |other: &&Job| {
                    let other = other.plan.inherit.as_ref();
                    other.is_some_and(|other| (other.region.as_str(), other.arn.as_str()) == key)
                };
                let oldest = jobs.iter().filter(same).map(|job| job.age).max_by_key(|age| age.event);
                place.insert(read(client, inherit, tag, oldest.unwrap_or(job.age)).await);
            }
        }
    }
    let asked = jobs.iter().map(|job| {
        let inherit = job.plan.inherit.as_ref();
        let answer = inherit.and_then(|inherit| {
            Some((inherit, known.get(&(inherit.region.as_str(), inherit.arn.as_str()))?))
        });
        answer.map_or_else(Asked::nothing, |(inherit, tags)| of(job, inherit, tags))
    });
    asked.collect()
}

impl Asked {
    fn nothing() -> Self {
        Self { plan: None, inherited: None, done: Vec::new() }
    }
}

fn of(job: &Job<'_>, inherit: &Inherit, tags: &Result<Tags, Failure>) -> Asked {
    let Some((key, _)) = job.plan.tags.first() else { return Asked::nothing() };
    let inherited = |value| Some(Inherited { parent: inherit.arn.clone(), value });
    // Nothing of it is applied.
    let stopped = || Some(Plan { actions: Vec::new(), children: Vec::new(), ..job.plan.clone() });
    match decide(inherit, tags.as_ref(), key, job.age, job.guard) {
        Decision::Parent(value) => {
            let mut plan = job.plan.clone();
            if let Some(first) = plan.tags.first_mut() {
                first.1.clone_from(&value);
            }
            Asked { plan: Some(plan), inherited: inherited(Some(value)), done: Vec::new() }
        }
        Decision::Service => Asked { plan: None, inherited: inherited(None), done: Vec::new() },
        Decision::Nobody => Asked { plan: stopped(), inherited: None, done: Vec::new() },
        Decision::Wait(failure) => {
            Asked { plan: stopped(), inherited: None, done: waiting(job.plan, &failure) }
        }
    }
}

/// Every resource of a plan, and every search for children, waits.
fn waiting(plan: &Plan, failure: &Failure) -> Vec<Done> {
    let done = |entry: &tagger_catalog::Entry, arn: &str, parent: Option<&str>| Done {
        resource_type: entry.resource_type,
        arn: arn.to_owned(),
        operation: entry.operation.name,
        parent: parent.map(str::to_owned),
        inherited: None,
        outcome: Outcome::Failed(failure.clone()),
    };
    let own = plan.actions.iter().map(|resource| done(resource.entry, &resource.arn, None));
    let children = plan.children.iter().flat_map(|children| {
        children.parents.iter().flat_map(move |parent| {
            children.entries.iter().map(move |entry| done(entry, &parent.arn, Some(&parent.arn)))
        })
    });
    own.chain(children).collect()
}

async fn read(client: &Client, inherit: &Inherit, key: &str, age: Age) -> Result<Tags, Failure> {
    let operation = inherit.parent.operation;
    let call = operation.read.as_ref().ok_or_else(|| apply::no_read(operation))?;
    let with: Vec<(&str, &str)> = inherit.with.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let at = apply::Place { id: &inherit.id, region: &inherit.region, account: &inherit.account };
    let mut tags = apply::read_with(client, operation, call, at, &with).await?;
    let has_creator = tags.iter().any(|(known, value)| known == key && !value.is_empty());
    if let (false, Some(policy)) = (has_creator, &inherit.history) {
        let creator = stack::creator(client, inherit, policy, age).await?;
        tags.extend(creator.map(|value| (key.to_owned(), value)));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use crate::{tags, wire, xml};
    use serde_json::{Value, json};
    use tagger_catalog::parent::{Parent, parents};

    fn parent(resource_type: &str) -> &'static Parent {
        parents().iter().find(|parent| parent.resource_type == resource_type).unwrap()
    }

    #[test]
    fn how_parents_are_asked_and_what_they_answer() {
        let xml = |text: &str| xml::parse(text.as_bytes()).unwrap();
        let tag = "<Tags><member><Key>CreatedBy</Key><Value>alice</Value></member></Tags>";
        let pair = json!([{ "Key": "CreatedBy", "Value": "alice" }]);
        for (resource_type, with, path, body, answer) in [
            (
                "AWS::AutoScaling::AutoScalingGroup",
                vec![],
                "/",
                "Filters.member.1.Values.member.1=web",
                xml(&format!(
                    "<DescribeTagsResponse><DescribeTagsResult>{tag}</DescribeTagsResult></DescribeTagsResponse>"
                )),
            ),
            (
                "AWS::EKS::Nodegroup",
                vec![("name", "c")],
                "/clusters/c/node-groups/web",
                "",
                json!({ "nodegroup": { "nodegroupName": "web", "tags": { "CreatedBy": "alice" } } }),
            ),
            (
                "AWS::ECS::Service",
                vec![],
                "/",
                "\"resourceArn\":\"web\"",
                json!({ "tags": [{ "key": "CreatedBy", "value": "alice" }] }),
            ),
            (
                "AWS::EMR::Cluster",
                vec![],
                "/",
                "\"ClusterId\":\"web\"",
                json!({ "Cluster": { "Id": "web", "Tags": pair } }),
            ),
            (
                "AWS::CloudFormation::Stack",
                vec![],
                "/",
                "StackName=web",
                xml(&format!(
                    "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>web</StackName>{tag}</member></Stacks>\
                     </DescribeStacksResult></DescribeStacksResponse>"
                )),
            ),
        ] {
            let operation = parent(resource_type).operation;
            let call = operation.read.as_ref().unwrap();
            let ask = wire::Ask { ids: &["web"], tags: &[], with: &with, account: "111122223333" };
            let request = wire::request(operation, call, &ask);
            let sent = String::from_utf8(request.body).unwrap();
            assert!(request.path == path && sent.contains(body), "{resource_type}: {} {sent}", request.path);
            let found = tags::read(&answer, operation, call).unwrap();
            assert_eq!(found, [("CreatedBy".to_owned(), "alice".to_owned())], "{resource_type}: {answer}");
            assert!(tags::read(&Value::from("a page"), operation, call).is_err(), "{resource_type}");
        }
    }
}
