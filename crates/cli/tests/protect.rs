//! `tagger protect` on the sandbox. The emulator does not enforce service control policies, so the printed document is
//! proved as a policy of identities, whose evaluation it does enforce: people are refused, the tagger is not.
//!
//! Needs what `tests/sandbox.rs` needs.

mod support;

use serde_json::{Value, json};
use support::Running;

struct Sandbox {
    cloud: Running,
    mallory: Vec<(String, String)>,
}

/// How a service creates, tags and untags: words of the AWS CLI, in which `ID` is what creation answered at a path.
struct Service<'a> {
    create: &'a str,
    with_tags: &'a str,
    id: &'a str,
    tag: &'a str,
    untag: &'a str,
}

/// `KEY` is replaced by a key. What is empty the emulator lets through, since it does not tell the keys there, as AWS does.
#[rustfmt::skip]
const SERVICES: &[Service<'static>] = &[
    Service { create: "sqs create-queue --queue-name guarded-N", with_tags: "--tags KEY=x", id: "/QueueUrl",
        tag: "sqs tag-queue --queue-url ID --tags KEY=x", untag: "sqs untag-queue --queue-url ID --tag-keys KEY" },
    Service { create: "sns create-topic --name guarded-N", with_tags: "--tags Key=KEY,Value=x", id: "/TopicArn",
        tag: "sns tag-resource --resource-arn ID --tags Key=KEY,Value=x", untag: "sns untag-resource --resource-arn ID --tag-keys KEY" },
    Service { create: "dynamodb create-table --table-name guarded-N --attribute-definitions AttributeName=a,AttributeType=S --key-schema AttributeName=a,KeyType=HASH --billing-mode PAY_PER_REQUEST",
        with_tags: "--tags Key=KEY,Value=x", id: "/TableDescription/TableArn",
        tag: "dynamodb tag-resource --resource-arn ID --tags Key=KEY,Value=x", untag: "dynamodb untag-resource --resource-arn ID --tag-keys KEY" },
    Service { create: "ec2 create-security-group --group-name guarded-N --description x", with_tags: "", id: "/GroupId",
        tag: "ec2 create-tags --resources ID --tags Key=KEY,Value=x", untag: "ec2 delete-tags --resources ID --tags Key=KEY" },
    Service { create: "kms create-key --description guarded-N", with_tags: "--tags TagKey=KEY,TagValue=x", id: "/KeyMetadata/KeyId",
        tag: "kms tag-resource --key-id ID --tags TagKey=KEY,TagValue=x", untag: "kms untag-resource --key-id ID --tag-keys KEY" },
    Service { create: "iam create-user --user-name guarded-N", with_tags: "--tags Key=KEY,Value=x", id: "/User/UserName",
        tag: "iam tag-user --user-name ID --tags Key=KEY,Value=x", untag: "iam untag-user --user-name ID --tag-keys KEY" },
    Service { create: "secretsmanager create-secret --name guarded-N --secret-string x", with_tags: "--tags Key=KEY,Value=x", id: "/ARN",
        tag: "secretsmanager tag-resource --secret-id ID --tags Key=KEY,Value=x", untag: "secretsmanager untag-resource --secret-id ID --tag-keys KEY" },
    Service { create: "ecr create-repository --repository-name guarded-N", with_tags: "--tags Key=KEY,Value=x", id: "/repository/repositoryArn",
        tag: "ecr tag-resource --resource-arn ID --tags Key=KEY,Value=x", untag: "" },
    Service { create: "events create-event-bus --name guarded-N", with_tags: "--tags Key=KEY,Value=x", id: "/EventBusArn",
        tag: "events tag-resource --resource-arn ID --tags Key=KEY,Value=x", untag: "events untag-resource --resource-arn ID --tag-keys KEY" },
    Service { create: "ecs create-cluster --cluster-name guarded-N", with_tags: "--tags key=KEY,value=x", id: "/cluster/clusterArn",
        tag: "ecs tag-resource --resource-arn ID --tags key=KEY,value=x", untag: "" },
];

impl Sandbox {
    fn start() -> Self {
        let cloud = Running::start();
        cloud.aws("root", &["iam", "create-user", "--user-name", "mallory"]);
        let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        put(&cloud, "user", "mallory", "all", &all);
        let key = cloud.aws("root", &["iam", "create-access-key", "--user-name", "mallory"]);
        let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
        let mallory = vec![
            ("AWS_ACCESS_KEY_ID".to_owned(), text("AccessKeyId")),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), text("SecretAccessKey")),
        ];
        let mut sandbox = Self { cloud, mallory };
        sandbox.cloud.people.insert("mallory".to_owned(), sandbox.mallory.clone());
        sandbox
    }

    fn aws(&self, words: &str) -> Result<Value, String> {
        let words: Vec<&str> = words.split(' ').collect();
        self.cloud.aws_in("mallory", "us-east-1", &words)
    }

    fn refused(&self, words: &str) {
        let said = self.aws(words).expect_err(words);
        let is_denial = said.contains("AccessDenied")
            || said.contains("not authorized")
            || said.contains("UnauthorizedOperation");
        assert!(is_denial, "{words}: {said}");
    }

    fn works(&self, words: &str) -> Value {
        self.aws(words).unwrap_or_else(|said| panic!("{words}: {said}"))
    }

    /// The printed policy.
    fn policy(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.cloud.runs(&[&["protect"], words].concat())).unwrap()
    }
}

fn put(cloud: &Running, kind: &str, name: &str, policy: &str, document: &Value) {
    let (verb, option) = (format!("put-{kind}-policy"), format!("--{kind}-name"));
    let document = document.to_string();
    cloud
        .aws("root", &["iam", &verb, &option, name, "--policy-name", policy, "--policy-document", &document]);
}

#[test]
fn people_are_refused_and_the_tagger_is_not() {
    let sandbox = Sandbox::start();
    let cloud = &sandbox.cloud;
    let policy = sandbox.policy(&[]);
    assert_eq!(
        policy["Statement"][0]["Condition"]["ForAnyValue:StringEqualsIgnoreCase"]["aws:TagKeys"],
        json!(["CreatedBy"])
    );
    put(cloud, "user", "mallory", "protection", &policy);
    put(cloud, "role", "AutoResourceTaggerRole", "protection", &policy);

    let mut queue = String::new();
    for (number, service) in SERVICES.iter().enumerate() {
        let create = |part: &str| service.create.replace("guarded-N", &format!("guarded-{part}-{number}"));
        let with =
            |part: &str, key: &str| format!("{} {}", create(part), service.with_tags.replace("KEY", key));
        // Creation: without tags, with other tags, with the key.
        let made = sandbox.works(&create("plain"));
        if !service.with_tags.is_empty() {
            sandbox.works(&with("other", "Team"));
            sandbox.refused(&with("forged", "CreatedBy"));
        }
        let id = made.pointer(service.id).unwrap_or_else(|| panic!("{made}")).as_str().unwrap();
        let of = |words: &str, key: &str| words.replace("ID", id).replace("KEY", key);
        sandbox.refused(&of(service.tag, "CreatedBy"));
        sandbox.refused(&of(service.tag, "createdby"));
        sandbox.works(&of(service.tag, "Team"));
        if !service.untag.is_empty() {
            sandbox.refused(&of(service.untag, "CreatedBy"));
            sandbox.works(&of(service.untag, "Team"));
        }
        if number == 0 {
            queue = id.to_owned();
        }
        eprintln!(
            "refused and let through: {}",
            service.tag.split(' ').take(2).collect::<Vec<_>>().join(" ")
        );
    }
    // The tagger's role has the same refusal, and is excepted.
    cloud.wait_for(&queue, "mallory");
    sandbox.refused(&format!("sqs untag-queue --queue-url {queue} --tag-keys CreatedBy"));
    assert_eq!(cloud.creator(&queue).as_deref(), Some("mallory"));

    // What does not tell its keys is not seen, unless it is refused altogether.
    sandbox.works("s3api create-bucket --bucket guarded-bucket");
    let zone = sandbox.works("route53 create-hosted-zone --name guarded.example --caller-reference x");
    let zone = zone["HostedZone"]["Id"].as_str().unwrap().trim_start_matches("/hostedzone/").to_owned();
    let tagging = "TagSet=[{Key=CreatedBy,Value=forged}]";
    let bucket = |bucket: &str| format!("s3api put-bucket-tagging --bucket {bucket} --tagging {tagging}");
    let zone = format!(
        "route53 change-tags-for-resource --resource-type hostedzone --resource-id {zone} --add-tags Key=CreatedBy,Value=forged"
    );
    sandbox.works(&bucket("guarded-bucket"));
    let strict = sandbox.policy(&["--strict"]);
    put(cloud, "user", "mallory", "protection", &strict);
    put(cloud, "role", "AutoResourceTaggerRole", "protection", &strict);
    sandbox.refused(&bucket("guarded-bucket"));
    sandbox.refused(&zone);
    sandbox.works("s3api create-bucket --bucket guarded-too");
    let started = std::time::Instant::now();
    let tagged =
        || cloud.aws_in("root", "us-east-1", &["s3api", "get-bucket-tagging", "--bucket", "guarded-too"]);
    while !tagged().is_ok_and(|found| found["TagSet"].to_string().contains("mallory")) {
        assert!(started.elapsed().as_secs() < 30, "the tagger was refused to tag a bucket");
    }

    // An exception lets one through.
    let except = sandbox.policy(&["--except", "arn:*:iam::*:user/mallory"]);
    put(cloud, "user", "mallory", "protection", &except);
    sandbox.works(&format!("sqs tag-queue --queue-url {queue} --tags CreatedBy=repaired"));
}

#[test]
fn the_organization_gets_it_and_gives_it_back() {
    let sandbox = Sandbox::start();
    let cloud = &sandbox.cloud;
    let root =
        cloud.aws("root", &["organizations", "list-roots"])["Roots"][0]["Id"].as_str().unwrap().to_owned();
    let unit = |name: &str| {
        let made = cloud.aws(
            "root",
            &["organizations", "create-organizational-unit", "--parent-id", &root, "--name", name],
        );
        made["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned()
    };
    let (one, two) = (unit("one"), unit("two"));
    let there = || {
        let found =
            cloud.aws("root", &["organizations", "list-policies", "--filter", "SERVICE_CONTROL_POLICY"]);
        let found = found["Policies"].as_array().unwrap().iter();
        let found = found.filter(|policy| policy["Name"] == "auto-resource-tagger-tag-protection");
        found.map(|policy| policy["Id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let places = |id: &str| {
        let found = cloud.aws("root", &["organizations", "list-targets-for-policy", "--policy-id", id]);
        let mut places: Vec<String> = found["Targets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| place["TargetId"].as_str().unwrap().to_owned())
            .collect();
        places.sort();
        places
    };

    let text = cloud.runs(&["protect", "--attach", &one, "--dry-run"]);
    assert!(
        text.contains("  +  the service control policy") && text.contains("nothing was changed"),
        "{text}"
    );
    assert!(there().is_empty());
    let said = cloud.fails("root", 2, &["protect", "--attach", &one]);
    assert!(said.contains("no terminal"), "{said}");
    cloud.runs(&["protect", "--attach", &one, "--yes"]);
    let policy = there().remove(0);
    assert_eq!(places(&policy), [one.as_str()]);
    let content = cloud.aws("root", &["organizations", "describe-policy", "--policy-id", &policy])["Policy"]
        ["Content"]
        .clone();
    let content: Value = serde_json::from_str(content.as_str().unwrap()).unwrap();
    assert_eq!(content, sandbox.policy(&["--key", "CreatedBy"]));

    // Again changes nothing; other words change the one policy; another place is added.
    let text = cloud.runs(&["protect", "--attach", &one, "--yes"]);
    assert!(text.contains("up to date"), "{text}");
    let text = cloud.runs(&["protect", "--attach", &two, "--strict", "--yes"]);
    assert!(text.contains(&format!("also for {one} (one)")), "{text}");
    let text = cloud.runs(&["protect", "--attach", "root", "--strict", "--yes", "--json"]);
    assert!(text.contains("\"changed\":true"), "{text}");
    let mut all = vec![one.clone(), two.clone(), root.clone()];
    all.sort();
    assert_eq!((there().len(), places(&policy)), (1, all));

    cloud.runs(&["protect", "--detach", "root", "--yes"]);
    cloud.runs(&["protect", "--detach", &one, "--yes"]);
    let text = cloud.runs(&["protect", "--detach", &one, "--yes"]);
    assert!(text.contains("is not attached to"), "{text}");
    assert_eq!(places(&policy), [two.as_str()]);
    cloud.runs(&["protect", "--detach", &two, "--yes"]);
    assert!(there().is_empty(), "nowhere attached, it goes");

    for (words, expected) in [
        (&["--attach", "111122223333"][..], "management account"),
        (&["--attach", "somewhere"], "is no target"),
        (&["--attach", &one, "--json"], "give --yes"),
        (&["--key", "aws:x"], "does not begin with aws:"),
        (&["--except", "arn:*:iam::*:role/*"], "everybody"),
    ] {
        let said = cloud.fails("root", 2, &[&["protect"], words].concat());
        assert!(said.contains(expected), "{words:?}: {said}");
    }

    // The rules for the rest, as EventBridge matches.
    let lines = cloud.runs(&["protect", "--detect"]);
    let rules: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let matches = |rule: &Value, kind: &str, source: &str, detail: Value| {
        let event = json!({"id": "1", "account": "111122223333", "source": source, "time": "2026-11-24T08:30:00Z", "region": "us-east-1",
            "resources": ["arn:aws:sqs:us-east-1:111122223333:x"], "detail-type": kind, "detail": detail});
        let (pattern, event) = (rule["pattern"].to_string(), event.to_string());
        let found = cloud
            .aws("root", &["events", "test-event-pattern", "--event-pattern", &pattern, "--event", &event]);
        found["Result"].as_bool().unwrap()
    };
    let tags = |changed: &str, tags: Value| {
        let detail = json!({"changed-tag-keys": [changed, "Other"], "tags": tags, "service": "sqs", "resource-type": "queue", "version": 3});
        matches(&rules[0], "Tag Change on Resource", "aws.tag", detail)
    };
    assert!(tags("CreatedBy", json!({"Other": "x"})), "gone");
    assert!(tags("CreatedBy", json!({})), "gone, and no other tag");
    assert!(!tags("CreatedBy", json!({"CreatedBy": "alice"})), "set, perhaps by the tagger");
    assert!(!tags("Team", json!({})), "another key");
    let call = |source: &str, name: &str, arn: &str, failed: bool| {
        let mut detail = json!({"eventSource": source, "eventName": name, "userIdentity": {"arn": arn}});
        if failed {
            detail["errorCode"] = json!("AccessDenied");
        }
        matches(&rules[1], "AWS API Call via CloudTrail", "aws.s3", detail)
    };
    let alice = "arn:aws:iam::111122223333:user/alice";
    let tagger = "arn:aws:sts::111122223333:assumed-role/AutoResourceTaggerRole/auto-resource-tagger";
    assert!(call("s3.amazonaws.com", "PutBucketTagging", alice, false));
    assert!(call("s3.amazonaws.com", "DeleteBucketTagging", alice, false));
    assert!(call("route53.amazonaws.com", "ChangeTagsForResource", alice, false));
    assert!(!call("s3.amazonaws.com", "PutBucketTagging", tagger, false), "the tagger's own");
    assert!(!call("s3.amazonaws.com", "PutBucketTagging", alice, true), "it failed");
    assert!(!call("s3.amazonaws.com", "CreateBucket", alice, false), "another call");
}
