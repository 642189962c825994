//! What the demo creates: the specification's eight services, as the AWS CLI is told. Data.
//!
//! In the words `{name}` is a fresh name, `{arn}` the resource's ARN, `{id}` what the service calls
//! it, `{role}` a role for a function, `{zip}` a function's code.

/// One thing to create.
pub struct Step {
    /// CloudFormation resource type.
    pub resource_type: &'static str,
    /// The AWS CLI's words to create it, with a tag of the user's own.
    pub create: &'static [&'static str],
    /// Where the answer says what the service calls it (a JSON pointer); empty for the name.
    pub id: &'static str,
    /// Its ARN.
    pub arn: &'static str,
    /// The AWS CLI's words to list its tags.
    pub tags: &'static [&'static str],
}

/// The user's own tag, which must be there afterwards.
pub const OWN_TAG: (&str, &str) = ("Project", "demo");

/// The eight.
pub const STEPS: &[Step] = &[
    Step {
        resource_type: "AWS::EC2::Instance",
        create: &[
            "ec2",
            "run-instances",
            "--image-id",
            "ami-12345678",
            "--instance-type",
            "t3.micro",
            "--tag-specifications",
            "ResourceType=instance,Tags=[{Key=Project,Value=demo}]",
        ],
        id: "/Instances/0/InstanceId",
        arn: "arn:aws:ec2:{region}:{account}:instance/{id}",
        tags: &["ec2", "describe-tags", "--filters", "Name=resource-id,Values={id}"],
    },
    Step {
        resource_type: "AWS::S3::Bucket",
        create: &[
            "s3api",
            "create-bucket",
            "--bucket",
            "{name}",
            "--create-bucket-configuration",
            "Tags=[{Key=Project,Value=demo}]",
        ],
        id: "",
        arn: "arn:aws:s3:::{id}",
        tags: &["s3api", "get-bucket-tagging", "--bucket", "{id}"],
    },
    Step {
        resource_type: "AWS::RDS::DBInstance",
        create: &[
            "rds",
            "create-db-instance",
            "--db-instance-identifier",
            "{name}",
            "--engine",
            "mysql",
            "--db-instance-class",
            "db.t3.micro",
            "--allocated-storage",
            "20",
            "--master-username",
            "admin",
            "--master-user-password",
            "correct-horse",
            "--tags",
            "Key=Project,Value=demo",
        ],
        id: "/DBInstance/DBInstanceArn",
        arn: "{id}",
        tags: &["rds", "list-tags-for-resource", "--resource-name", "{id}"],
    },
    Step {
        resource_type: "AWS::Lambda::Function",
        create: &[
            "lambda",
            "create-function",
            "--function-name",
            "{name}",
            "--runtime",
            "python3.13",
            "--handler",
            "app.handler",
            "--role",
            "{role}",
            "--zip-file",
            "fileb://{zip}",
            "--tags",
            "Project=demo",
        ],
        id: "/FunctionArn",
        arn: "{id}",
        tags: &["lambda", "list-tags", "--resource", "{id}"],
    },
    Step {
        resource_type: "AWS::DynamoDB::Table",
        create: &[
            "dynamodb",
            "create-table",
            "--table-name",
            "{name}",
            "--billing-mode",
            "PAY_PER_REQUEST",
            "--attribute-definitions",
            "AttributeName=id,AttributeType=S",
            "--key-schema",
            "AttributeName=id,KeyType=HASH",
            "--tags",
            "Key=Project,Value=demo",
        ],
        id: "/TableDescription/TableArn",
        arn: "{id}",
        tags: &["dynamodb", "list-tags-of-resource", "--resource-arn", "{id}"],
    },
    Step {
        resource_type: "AWS::SNS::Topic",
        create: &["sns", "create-topic", "--name", "{name}", "--tags", "Key=Project,Value=demo"],
        id: "/TopicArn",
        arn: "{id}",
        tags: &["sns", "list-tags-for-resource", "--resource-arn", "{id}"],
    },
    Step {
        resource_type: "AWS::SQS::Queue",
        create: &["sqs", "create-queue", "--queue-name", "{name}", "--tags", "Project=demo"],
        id: "/QueueUrl",
        arn: "arn:aws:sqs:{region}:{account}:{name}",
        tags: &["sqs", "list-queue-tags", "--queue-url", "{id}"],
    },
    Step {
        resource_type: "AWS::ElastiCache::CacheCluster",
        create: &[
            "elasticache",
            "create-cache-cluster",
            "--cache-cluster-id",
            "{name}",
            "--engine",
            "memcached",
            "--cache-node-type",
            "cache.t3.micro",
            "--num-cache-nodes",
            "1",
            "--tags",
            "Key=Project,Value=demo",
        ],
        id: "/CacheCluster/ARN",
        arn: "{id}",
        tags: &["elasticache", "list-tags-for-resource", "--resource-name", "{id}"],
    },
];

/// What is created by those who create only a few things.
pub const BRIEF: [&str; 2] = ["AWS::S3::Bucket", "AWS::SQS::Queue"];

/// The name of the demo's stack and of the queue in it.
pub const STACK: &str = "demo-stack";

/// A queue in a stack: CloudFormation makes it, in the name of whoever made the stack.
pub const IN_STACK: Step = Step {
    resource_type: "AWS::SQS::Queue",
    create: &[
        "cloudformation",
        "create-stack",
        "--stack-name",
        STACK,
        "--template-body",
        r#"{"Resources":{"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"demo-stack","Tags":[{"Key":"Project","Value":"demo"}]}}}}"#,
    ],
    id: "",
    arn: "arn:aws:sqs:{region}:{account}:demo-stack",
    tags: &["sqs", "list-queue-tags", "--queue-url", "{endpoint}/{account}/demo-stack"],
};

/// The volume of the instance, which nobody created by a call of its own.
pub const VOLUME: Step = Step {
    resource_type: "AWS::EC2::Volume",
    create: &["ec2", "describe-instances", "--instance-ids", "{id}"],
    id: "/Reservations/0/Instances/0/BlockDeviceMappings/0/Ebs/VolumeId",
    arn: "arn:aws:ec2:{region}:{account}:volume/{id}",
    tags: &["ec2", "describe-tags", "--filters", "Name=resource-id,Values={id}"],
};
