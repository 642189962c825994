"""Jobs of machine learning: what is started rather than created, and has tags all the same."""

from ..row import Row

ROLE = "$role.Role.Arn"
DATA = {"InputDataConfig": {"S3Uri": "s3://trip-bucket/a"}, "OutputDataConfig": {"S3Uri": "s3://trip-bucket/b"},
        "DataAccessRoleArn": ROLE}
ENGLISH = DATA | {"LanguageCode": "en"}


def _comprehend(job: str, parameters: dict) -> Row:
    return Row("comprehend", f"Start{job}", parameters, {f"AWS::Comprehend::{job}": "JobArn"})


ROWS = (
    _comprehend("DocumentClassificationJob", DATA | {
        "DocumentClassifierArn": "arn:aws:comprehend:us-east-1:111122223333:document-classifier/trip"}),
    _comprehend("DominantLanguageDetectionJob", DATA),
    _comprehend("EntitiesDetectionJob", ENGLISH),
    _comprehend("EventsDetectionJob", ENGLISH | {"TargetEventTypes": ["BANKRUPTCY"]}),
    _comprehend("KeyPhrasesDetectionJob", ENGLISH),
    _comprehend("PiiEntitiesDetectionJob", ENGLISH | {"Mode": "ONLY_OFFSETS"}),
    _comprehend("SentimentDetectionJob", ENGLISH),
    _comprehend("TargetedSentimentDetectionJob", ENGLISH),
    _comprehend("TopicsDetectionJob", DATA),
    Row("comprehend", "CreateEndpoint", {"EndpointName": "trip", "DesiredInferenceUnits": 1},
        {"AWS::Comprehend::Endpoint": "EndpointArn"}),
    Row("sagemaker", "CreateTrial", {"TrialName": "trip", "ExperimentName": "trip"},
        {"AWS::SageMaker::Trial": "TrialArn"}),
    Row("sagemaker", "CreateTransformJob",
        {"TransformJobName": "trip", "ModelName": "trip",
         "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://trip-bucket/a"}}},
         "TransformOutput": {"S3OutputPath": "s3://trip-bucket/b"},
         "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        {"AWS::SageMaker::TransformJob": "TransformJobArn"}),
    Row("sagemaker", "CreateHyperParameterTuningJob",
        {"HyperParameterTuningJobName": "trip", "HyperParameterTuningJobConfig": {
            "Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}}},
        {"AWS::SageMaker::HyperParameterTuningJob": "HyperParameterTuningJobArn"}),
    Row("sagemaker", "CreateCompilationJob",
        {"CompilationJobName": "trip", "RoleArn": ROLE, "StoppingCondition": {"MaxRuntimeInSeconds": 60},
         "OutputConfig": {"S3OutputLocation": "s3://trip-bucket/b", "TargetDevice": "ml_m5"},
         "InputConfig": {"S3Uri": "s3://trip-bucket/a", "Framework": "XGBOOST"}},
        {"AWS::SageMaker::CompilationJob": "CompilationJobArn"}),
    *(Row("sagemaker", f"Create{kind}JobDefinition",
          {"JobDefinitionName": "trip", f"{kind}AppSpecification": {"ImageUri": "example"} | more, "RoleArn": ROLE,
           f"{kind}JobInput": {"EndpointInput": {"EndpointName": "trip", "LocalPath": "/a"}} | truth,
           f"{kind}JobOutputConfig": {"MonitoringOutputs": [
               {"S3Output": {"S3Uri": "s3://trip-bucket/b", "LocalPath": "/b"}}]},
           "JobResources": {"ClusterConfig": {
               "InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}},
          {f"AWS::SageMaker::{kind}JobDefinition": "JobDefinitionArn"})
      for kind, more, truth in (
          ("DataQuality", {}, {}),
          ("ModelBias", {"ConfigUri": "s3://trip-bucket/c"}, {"GroundTruthS3Input": {"S3Uri": "s3://trip-bucket/d"}}),
          ("ModelExplainability", {"ConfigUri": "s3://trip-bucket/c"}, {}),
          ("ModelQuality", {}, {"GroundTruthS3Input": {"S3Uri": "s3://trip-bucket/d"}}))),
    Row("sagemaker", "CreateAutoMLJobV2",
        {"AutoMLJobName": "trip", "AutoMLJobInputDataConfig": [{"ChannelType": "training", "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://trip-bucket/a"}}}],
         "OutputDataConfig": {"S3OutputPath": "s3://trip-bucket/b"}, "RoleArn": ROLE,
         "AutoMLProblemTypeConfig": {"TabularJobConfig": {
             "TargetAttributeName": "a", "ProblemType": "BinaryClassification",
             "CompletionCriteria": {"MaxCandidates": 1}}},
         "AutoMLJobObjective": {"MetricName": "F1"}},
        {"AWS::SageMaker::AutoMLJob": "AutoMLJobArn"}),
)
