//! What error codes mean: each class by hand, then every code of AWS's API models.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read samples")]

use std::collections::BTreeSet;
use tagger_core::outcome::{By, Class, Failure};

#[test]
fn codes_of_each_class() {
    for (call, code, message, class) in [
        ("ec2:CreateTags", "InvalidInstanceID.NotFound", "", Class::NotFound),
        ("ec2:CreateTags", "InvalidVpcID.NotFound", "", Class::NotFound),
        ("s3:TagResource", "NoSuchBucket", "", Class::NotFound),
        ("sqs:TagQueue", "AWS.SimpleQueueService.NonExistentQueue", "", Class::NotFound),
        ("rds:AddTagsToResource", "DBInstanceNotFound", "", Class::NotFound),
        ("rds:AddTagsToResource", "DBInstanceNotFoundFault", "", Class::NotFound),
        ("ec2:CreateTags", "IncorrectState", "", Class::NotReady),
        ("s3:TagResource", "OperationAborted", "", Class::NotReady),
        ("sns:TagResource", "StaleTagException", "", Class::NotReady),
        ("rds:AddTagsToResource", "InvalidDBInstanceState", "", Class::NotReady),
        ("rds:AddTagsToResource", "InvalidDBInstanceStateFault", "", Class::NotReady),
        (
            "elasticache:X",
            "InvalidParameterValue",
            "Cluster not in available state to perform …",
            Class::NotReady,
        ),
        (
            "elasticbeanstalk:X",
            "InvalidParameterValue",
            "Environment named x is in an invalid state for this operation. Must be Ready.",
            Class::NotReady,
        ),
        ("ec2:CreateTags", "RequestLimitExceeded", "", Class::Throttled),
        ("s3:TagResource", "SlowDown", "", Class::Throttled),
        ("tag:TagResources", "ThrottledException", "", Class::Throttled),
        ("sqs:TagQueue", "RequestThrottled", "", Class::Throttled),
        ("dynamodb:TagResource", "LimitExceededException", "", Class::Throttled),
        ("kinesis:AddTagsToStream", "LimitExceededException", "Rate exceeded", Class::Throttled),
        ("kinesis:AddTagsToStream", "LimitExceededException", "too many tags", Class::Limit),
        ("iam:TagRole", "LimitExceeded", "Cannot exceed quota for TagsPerRole: 50", Class::Limit),
        ("iam:TagRole", "LimitExceededException", "", Class::Limit),
        ("ec2:CreateTags", "TagLimitExceeded", "", Class::Limit),
        (
            "route53:ChangeTags",
            "InvalidInput",
            "The number of tags for this resource exceeds 10",
            Class::Limit,
        ),
        ("route53:ChangeTags", "InvalidInput", "Invalid parameter", Class::Failed),
        ("es:AddTags", "LimitExceededException", "", Class::Limit),
        ("es:AddTags", "ValidationException", "Domain already has the maximum number of tags", Class::Limit),
        ("events:TagResource", "ManagedRuleException", "", Class::NotOurs),
        (
            "iam:TagRole",
            "UnmodifiableEntity",
            "Cannot perform the operation on the protected role 'AWSReservedSSO_Admin_0' - this role is only modifiable by AWS",
            Class::NotOurs,
        ),
        (
            "iam:TagRole",
            "AccessDenied",
            "the protected role 'AWSReservedSSO_Admin_0' - this role is only modifiable by AWS",
            Class::NotOurs,
        ),
        (
            "route53:ChangeTags",
            "AccessDenied",
            "The resource hostedzone/Z1 can only be managed through AWS Cloud Map",
            Class::NotOurs,
        ),
        (
            "ec2:CreateTags",
            "InvalidParameter",
            "Operation is not allowed for requester-managed VPC endpoints for the service com.amazonaws.vpce",
            Class::NotOurs,
        ),
        ("s3:TagResource", "MethodNotAllowed", "", Class::Unsupported),
        ("x:Tag", "HTTP501", "", Class::Unsupported),
        ("x:Tag", "ValidationError", "", Class::Failed),
        ("x:Tag", "", "", Class::Failed),
    ] {
        let failure = Failure::of(call, code, message, Some(400));
        assert_eq!(failure.class, class, "{call} {code} {message}");
        assert_eq!(failure.by, None, "{call} {code} {message}");
    }
}

#[test]
fn what_denied() {
    let user = "User: arn:aws:sts::111122223333:assumed-role/AutoResourceTaggerRole/x is not authorized to perform: sqs:TagQueue";
    for (code, message, by) in [
        (
            "AccessDenied",
            format!("{user} with an explicit deny in a service control policy"),
            By::ServiceControlPolicy,
        ),
        (
            "AccessDeniedException",
            format!("{user} because no service control policy allows the sqs:TagQueue action"),
            By::ServiceControlPolicy,
        ),
        (
            "AccessDenied",
            format!("{user} because no identity-based policy allows the action"),
            By::Permission,
        ),
        (
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.".to_owned(),
            By::Permission,
        ),
        ("AuthorizationErrorException", String::new(), By::Permission),
        ("HTTP403", String::new(), By::Permission),
        (
            "TagPolicyViolation",
            "The tag policy does not allow the specified value for the following tag key: 'CreatedBy'."
                .to_owned(),
            By::TagPolicy,
        ),
        (
            "InvalidParameterException",
            "The tag policy does not allow the specified value for the following tag key: 'CreatedBy'."
                .to_owned(),
            By::TagPolicy,
        ),
        ("TagPolicyException", String::new(), By::TagPolicy),
    ] {
        let failure = Failure::of("sqs:TagQueue", code, message.clone(), Some(403));
        assert_eq!((failure.class, failure.by), (Class::Denied, Some(by)), "{code} {message}");
        let text = serde_json::to_string(&failure).unwrap();
        assert_eq!(serde_json::from_str::<Failure>(&text).unwrap(), failure, "{text}");
    }
}

#[test]
fn the_status_tells_where_the_code_does_not() {
    for (code, status, class, passes) in [
        ("Weird", Some(429), Class::Throttled, false),
        ("Weird", Some(503), Class::Throttled, false),
        ("Weird", Some(500), Class::Failed, true),
        ("Weird", Some(400), Class::Failed, false),
        ("Weird", None, Class::Failed, false),
        ("Unreachable", None, Class::Failed, true),
        ("AccessDenied", Some(503), Class::Denied, false),
    ] {
        let failure = Failure::of("x:Tag", code, "", status);
        assert_eq!((failure.class, failure.passes), (class, passes), "{code} {status:?}");
    }
}

#[test]
fn every_code_of_the_models_means_what_is_written() {
    let text = include_str!("error_codes.txt");
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (expected, code, services) =
            (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        // The same error comes with and without these endings.
        let plain = code.strip_suffix("Exception").or_else(|| code.strip_suffix("Fault")).unwrap_or(code);
        let forms = [code.to_owned(), plain.to_owned(), format!("{plain}Exception"), format!("{plain}Fault")];
        for service in services.split(',') {
            for form in &forms {
                let failure = Failure::of(&format!("{service}:Call"), form, "", Some(400));
                let by = failure.by.map_or(String::new(), |by| format!(":{}", by.as_str()));
                let passes = if failure.passes { ":passes" } else { "" };
                let found = format!("{}{by}{passes}", failure.class.as_str());
                if found != expected {
                    wrong.push(format!("{service} {form}: expected {expected}, found {found}"));
                }
                seen.insert(failure.class);
            }
        }
    }
    assert!(wrong.is_empty(), "fix catalog/errors.toml or error_codes.txt:\n{}", wrong.join("\n"));
    assert_eq!(seen.len(), Class::ALL.len(), "a class without a code: {seen:?}");
}
