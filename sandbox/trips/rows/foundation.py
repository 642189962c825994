"""What other rows need: networks, roles, keys, buckets, streams, log groups."""

from ..row import Read, Row

TRUST = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},'
         '"Action":"sts:AssumeRole"}]}')

ROWS = (
    Row("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}, {"AWS::EC2::VPC": "Vpc.VpcId"}, owner="vpc", name="vpc"),
    Row("ec2", "CreateSubnet", {"VpcId": "$vpc.Vpc.VpcId", "CidrBlock": "10.0.1.0/24",
        "AvailabilityZone": "us-east-1a"},
        {"AWS::EC2::Subnet": "Subnet.SubnetId"}, owner="subnet", name="subnet"),
    Row("ec2", "CreateSubnet", {"VpcId": "$vpc.Vpc.VpcId", "CidrBlock": "10.0.2.0/24",
        "AvailabilityZone": "us-east-1b"},
        name="subnet2"),
    Row("ec2", "CreateSecurityGroup", {"VpcId": "$vpc.Vpc.VpcId", "GroupName": "trip", "Description": "trip"},
        {"AWS::EC2::SecurityGroup": "GroupId"}, owner="security-group", name="group"),
    Row("iam", "CreateRole", {"RoleName": "trip", "AssumeRolePolicyDocument": TRUST},
        {"AWS::IAM::Role": "Role.RoleName"}, name="role",
        read=Read("ListRoleTags", "RoleName", "Tags")),
    Row("kms", "CreateKey", {}, {"AWS::KMS::Key": "KeyMetadata.KeyId"}, name="key"),
    Row("s3", "CreateBucket", {"Bucket": "trip-bucket"}, {"AWS::S3::Bucket": "=trip-bucket"}, name="bucket"),
    Row("kinesis", "CreateStream", {"StreamName": "trip", "ShardCount": 1}, {"AWS::Kinesis::Stream": "=trip"},
        name="stream"),
    Row("logs", "CreateLogGroup", {"logGroupName": "/trip/group"}, 
        {"AWS::Logs::LogGroup": "logGroups[0].logGroupArn"},
        look=("DescribeLogGroups", {"logGroupNamePrefix": "/trip/group"}), name="loggroup"),
)
