//! Why a stack failed, and what to do about it. Pure: CloudFormation's events in, sentences out.

use tagger_aws::account::stacks::Event;

/// A sentence of AWS that is known, in parts that must all be there (lower case), and the fix.
const KNOWN: &[(&[&str], &str)] = &[
    (
        &["service control policy"],
        "a service control policy of the organization refuses it; its owner has to except this role or action",
    ),
    (
        &["not authorized to perform"],
        "give the principal that deploys this action (or deploy with one that has it), and run `tagger deploy` again",
    ),
    (&["access denied"], "give the principal that deploys this right, and run `tagger deploy` again"),
    (
        &["autoresourcetaggerrole", "already exists"],
        "the role is there already: a stack in another region of this account made it (`tagger status` finds it; run deploy \
         with --region of that one), or it was made by hand and has to go",
    ),
    (
        &["cloudtrail-logs-", "already"],
        "the bucket is there already: `tagger deploy --trail auto` looks at it and uses it again if it can",
    ),
    (
        &["maximum number of trails"],
        "AWS allows five trails in a region: name one that is there with --trail",
    ),
    (
        &["bucket policy"],
        "the trail's bucket does not let CloudTrail write: give it the policy of templates/tagger.yaml, or name a trail with \
         --trail",
    ),
    (
        &["nosuchkey"],
        "the function's zip is not in the code bucket any more: run `tagger deploy` again, which puts it there",
    ),
    (
        &["nosuchbucket"],
        "the code bucket is not there any more: run `tagger deploy` again, which makes it, or name another with --code-bucket",
    ),
    (
        &["cross-account", "sink"],
        "this account has an observability sink in this region already: name it with --set ExistingSink=ARN, or give \
         --set ExistingSink=none",
    ),
    (
        &["error occurred while getobject"],
        "Lambda could not read the zip: the bucket must be in this region and readable for the principal that deploys",
    ),
    (
        &["rate exceeded"],
        "AWS answers too many calls; run `tagger deploy` again in a minute, which goes on where this ended",
    ),
    (
        &["throttl"],
        "AWS answers too many calls; run `tagger deploy` again in a minute, which goes on where this ended",
    ),
    (
        &["limit", "exceeded"],
        "a quota of the account is used up: look at it in Service Quotas, ask for more or remove what is not needed",
    ),
    (
        &["already exists"],
        "something of this name is there and does not belong to the stack: remove it, or what made it (a second tagger?), \
         and run `tagger deploy` again",
    ),
    (
        &["not subscribed", "region"],
        "this region is not enabled in the account: leave it out of --regions, or enable it first",
    ),
    (
        &["security token included in the request is invalid"],
        "this region is not enabled in the account: leave it out of --regions, or enable it first",
    ),
    (
        &["token", "expired"],
        "the credentials expired under way: sign in and run `tagger deploy` again, which waits for the stack and goes on",
    ),
];

/// What failed first, and what merely followed.
pub fn causes(events: &[Event]) -> Vec<&Event> {
    let failed = events.iter().filter(|event| event.status.ends_with("_FAILED"));
    // What was under way when something else failed is cancelled; the stack's own line only sums up; and what was
    // found by the checks before says more than the line that points to them.
    let checked = events.iter().any(|event| event.status == "VALIDATION_FAILED");
    let followed = |event: &&Event| {
        let reason = event.reason.to_ascii_lowercase();
        reason.contains("cancelled")
            || checked && reason.contains("describeevents")
            || event.resource_type == "AWS::CloudFormation::Stack"
                && (reason.starts_with("the following resource(s) failed") || reason.is_empty())
    };
    failed.filter(|event| !followed(event)).collect()
}

/// What to do about a sentence of AWS.
pub fn fix(reason: &str) -> &'static str {
    let reason = reason.to_ascii_lowercase();
    let known = KNOWN.iter().find(|(parts, _)| parts.iter().all(|part| reason.contains(part)));
    known.map_or(
        "docs/deployment.md has what can go wrong; fix it, and run `tagger deploy` again, which removes what is left of this try",
        |(_, fix)| fix,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(logical: &str, resource_type: &str, status: &str, reason: &str) -> Event {
        Event {
            id: String::new(),
            logical: logical.to_owned(),
            physical: String::new(),
            resource_type: resource_type.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn the_first_failure_is_the_cause() {
        let stack = "AWS::CloudFormation::Stack";
        let events = [
            event("auto-resource-tagger", stack, "CREATE_IN_PROGRESS", "User Initiated"),
            event("Role", "AWS::IAM::Role", "CREATE_FAILED", "AutoResourceTaggerRole already exists"),
            event("RetryQueue", "AWS::SQS::Queue", "CREATE_FAILED", "Resource creation cancelled"),
            event(
                "auto-resource-tagger",
                stack,
                "ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to create: [Role]",
            ),
        ];
        assert_eq!(causes(&events).iter().map(|event| event.logical.as_str()).collect::<Vec<_>>(), ["Role"]);
    }

    /// AWS's own sentences.
    #[test]
    fn each_reason_has_its_fix() {
        let cases = [
            (
                "Resource handler returned message: \"Resource of type 'AWS::IAM::Role' with identifier 'AutoResourceTaggerRole' \
              already exists.\"",
                "another region",
            ),
            ("cloudtrail-logs-111122223333-us-east-1 already exists", "--trail auto"),
            (
                "User: arn:aws:iam::111122223333:user/a is not authorized to perform: iam:CreateRole on resource: x because no \
              identity-based policy allows the iam:CreateRole action",
                "this action",
            ),
            (
                "User: x is not authorized to perform: iam:CreateRole with an explicit deny in a service control policy",
                "organization",
            ),
            (
                "User: 111122223333 already has 5 trails in us-east-1. Maximum number of trails reached",
                "--trail",
            ),
            (
                "Incorrect S3 bucket policy is detected for bucket: cloudtrail-logs-111122223333-us-east-1",
                "does not let CloudTrail write",
            ),
            (
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
                "puts it there",
            ),
            ("Rate exceeded", "in a minute"),
            ("Resource of type 'AWS::SQS::Queue' with identifier 'x' already exists", "a second tagger"),
            ("something new", "docs/deployment.md"),
        ];
        for (reason, word) in cases {
            assert!(fix(reason).contains(word), "{reason}: {}", fix(reason));
        }
    }
}
