"""Foundation models and what is built of them: jobs, routers, profiles, prompts, flows, aliases."""

from ..row import Row

ROLE = "$role.Role.Arn"
TITAN = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1"
NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
PRO = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"
WEIGHTS = {"s3DataSource": {"s3Uri": "s3://trip-bucket/weights/"}}

# Creations whose member for tags has another name.
OWNER = [{"key": "Owner", "value": "team"}]

ROWS = (
    Row("bedrock", "CreateCustomModel", {"modelName": "trip-own", "roleArn": ROLE, "modelSourceConfig": WEIGHTS,
         "modelTags": OWNER},
        {"AWS::Bedrock::CustomModel": "modelArn"}, name="ownmodel"),
    Row("bedrock", "CreateModelImportJob",
        {"jobName": "trip-import", "importedModelName": "trip-imported", "roleArn": ROLE, "modelDataSource": WEIGHTS,
         "jobTags": OWNER},
        {"AWS::Bedrock::ModelImportJob": "jobArn"}),
    Row("bedrock", "CreateModelInvocationJob",
        {"jobName": "trip-invocation", "roleArn": ROLE, "modelId": "amazon.nova-lite-v1:0",
         "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://trip-bucket/in/"}},
         "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://trip-bucket/out/"}}},
        {"AWS::Bedrock::ModelInvocationJob": "jobArn"}),
    Row("bedrock", "CreateEvaluationJob",
        {"jobName": "trip-evaluation", "roleArn": ROLE, "jobTags": OWNER,
         "outputDataConfig": {"s3Uri": "s3://trip-bucket/out/"},
         "evaluationConfig": {"automated": {"datasetMetricConfigs": [
             {"taskType": "Summarization", "dataset": {"name": "Builtin.Gigaword"},
              "metricNames": ["Builtin.Accuracy"]}]}},
         "inferenceConfig": {"models": [{"bedrockModel": {"modelIdentifier": TITAN}}]}},
        {"AWS::Bedrock::EvaluationJob": "jobArn"}),
    Row("bedrock", "CreateInferenceProfile", {"inferenceProfileName": "trip", "modelSource": {"copyFrom": NOVA}},
        {"AWS::Bedrock::ApplicationInferenceProfile": "inferenceProfileArn"}),
    Row("bedrock", "CreatePromptRouter",
        {"promptRouterName": "trip", "models": [{"modelArn": NOVA}, {"modelArn": PRO}],
         "routingCriteria": {"responseQualityDifference": 5.0}, "fallbackModel": {"modelArn": PRO}},
        {"AWS::Bedrock::IntelligentPromptRouter": "promptRouterArn"}),
    Row("bedrock", "CreateProvisionedModelThroughput",
        {"modelUnits": 1, "provisionedModelName": "trip", "modelId": "amazon.titan-text-express-v1"},
        {"AWS::Bedrock::ProvisionedModelThroughput": "provisionedModelArn"}),
    Row("bedrock-agent", "CreatePrompt", {"name": "trip"}, {"AWS::Bedrock::Prompt": "arn"}, name="prompt"),
    Row("bedrock-agent", "CreatePromptVersion", {"promptIdentifier": "$prompt.id"},
        {"AWS::Bedrock::PromptVersion": "arn"}),
    Row("bedrock-agent", "CreateFlow", {"name": "trip", "executionRoleArn": ROLE}, {"AWS::Bedrock::Flow": "arn"},
        name="bedrockflow"),
    Row("bedrock-agent", "CreateFlowVersion", {"flowIdentifier": "$bedrockflow.id"}, name="flowversion"),
    Row("bedrock-agent", "CreateFlowAlias",
        {"name": "trip", "flowIdentifier": "$bedrockflow.id",
         "routingConfiguration": [{"flowVersion": "$flowversion.version"}]},
        {"AWS::Bedrock::FlowAlias": "arn"}),
    Row("bedrock-agent", "CreateAgent", {"agentName": "trip-aliased", "agentResourceRoleArn": ROLE},
        name="aliasedagent"),
    Row("bedrock-agent", "CreateAgentAlias", {"agentId": "$aliasedagent.agent.agentId", "agentAliasName": "trip"},
        {"AWS::Bedrock::AgentAlias": "agentAlias.agentAliasArn"}),
    Row("bedrock-agentcore-control", "CreateAgentRuntime",
        {"agentRuntimeName": "trip_reached", "roleArn": ROLE, "networkConfiguration": {"networkMode": "PUBLIC"},
         "agentRuntimeArtifact": {"containerConfiguration": {
             "containerUri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/a:latest"}}}, name="agentruntime"),
    Row("bedrock-agentcore-control", "CreateAgentRuntimeEndpoint",
        {"agentRuntimeId": "$agentruntime.agentRuntimeId", "name": "trip"},
        {"AWS::BedrockAgentCore::RuntimeEndpoint": "agentRuntimeEndpointArn"}),
)
