//! Asks AWS what the decisions want to know, or writes what they say: a call of `tagger_core::step` in, its reply out.
//! What is asked, of whom together, and what follows from an answer is decided in `tagger-core`.
//!
//! What could not be read is never empty, and an answer is handed to whom it names, never by its place in a list.

use crate::{
    client::Client,
    ec2,
    history::{self, Stopped},
    lifetime,
    outcome::{self, Class, Failure},
    tags::{self, unreadable},
    time,
    wire::Ask,
};
use serde_json::Value;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tagger_catalog::{
    lifetime::Told,
    operation::{Call as Wire, Operation, Variant},
};
use tagger_core::{
    Record, history as wanted,
    resources::Resource,
    step::{Answer, Call, Past, Question, Reply, Stack, Tags, Target, Wanted, Which},
    value,
    window::Window,
};

/// How long the event history may take. What finds no answer by then waits as any other throttled call.
const LONGEST_LOOKUP: Duration = Duration::from_secs(6);

/// Asks.
pub async fn ask(client: &Client, call: &Call) -> Reply {
    let Some(first) = call.targets.first() else { return Reply::Each(HashMap::new()) };
    let asked = match &call.question {
        Question::Describe(told) => describe(client, told, &call.targets, first).await,
        Question::Tags(keys) => read(client, &call.targets, first, keys).await,
        Question::Look(look) => ec2::seen(client, look, &call.targets).await.map(each),
        Question::Write(tags) => write(client, &call.targets, first, tags).await.map(Reply::All),
        Question::Children(name) => ec2::children(client, name, &call.targets).await.map(Reply::Each),
        Question::Launched(name) => ec2::launched(client, name, first).await.map(Reply::All),
        Question::Stack => stack(client, first).await.map(Reply::All),
        Question::History { which, window, wanted } => {
            look_up(client, first, which, *window, wanted).await.map(Reply::All)
        }
    };
    asked.unwrap_or_else(|failure| Reply::All(Answer::Failed(failure)))
}

fn each(found: HashMap<String, Tags>) -> Reply {
    Reply::Each(found.into_iter().map(|(id, tags)| (id, Answer::Tags(tags))).collect())
}

fn ids(targets: &[Target]) -> Vec<&str> {
    targets.iter().map(|target| target.id.as_str()).collect()
}

fn with(target: &Target) -> Vec<(&str, &str)> {
    target.with.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Which resource it is, and whether it is ready.
async fn describe(
    client: &Client,
    told: &'static Told,
    targets: &[Target],
    target: &Target,
) -> Result<Reply, Failure> {
    let ids = ids(targets);
    let answer = client
        .call(
            target.operation,
            &told.describe,
            &target.region,
            Ask { ids: &ids, tags: &[], with: &[], account: &target.account },
        )
        .await?;
    let found = ids.iter().filter_map(|id| Some(((*id).to_owned(), lifetime::facts(told, &answer, id)?)));
    // What is missing is not there.
    Ok(Reply::Each(found.map(|(id, facts)| (id, Answer::Described(facts))).collect()))
}

async fn read(
    client: &Client,
    targets: &[Target],
    first: &Target,
    keys: &[String],
) -> Result<Reply, Failure> {
    let operation = first.operation;
    let call = operation.read.as_ref().ok_or_else(|| no_read(operation))?;
    if operation.variant == Variant::Ec2 && !keys.is_empty() {
        return ec2::described(client, call, targets, keys).await.map(each);
    }
    match tagger_catalog::together(operation.name).filter(|_| targets.len() > 1) {
        None => read_pages(client, call, first).await.map(|tags| Reply::All(Answer::Tags(tags))),
        Some(together) => {
            let (ids, with) = (ids(targets), with(first));
            let answer = client
                .call(
                    operation,
                    call,
                    &first.region,
                    Ask { ids: &ids, tags: &[], with: &with, account: &first.account },
                )
                .await?;
            let found = tags::of_each(&answer, operation, call, together.names);
            found.map(each).map_err(|message| unreadable(operation, message))
        }
    }
}

/// Every tag that a call shows of one target, page by page.
async fn read_pages(client: &Client, call: &Wire, target: &Target) -> Result<Tags, Failure> {
    let (operation, ids) = (target.operation, [target.id.as_str()]);
    let refused = |message| unreadable(operation, message);
    let mut tags = Tags::new();
    let mut page: Option<(&'static str, String)> = None;
    loop {
        let mut with = with(target);
        let token = page.clone();
        with.extend(token.as_ref().map(|(name, token)| (*name, token.as_str())));
        let answer = client
            .call(
                operation,
                call,
                &target.region,
                Ask { ids: &ids, tags: &[], with: &with, account: &target.account },
            )
            .await?;
        tags.extend(tags::read(&answer, operation, call).map_err(refused)?);
        match tags::next_page(&answer).map_err(refused)? {
            None => return Ok(tags),
            // A service that does not know the member gives the same page again.
            next if next == page => return Err(refused("the next page is the same as the last".to_owned())),
            next => page = next,
        }
    }
}

/// Sets tags.
async fn write(client: &Client, targets: &[Target], first: &Target, tags: &Tags) -> Result<Answer, Failure> {
    let (operation, ids, with) = (first.operation, ids(targets), with(first));
    // What many get in one call refuses nothing of it; codegen holds that.
    let tags = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let fitted = value::tags_for(operation, tags);
    let tags: Vec<(&str, &str)> = fitted.iter().map(|(key, value)| (*key, value.as_ref())).collect();
    let answer = client
        .call(
            operation,
            &operation.write,
            &first.region,
            Ask { ids: &ids, tags: &tags, with: &with, account: &first.account },
        )
        .await?;
    // A proxy's page with HTTP 200 has written nothing.
    tags::is_own(&answer, operation, &operation.write)
        .map_err(|message| Failure::ours(Class::Failed, operation.name, outcome::UNREADABLE, message))?;
    refuse_failures_inside(operation, &answer)?;
    Ok(Answer::Written)
}

/// Some services answer HTTP 200 and name what failed inside.
fn refuse_failures_inside(operation: &Operation, answer: &Value) -> Result<(), Failure> {
    for name in ["FailedResourcesMap", "failedResources", "FailedResources", "UnprocessedTags", "errors"] {
        let inside = &answer[name];
        let first = match inside {
            Value::Object(map) => map.values().next(),
            Value::Array(list) => list.first(),
            _ => None,
        };
        if let Some(first) = first {
            let code =
                ["ErrorCode", "errorCode", "Code", "code"].iter().find_map(|member| first[*member].as_str());
            let code = code.unwrap_or(name);
            return Err(Failure::of(operation.name, code, inside.to_string(), None));
        }
    }
    Ok(())
}

/// What DescribeStacks says of one stack:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
async fn stack(client: &Client, target: &Target) -> Result<Answer, Failure> {
    let operation = target.operation;
    let call = operation.read.as_ref().ok_or_else(|| no_read(operation))?;
    let ids = [target.id.as_str()];
    let answer = client
        .call(
            operation,
            call,
            &target.region,
            Ask { ids: &ids, tags: &[], with: &[], account: &target.account },
        )
        .await?;
    let stacks = &answer["DescribeStacksResponse"]["DescribeStacksResult"]["Stacks"]["member"];
    // A list of one is written as the one.
    let one = stacks.as_array().and_then(|stacks| stacks.first()).unwrap_or(stacks);
    let text = |member: &str| one[member].as_str().filter(|text| !text.is_empty());
    let owned = |member: &str| text(member).map(str::to_owned);
    let time = |member: &str| text(member).and_then(time::seconds);
    Ok(Answer::Stack(Stack {
        root: owned("RootId"),
        created: time("CreationTime"),
        updated: time("LastUpdatedTime"),
        change_set: owned("ChangeSetId"),
        tags: tags::read(&answer, operation, call).map_err(|message| unreadable(operation, message))?,
    }))
}

/// So many records are taken of the history where all are wanted.
const MOST_CALLS: usize = 100;

/// The record of the event history that is wanted, the newest of several; or the newest of all that are.
async fn look_up(
    client: &Client,
    target: &Target,
    which: &Which,
    window: Window,
    is_wanted: &Wanted,
) -> Result<Answer, Failure> {
    let which = match which {
        Which::EventName(name) => history::Which::EventName(name),
        Which::ResourceName(name) => history::Which::ResourceName(name),
    };
    let most = if is_wanted.is_all() { MOST_CALLS } else { 1 };
    let mut found: Vec<Record> = Vec::new();
    let mut each = |text: &str| {
        let record = serde_json::from_str(text).ok().map(Record::new);
        // The rest of a page comes all the same.
        found.extend(record.filter(|record| found.len() < most && wanted::is(is_wanted, record)));
        found.len() < most
    };
    let stop = Instant::now() + LONGEST_LOOKUP;
    let read = history::read(client, &target.region, which, window, stop, &mut each).await;
    let is_enough = found.len() >= most;
    match read {
        Err(Stopped::Failed(failure)) if !is_enough => return Err(failure),
        Err(Stopped::Enough) if !is_enough => {
            let message = "the event history did not answer in time";
            return Err(Failure::ours(Class::Throttled, "cloudtrail:LookupEvents", "ClientLimit", message));
        }
        _ => {}
    }
    let time = |record: &Record| record.text("eventTime").and_then(|text| time::seconds(&text));
    let mut past = found.into_iter().map(|record| Past { time: time(&record), record });
    if is_wanted.is_all() {
        return Ok(Answer::Calls(past.collect()));
    }
    Ok(Answer::Found(past.next().map(Box::new)))
}

/// Every tag of a resource, a bucket too.
///
/// # Errors
/// What AWS answered.
pub async fn tags_of(client: &Client, resource: &Resource) -> Result<Tags, Failure> {
    let target = Target::of(resource);
    let call = target.operation.read.as_ref().ok_or_else(|| no_read(target.operation))?;
    let read = read_pages(client, call, &target).await;
    let Err(failure) = read else { return read };
    match tagger_core::proof::as_whole_set(resource, &failure) {
        None => Err(failure),
        Some(whole) => {
            let call = whole.operation.read.as_ref().ok_or_else(|| no_read(whole.operation))?;
            let read = read_pages(client, call, &whole).await;
            read.or_else(
                |failure| if failure.code == "NoSuchTagSet" { Ok(Tags::new()) } else { Err(failure) },
            )
        }
    }
}

/// Sets tags of a resource.
///
/// # Errors
/// What AWS answered.
pub async fn set_tags(client: &Client, resource: &Resource, tags: &Tags) -> Result<(), Failure> {
    let target = Target::of(resource);
    write(client, std::slice::from_ref(&target), &target, tags).await.map(|_| ())
}

/// Tags that cannot be read cannot be kept.
fn no_read(operation: &Operation) -> Failure {
    let message = "the catalog knows no way to read these tags, so they are not written";
    Failure::ours(Class::Unsupported, operation.name, "NoRead", message)
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
