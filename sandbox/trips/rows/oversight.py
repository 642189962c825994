"""What an account is run with: Config, log deliveries, budgets, cost reports, signing profiles, directories."""

from ..row import Read, Row

ROLE = "$role.Role.Arn"
ACCOUNT = "111122223333"

ROWS = (
    Row("config", "PutAggregationAuthorization",
        {"AuthorizedAccountId": "444455556666", "AuthorizedAwsRegion": "us-east-1"},
        {"AWS::Config::AggregationAuthorization": "AggregationAuthorization.AggregationAuthorizationArn"}),
    Row("config", "PutConfigurationAggregator",
        {"ConfigurationAggregatorName": "trip",
         "AccountAggregationSources": [{"AccountIds": ["444455556666"], "AllAwsRegions": True}]},
        {"AWS::Config::ConfigurationAggregator": "ConfigurationAggregator.ConfigurationAggregatorArn"}),
    Row("logs", "PutDeliverySource",
        {"name": "trip-tagged", "resourceArn": "arn:aws:cloudfront::111122223333:distribution/E223456789ABCD",
         "logType": "ACCESS_LOGS"}, {"AWS::Logs::DeliverySource": "deliverySource.arn"}),
    Row("logs", "PutDeliveryDestination",
        {"name": "trip-tagged",
         "deliveryDestinationConfiguration": {"destinationResourceArn": "arn:aws:s3:::trip-bucket"}},
        {"AWS::Logs::DeliveryDestination": "deliveryDestination.arn"}),
    Row("logs", "PutDestination",
        {"destinationName": "trip", "roleArn": ROLE,
         "targetArn": "arn:aws:kinesis:us-east-1:111122223333:stream/trip"},
        {"AWS::Logs::Destination": "destination.arn"}),
    Row("budgets", "CreateBudget",
        {"AccountId": ACCOUNT, "Budget": {"BudgetName": "trip", "TimeUnit": "MONTHLY", "BudgetType": "COST",
                                          "BudgetLimit": {"Amount": "10", "Unit": "USD"}},
         "ResourceTags": [{"Key": "Owner", "Value": "team"}]},
        {"AWS::Budgets::Budget": "=arn:aws:budgets::111122223333:budget/trip"}),
    Row("cur", "PutReportDefinition", {"ReportDefinition": {
        "ReportName": "trip", "TimeUnit": "DAILY", "Format": "textORcsv", "Compression": "GZIP",
        "AdditionalSchemaElements": [], "S3Bucket": "trip-bucket", "S3Prefix": "a", "S3Region": "us-east-1"}},
        {"AWS::CUR::ReportDefinition": "=trip"}, read=Read("ListTagsForResource", "ReportName", "Tags")),
    Row("signer", "PutSigningProfile", {"profileName": "trip", "platformId": "AWSLambda-SHA384-ECDSA"},
        {"AWS::Signer::SigningProfile": "arn"}),
    Row("ds", "ConnectDirectory",
        {"Name": "connector.example.com", "Password": "Trip-password-1", "Size": "Small", "ConnectSettings": {
            "VpcId": "$vpc.Vpc.VpcId", "SubnetIds": ["$subnet.Subnet.SubnetId", "$subnet2.Subnet.SubnetId"],
            "CustomerDnsIps": ["10.0.0.2"], "CustomerUserName": "trip"}},
        {"AWS::DirectoryService::ADConnector": "DirectoryId"}),
)
