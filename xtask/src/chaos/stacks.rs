//! Stacks: some of what is made is made by CloudFormation with a role of the stack's, and neither the record nor the
//! stack says for whom. The resource has the stack's tag; whoever carried out the stack's last change before is who it
//! belongs to. Each stack was made long ago by somebody else, and others drafted, failed, and changed it afterwards.

use super::{
    answers,
    callers::who,
    clock::{self, SECOND},
    http::Answer,
    samples::{ACCOUNT, Sample},
};
use serde_json::{Value, json};

/// The tag that CloudFormation gives to what it makes.
pub const KEY: &str = "aws:cloudformation:stack-id";
const DAY: u64 = 24 * 60 * 60;

/// Whether what a sample makes can be a stack's: its tags can be read by themselves, and its record says what it makes.
pub fn can_make(sample: &Sample) -> bool {
    let [made] = sample.resources.as_slice() else { return false };
    let is_read = tagger_catalog::operations()
        .iter()
        .any(|operation| operation.name == made.operation && operation.read.is_some());
    is_read
        && !made.copies
        && sample.fixed_region.is_none()
        && !["ec2", "s3"].contains(&sample.service.as_str())
}

/// The stack that made the resource at a place, at a time in nanoseconds since 1970.
pub fn arn(region: &str, place: usize, time: u64) -> String {
    format!("arn:aws:cloudformation:{region}:{ACCOUNT}:stack/st-{place}-{}/1-2", time / SECOND)
}

/// The place and the time, in seconds, of a stack by its ARN or its name.
pub fn named(name: &str) -> Option<(usize, u64)> {
    let name = name.split(":stack/").last()?.split('/').next()?;
    let (place, time) = name.strip_prefix("st-")?.split_once('-')?;
    Some((place.parse().ok()?, time.parse().ok()?))
}

/// `userIdentity` of CloudFormation with the role of a stack.
pub fn identity() -> String {
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/stacks");
    json!({
        "type": "AssumedRole", "principalId": "AROAEXAMPLE:AWSCloudFormation", "accountId": ACCOUNT,
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/stacks/AWSCloudFormation"),
        "invokedBy": "cloudformation.amazonaws.com",
        "sessionContext": { "sessionIssuer": { "type": "Role", "arn": arn, "userName": "stacks" } },
    })
    .to_string()
}

/// What DescribeStacks says.
pub fn described(arn: &str) -> Answer {
    let time = named(arn).map_or(0, |(_, time)| time);
    let at = |before: u64| clock::text(time.saturating_sub(before) * SECOND);
    answers::stack(arn, &at(10 * DAY), &at(30))
}

/// What the event history shows of a stack, the newest first, where `creator` changed it last before the resource.
pub fn history(arn: &str, creator: &str) -> Vec<(u64, String)> {
    let Some((place, time)) = named(arn) else { return Vec::new() };
    let region = tagger_core::arn::Arn::parse(arn).map_or("us-east-1", |arn| arn.region);
    let stack = self::arn(region, place, time * SECOND);
    let set = format!("arn:aws:cloudformation:{region}:{ACCOUNT}:changeSet/cs/{place}");
    let call = |after: i64, name: &str, user: &str, more: Value| {
        let at = time.saturating_add_signed(after) * SECOND;
        let who: Value = serde_json::from_str(&who(user)).unwrap_or_default();
        let mut record = json!({
            "eventID": format!("stack-{place}-{name}-{after}"), "eventTime": clock::text(at), "awsRegion": region,
            "eventSource": "cloudformation.amazonaws.com", "eventName": name, "recipientAccountId": ACCOUNT,
            "userIdentity": who, "requestParameters": { "stackName": stack },
        });
        for (member, value) in more.as_object().into_iter().flatten() {
            record[member] = value.clone();
        }
        (at, record.to_string())
    };
    let answered = |id: &str| json!({ "responseElements": { "stackId": stack, "id": id } });
    let executed = json!({ "requestParameters": { "changeSetName": set } });
    // By a change set that somebody else drafted, or at once.
    let change = if place.is_multiple_of(2) {
        vec![
            call(-30, "ExecuteChangeSet", creator, executed),
            call(-50, "CreateChangeSet", "drafter", answered(&set)),
        ]
    } else {
        vec![call(-30, "UpdateStack", creator, answered(""))]
    };
    let later = [
        call(3_600, "UpdateStack", "later", answered("")),
        call(-5, "CreateChangeSet", "dreamer", answered("arn:aws:cloudformation:r:1:changeSet/other/1")),
        call(-6, "UpdateStack", "mallory", json!({ "errorCode": "ValidationError" })),
    ];
    let made = call(-(10 * DAY as i64), "CreateStack", "maker", answered(""));
    later.into_iter().chain(change).chain([made]).collect()
}
