// A stack of a few types, and one more queue when MORE is set: the second deployment, by somebody else.
const cdk = require("aws-cdk-lib");
const { aws_dynamodb: dynamodb, aws_lambda: lambda, aws_logs: logs, aws_s3: s3, aws_sns: sns, aws_sqs: sqs } = cdk;

const app = new cdk.App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const stack = new cdk.Stack(app, "ClientsCdk", { env });
new sqs.Queue(stack, "Queue");
new sns.Topic(stack, "Topic");
new s3.Bucket(stack, "Bucket", { removalPolicy: cdk.RemovalPolicy.DESTROY });
new logs.LogGroup(stack, "Logs", { removalPolicy: cdk.RemovalPolicy.DESTROY });
new dynamodb.Table(stack, "Table", {
  partitionKey: { name: "id", type: dynamodb.AttributeType.STRING },
  billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
  removalPolicy: cdk.RemovalPolicy.DESTROY,
});
new lambda.Function(stack, "Function", {
  runtime: lambda.Runtime.PYTHON_3_13,
  handler: "index.handler",
  code: lambda.Code.fromAsset("hello"),
});
if (process.env.MORE) {
  new sqs.Queue(stack, "More");
}
