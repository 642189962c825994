//! The service control policy that leaves the product's own parts to those who deploy it. Pure.
//!
//! The function cannot tell EventBridge's invocation from anybody else's, and believes what its queues hold. So whoever may
//! invoke it, send to its queues, change its code, or make a rule under its rules' names, decides which tags it writes.
//! Services that act by themselves (EventBridge, CloudTrail, Lambda's polling) are no principals of the account, and service
//! control policies do not hold them: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html>
//!
//! Verbs have `*` behind them, so that an action that a service gets next year is held as well. Which action tells which
//! resource: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
//! AWS's own controls write ARNs for any partition in the same way:
//! <https://docs.aws.amazon.com/controltower/latest/controlreference/control-parameter-concepts.html>

use super::policy::{self, ROLE};
use serde_json::{Value, json};
use tagger_core::arn::Arn;

/// Its name in the organization.
pub const NAME: &str = "auto-resource-tagger-guard";
/// Its description there.
pub const DESCRIPTION: &str =
    "Leaves auto-resource-tagger's own parts to those who deploy it. Made by `tagger protect --guard`.";

/// The functions of the product, whatever follows their name.
const FUNCTIONS: &str = "arn:*:lambda:*:*:function:auto-resource-tagger*";

/// What nobody but a deployer does.
const CHANGES: [&str; 38] = [
    "cloudformation:Cancel*",
    "cloudformation:Continue*",
    "cloudformation:Create*",
    "cloudformation:Delete*",
    "cloudformation:Execute*",
    "cloudformation:Rollback*",
    "cloudformation:Set*",
    "cloudformation:Update*",
    "cloudtrail:Delete*",
    "cloudtrail:Put*",
    "cloudtrail:Stop*",
    "cloudtrail:Update*",
    "cloudwatch:Delete*",
    "cloudwatch:Disable*",
    "cloudwatch:Put*",
    "cloudwatch:SetAlarmState",
    "events:Delete*",
    "events:Disable*",
    "events:Put*",
    "events:Remove*",
    "iam:Attach*",
    "iam:Create*",
    "iam:Delete*",
    "iam:Detach*",
    "iam:PassRole",
    "iam:Put*",
    "iam:SetDefault*",
    "iam:Update*",
    "lambda:Add*",
    "lambda:Create*",
    "lambda:Delete*",
    "lambda:Invoke*",
    "lambda:Publish*",
    "lambda:Put*",
    "lambda:Remove*",
    "lambda:Update*",
    "logs:Delete*",
    "logs:Put*Filter",
];
/// The alarms' topic; who takes a subscription away tells IAM no topic.
const ON_TOPICS: [&str; 8] = [
    "sns:Add*",
    "sns:Create*",
    "sns:Delete*",
    "sns:Publish",
    "sns:Put*",
    "sns:Remove*",
    "sns:Set*",
    "sns:Subscribe",
];
/// On what. A rule of another bus has the bus before its name: a bus `auto-tag-create-resources…` is meant as well.
const PARTS: [&str; 11] = [
    "arn:*:cloudformation:*:*:stack/*auto-resource-tagger*",
    "arn:*:cloudtrail:*:*:trail/auto-resource-tagger",
    "arn:*:cloudwatch:*:*:alarm:auto-resource-tagger-*",
    "arn:*:events:*:*:rule/auto-resource-tagger-*",
    "arn:*:events:*:*:rule/auto-tag-create-resources*",
    "arn:*:iam::*:policy/AutoResourceTagger*",
    "arn:*:iam::*:role/AutoResourceTagger*",
    FUNCTIONS,
    "arn:*:logs:*:*:log-group:/aws/lambda/auto-resource-tagger*",
    "arn:*:sns:*:*:auto-resource-tagger-*",
    "arn:*:sqs:*:*:auto-resource-tagger-*",
];
/// What the function does too: it works on its queues, writes its marks on its functions, and tags the buckets.
const SHARED: [&str; 13] = [
    "lambda:TagResource",
    "lambda:UntagResource",
    "s3:Delete*",
    "s3:Put*",
    "sqs:Add*",
    "sqs:Change*",
    "sqs:Create*",
    "sqs:Delete*",
    "sqs:Purge*",
    "sqs:Receive*",
    "sqs:Remove*",
    "sqs:Se*",
    "sqs:Start*",
];
/// On what: the queues, the functions, the code's buckets and the trail's, with an account's twelve digits in its name.
const SHARED_PARTS: [&str; 4] = [
    FUNCTIONS,
    "arn:*:s3:::auto-resource-tagger-*",
    "arn:*:s3:::cloudtrail-logs-????????????-*",
    "arn:*:sqs:*:*:auto-resource-tagger-*",
];
/// Making a deployer, or taking one over.
const TAKEOVER: [&str; 6] = [
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
];

/// Who may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Patterns of ARNs of roles and users.
    pub deployers: Vec<String>,
}

impl Guard {
    /// Says what is wrong with what was asked for.
    ///
    /// # Errors
    /// No deployer, or one that is no role and no user, or is everybody.
    pub fn check(&self) -> Result<(), String> {
        if self.deployers.is_empty() {
            return Err("the guard refuses everybody who is not named, CloudFormation in the name of whoever deploys too. Name the \
                        roles or users that deploy: --deployer 'arn:*:iam::*:role/deploy-tagger'; where StackSets deploy it, \
                        --deployer 'arn:*:iam::*:role/stacksets-exec-*' as well"
                .to_owned());
        }
        for pattern in &self.deployers {
            policy::check_principal(pattern)?;
            if Arn::parse(pattern).is_none_or(|arn| arn.service != "iam") {
                return Err(format!(
                    "{pattern:?}: IAM compares the role's own ARN and not its session's: arn:*:iam::*:role/NAME"
                ));
            }
        }
        Ok(())
    }

    /// The document.
    pub fn document(&self) -> Value {
        let deployers: Vec<&str> = self.deployers.iter().map(String::as_str).collect();
        let others = json!({ "ArnNotLike": { "aws:PrincipalArn": deployers } });
        let with_role: Vec<&str> = std::iter::once(ROLE).chain(deployers.iter().copied()).collect();
        let statement = |sid: &str, actions: Value, resources: Value, condition: Value| json!({ "Sid": sid, "Effect": "Deny", "Action": actions, "Resource": resources, "Condition": condition });
        let changes: Vec<&str> = CHANGES.iter().chain(&ON_TOPICS).copied().collect();
        let mappings = ["Create", "Delete", "Update"].map(|verb| format!("lambda:{verb}EventSourceMapping"));
        let mut mapped = others.clone();
        // Making a mapping is allowed or refused for the function that it is for, and tells no other resource.
        mapped["ArnLike"] = json!({ "lambda:FunctionArn": FUNCTIONS });
        let mut statements = vec![
            statement("OnlyDeployersChangeIt", json!(changes), json!(PARTS), others.clone()),
            statement(
                "OnlyTheTaggerUsesIt",
                json!(SHARED),
                json!(SHARED_PARTS),
                json!({ "ArnNotLike": { "aws:PrincipalArn": with_role } }),
            ),
            statement("OnlyDeployersMapEvents", json!(mappings), json!("*"), mapped),
        ];
        // The account's root user can be neither made nor taken over by these.
        let entities: Vec<&str> =
            deployers.into_iter().filter(|pattern| !pattern.ends_with(":root")).collect();
        if !entities.is_empty() {
            statements.push(statement(
                "OnlyDeployersMakeDeployers",
                json!(TAKEOVER),
                json!(entities),
                others,
            ));
        }
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// The document without spaces, as it is attached.
    ///
    /// # Errors
    /// It is too long.
    pub fn text(&self) -> Result<String, String> {
        policy::fitting(&self.document())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates;

    fn of(deployers: &[&str]) -> Guard {
        Guard { deployers: deployers.iter().map(|one| (*one).to_owned()).collect() }
    }

    const DEPLOYERS: [&str; 2] = ["arn:*:iam::*:role/deploy-tagger", "arn:*:iam::*:role/stacksets-exec-*"];

    /// Whether a pattern of IAM covers a text.
    fn covers(pattern: &str, text: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern == text,
            Some((before, after)) => {
                text.starts_with(before)
                    && (0..=text.len() - before.len())
                        .any(|skip| text.get(before.len() + skip..).is_some_and(|rest| covers(after, rest)))
            }
        }
    }

    #[test]
    fn it_fits_with_room_for_more_deployers() {
        let size = of(&DEPLOYERS).text().unwrap().chars().count();
        assert!(size < 3_800, "{size}");
        let page = include_str!("../../../../../docs/protection.md");
        assert!(
            page.contains(&format!("The guard has {size} characters")),
            "docs/protection.md does not say {size}"
        );
        let long = format!("arn:*:iam::*:role/{}", "x".repeat(64));
        assert!(of(&[long.as_str(); 3]).text().is_ok());
        assert!(of(&[long.as_str(); 40]).text().unwrap_err().contains("5120 at most"));
    }

    /// Whoever deploys changes the product by the actions of templates/deployer.json: each that changes something is held,
    /// but those of the list, with the reason.
    #[test]
    fn what_a_deployment_does_nobody_else_does() {
        const FREE: [(&str, &str); 11] = [
            ("cloudwatch:Link", "shows metrics to the monitoring account"),
            ("logs:CreateLogGroup", "a group of that name is empty"),
            ("logs:Link", "shows a log to the monitoring account"),
            ("logs:PutRetentionPolicy", "how long a log stays"),
            ("sns:SetSubscriptionAttributes", "tells IAM no topic"),
            ("sns:Unsubscribe", "tells IAM no topic; the rule on own parts tells of it"),
            ("iam:SimulatePrincipalPolicy", "only asks"),
            ("events:TestEventPattern", "only asks"),
            ("cloudtrail:CreateTrail", "one trail more takes nothing away"),
            ("cloudtrail:StartLogging", "switches the trail on"),
            ("s3:CreateBucket", "a name that is free; deploy looks whose it is"),
        ];
        let actions: Vec<&str> = CHANGES.iter().chain(&ON_TOPICS).chain(&SHARED).copied().collect();
        let told: Value =
            serde_json::from_str(include_str!("../../../../../templates/deployer.json")).unwrap();
        let reads = |action: &str| {
            let verb = action.split_once(':').map_or("", |(_, name)| name);
            ["Get", "List", "Describe", "Filter", "Lookup", "Tag", "Untag", "AddTags", "RemoveTags"]
                .iter()
                .any(|word| verb.starts_with(word))
        };
        let mut unheld = Vec::new();
        for policy in ["command", "cloudformation"] {
            for statement in told[policy]["Statement"].as_array().unwrap() {
                for action in statement["Action"].as_array().unwrap().iter().filter_map(Value::as_str) {
                    let service = action.split(':').next().unwrap();
                    if reads(action)
                        || matches!(service, "kms" | "oam")
                        || FREE.iter().any(|(free, _)| *free == action)
                    {
                        continue;
                    }
                    if !actions.iter().any(|pattern| covers(pattern, action))
                        && !action.contains("EventSourceMapping")
                    {
                        unheld.push(action.to_owned());
                    }
                }
            }
        }
        assert_eq!(
            unheld,
            Vec::<String>::new(),
            "a deployment calls these, and the guard leaves them to everybody"
        );
    }

    #[test]
    fn every_name_of_the_templates_is_meant() {
        let template = templates::TAGGER;
        for (member, prefix) in [
            ("QueueName:", "arn:*:sqs:*:*:"),
            ("FunctionName:", "arn:*:lambda:*:*:function:"),
            ("AlarmName:", "arn:*:cloudwatch:*:*:alarm:"),
            ("TopicName:", "arn:*:sns:*:*:"),
            ("TrailName:", "arn:*:cloudtrail:*:*:trail/"),
        ] {
            let names = template.lines().filter_map(|line| line.trim().strip_prefix(member));
            let names: Vec<&str> =
                names.map(str::trim).filter(|name| !name.starts_with(['!', '{'])).collect();
            assert!(!names.is_empty(), "{member}");
            for name in names {
                let arn = format!("{prefix}{name}");
                let held = PARTS.iter().chain(&SHARED_PARTS).any(|pattern| covers(pattern, &arn));
                assert!(held, "{arn} is not held by the guard");
            }
        }
    }

    #[test]
    fn who_is_refused_as_a_deployer() {
        for (deployers, words) in [
            (&[][..], "Name the roles or users that deploy"),
            (&["alice"], "no principal's ARN"),
            (&["arn:*:iam::*:role/*"], "everybody"),
            (&["arn:*:sts::*:assumed-role/deploy/x"], "not its session's"),
        ] {
            let said = of(deployers).check().unwrap_err();
            assert!(said.contains(words), "{deployers:?}: {said}");
        }
        assert_eq!(of(&DEPLOYERS).check(), Ok(()));
        let root = of(&["arn:*:iam::*:root"]).document();
        assert_eq!(root["Statement"].as_array().unwrap().len(), 3, "nothing makes a root user: {root}");
    }
}
