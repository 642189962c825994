"""What the function's role may do and may not do, as the emulator's IAM evaluates the deployed policies."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import support
import test_stack

ARN = f"arn:aws:%s:{support.REGION}:{support.ACCOUNT}:%s"
ROLE = f"arn:aws:iam::{support.ACCOUNT}:role/AutoResourceTaggerRole"
FUNCTION = ARN % ("lambda", "function:auto-resource-tagger")
TRAIL = ARN % ("cloudtrail", "trail/auto-resource-tagger")
ANY = "*"

# Create, delete, read data, pass roles, touch itself, untag; some things on resources that it may touch otherwise.
REFUSED = [
    ("iam:PassRole", ROLE), ("iam:PutRolePolicy", ROLE), ("iam:AttachRolePolicy", ROLE), ("iam:UpdateAssumeRolePolicy", ROLE),
    ("iam:DeleteRole", ROLE), ("iam:CreateUser", ANY), ("iam:CreateAccessKey", ANY), ("iam:CreateRole", ANY),
    ("iam:CreatePolicyVersion", ANY), ("iam:UntagRole", ANY), ("iam:ListUsers", ANY),
    ("sts:AssumeRole", ANY), ("lambda:UpdateFunctionCode", FUNCTION), ("lambda:UpdateFunctionConfiguration", FUNCTION),
    ("lambda:InvokeFunction", FUNCTION), ("lambda:DeleteFunction", FUNCTION), ("lambda:AddPermission", FUNCTION),
    ("lambda:UntagResource", ANY), ("lambda:CreateFunction", ANY), ("lambda:GetFunction", ANY),
    ("events:PutRule", ANY), ("events:DisableRule", ANY), ("events:PutTargets", ANY), ("events:PutEvents", ANY),
    ("cloudtrail:StopLogging", TRAIL), ("cloudtrail:DeleteTrail", TRAIL), ("cloudtrail:UpdateTrail", TRAIL),
    ("cloudtrail:PutEventSelectors", TRAIL), ("cloudtrail:RemoveTags", TRAIL),
    ("s3:GetObject", ANY), ("s3:PutObject", ANY), ("s3:DeleteObject", ANY), ("s3:ListBucket", ANY), ("s3:DeleteBucket", ANY),
    ("s3:CreateBucket", ANY), ("s3:PutBucketPolicy", ANY), ("s3:DeleteBucketTagging", ANY), ("s3:PutObjectTagging", ANY),
    ("dynamodb:GetItem", ANY), ("dynamodb:Scan", ANY), ("dynamodb:DeleteTable", ANY), ("dynamodb:UntagResource", ANY),
    ("secretsmanager:GetSecretValue", ANY), ("secretsmanager:PutSecretValue", ANY), ("ssm:GetParameter", ANY),
    ("ssm:SendCommand", ANY), ("kms:Decrypt", ANY), ("kms:CreateGrant", ANY), ("kms:ScheduleKeyDeletion", ANY),
    ("ec2:RunInstances", ANY), ("ec2:TerminateInstances", ANY), ("ec2:DeleteTags", ANY), ("ec2:CreateSnapshot", ANY),
    ("ec2:ModifyInstanceAttribute", ANY), ("ec2:GetPasswordData", ANY), ("rds:DeleteDBInstance", ANY),
    ("rds:RemoveTagsFromResource", ANY), ("sns:Publish", ANY), ("sns:DeleteTopic", ANY), ("sns:UntagResource", ANY),
    ("sqs:UntagQueue", ANY), ("sqs:DeleteQueue", ARN % ("sqs", "auto-resource-tagger-retry")),
    ("sqs:PurgeQueue", ARN % ("sqs", "auto-resource-tagger-dead-letters")),
    ("sqs:ReceiveMessage", ARN % ("sqs", "auto-resource-tagger-dead-letters")),
    ("sqs:ReceiveMessage", ARN % ("sqs", "somebody-elses")), ("sqs:SendMessage", ARN % ("sqs", "somebody-elses")),
    ("logs:PutLogEvents", ARN % ("logs", "log-group:/aws/lambda/somebody-elses:log-stream:x")),
    ("logs:GetLogEvents", ARN % ("logs", "log-group:/aws/lambda/auto-resource-tagger:log-stream:x")),
    ("logs:DeleteLogGroup", ARN % ("logs", "log-group:/aws/lambda/auto-resource-tagger")), ("logs:CreateLogGroup", ANY),
    ("cloudwatch:DeleteAlarms", ANY), ("cloudwatch:PutMetricData", ANY), ("ecr:GetAuthorizationToken", ANY),
    ("eks:UpdateClusterConfig", ANY), ("cloudformation:UpdateStack", ANY), ("organizations:LeaveOrganization", ANY),
    ("apigateway:POST", "arn:aws:apigateway:us-east-1::/restapis"), ("apigateway:PUT", "arn:aws:apigateway:us-east-1::/restapis/x"),
    ("apigateway:GET", "arn:aws:apigateway:us-east-1::/apikeys"), ("tag:UntagResources", ANY),
    # Without keys of tags in the request it changes an API.
    ("apigateway:PATCH", "arn:aws:apigateway:us-east-1::/restapis/x"), ("apigateway:UntagResource", "arn:aws:apigateway:us-east-1::/restapis/x"),
    ("apigateway:DELETE", "arn:aws:apigateway:us-east-1::/restapis/x"),
]
ALLOWED = [
    ("ec2:CreateTags", ANY), ("sqs:TagQueue", ANY), ("s3:PutBucketTagging", "arn:aws:s3:::somebodys"), ("lambda:TagResource", ANY),
    ("dynamodb:TagResource", ANY), ("sns:TagResource", ANY), ("rds:AddTagsToResource", ANY), ("elasticache:AddTagsToResource", ANY),
    ("cloudtrail:LookupEvents", ANY), ("ec2:DescribeRegions", ANY), ("tag:GetResources", ANY),
    ("apigateway:PUT", "arn:aws:apigateway:eu-west-1::/tags/arn%3Aaws%3Aapigateway"),
    ("apigateway:POST", "arn:aws:apigateway:eu-west-1::/v2/tags/arn%3Aaws%3Aapigateway"),
    ("apigateway:TagResource", "arn:aws:apigateway:eu-west-1::/apis/x/stages/y"),
    ("sqs:SendMessage", ARN % ("sqs", "auto-resource-tagger-retry")),
    ("sqs:SendMessage", ARN % ("sqs", "auto-resource-tagger-dead-letters")),
    ("sqs:ChangeMessageVisibility", ARN % ("sqs", "auto-resource-tagger-retry")),
    ("sqs:DeleteMessage", ARN % ("sqs", "auto-resource-tagger-events")),
    ("logs:PutLogEvents", ARN % ("logs", "log-group:/aws/lambda/auto-resource-tagger:log-stream:x")),
]


class Role(test_stack.StackTest):
    def decisions(self, actions: list[str], resource: str, keys: list[str], function: str = FUNCTION) -> dict[str, str]:
        """By action, for a request that carries these keys of tags and comes from this function."""
        carried = [{"ContextKeyName": "lambda:SourceFunctionArn", "ContextKeyType": "string", "ContextKeyValues": [function]}]
        if keys:
            carried.append({"ContextKeyName": "aws:TagKeys", "ContextKeyType": "stringList", "ContextKeyValues": keys})
        answer: Any = self.cloud.client("iam").simulate_principal_policy(
            PolicySourceArn=ROLE, ActionNames=actions, ResourceArns=[resource], ContextEntries=carried)
        return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}

    def decision(self, action: str, resource: str, *keys: str) -> str:
        return self.decisions([action], resource, list(keys))[action]

    def test_least_privilege(self) -> None:
        self.change("CREATE", **test_stack.PARAMETERS, Delivery="queue")
        self.assertGreaterEqual(len(REFUSED), 80, "docs/security.md and templates/README.md say so")
        for action, resource in ALLOWED:
            with self.subTest(action=action, resource=resource):
                self.assertEqual(self.decision(action, resource, "CreatedBy"), "allowed")
        for action, resource in REFUSED:
            with self.subTest(action=action, resource=resource):
                self.assertEqual(self.decision(action, resource), "implicitDeny")

    def test_only_its_own_keys_and_only_from_its_functions(self) -> None:
        """Every action that tells IAM its keys is refused with another key; every tagging action is, from another function."""
        with open(os.path.join(support.ROOT, "templates", "policy.json"), encoding="utf-8") as file:
            stated = {statement["Sid"]: statement for statement in json.load(file)["Statement"]}
        self.change("CREATE", **test_stack.PARAMETERS, MoreTags="Team=platform;CreatedAt={eventTime}", MoreTagKeys="Team,CreatedAt")
        # Reading by the tagging API is for reconciling, too, and allowed there without a condition.
        told = sorted({*stated["TagAndReadTags"]["Action"]} - {*stated["Reconcile"]["Action"]})
        untold = {"dax:TagResource": ARN % ("dax", "cache/x"), "glacier:AddTagsToVault": ARN % ("glacier", "vaults/x"),
                  "route53:ChangeTagsForResource": "arn:aws:route53:::hostedzone/x", "s3:PutBucketTagging": "arn:aws:s3:::x",
                  "securityhub:TagResource": ARN % ("securityhub", "hub/default")}
        self.assertEqual(sorted(untold), sorted(stated["TagWithoutTellingKeys"]["Action"]))
        self.assertGreater(len(told), 700)
        other = ARN % ("lambda", "function:somebody-elses")
        for keys, function, expected in (
            (["CreatedBy"], FUNCTION, "allowed"),
            (["CreatedBy", "Team", "CreatedAt"], FUNCTION, "allowed"),
            (["auto-resource-tagger-reconciled:us-east-1"], f"{FUNCTION}-reconcile", "allowed"),
            (["CreatedBy"], f"{FUNCTION}-tag-changes", "allowed"),
            ([], FUNCTION, "allowed"),
            (["Admin"], FUNCTION, "implicitDeny"),
            (["CreatedBy", "Admin"], FUNCTION, "implicitDeny"),
            (["createdby"], FUNCTION, "implicitDeny"),
            (["CreatedBy"], other, "implicitDeny"),
            (["CreatedBy"], f"{FUNCTION}-2", "implicitDeny"),
        ):
            with self.subTest(keys=keys, function=function):
                found = self.decisions(told, ANY, keys, function)
                self.assertEqual({action for action in told if found[action] != expected}, set(), f"not {expected}")
        for function, expected in ((FUNCTION, "allowed"), (other, "implicitDeny")):
            for action, resource in untold.items():
                found = self.decisions([action], resource, ["Admin"], function)[action]
                self.assertEqual(found, expected, f"{action}: its keys cannot be seen, the function can")
        self.assertEqual(self.decision("dax:TagResource", ARN % ("sqs", "x"), "CreatedBy"), "implicitDeny", "resources of five services only")

    def test_an_api_is_tagged_and_not_changed(self) -> None:
        """What API Gateway asks for on the resource itself: https://github.com/iann0036/iam-dataset/pull/39."""
        role = support.resources("tagger", "AWS::IAM::Role")["Role"]
        found = {statement["Sid"]: statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]
                 if "Fn::If" not in statement and any(action.startswith("apigateway:") for action in statement["Action"])}
        self.assertEqual(sorted(found), ["PatchTagsOfApis", "TagApis", "TagResourcesOfApis"])
        below_tags = [{"Fn::Sub": f"arn:${{AWS::Partition}}:apigateway:*::/{path}/*"} for path in ("tags", "v2/tags")]
        anything = {"Fn::Sub": "arn:${AWS::Partition}:apigateway:*::/*"}
        for sid, (actions, resource, condition) in {
            "TagApis": (["apigateway:GET", "apigateway:POST", "apigateway:PUT"], below_tags, None),
            "PatchTagsOfApis": (["apigateway:PATCH"], anything, {"aws:TagKeys": "*"}),
            "TagResourcesOfApis": (["apigateway:TagResource"], anything, None),
        }.items():
            statement = found[sid]
            self.assertEqual((statement["Action"], statement["Resource"], statement["Condition"].get("ForAnyValue:StringLike")),
                             (actions, resource, condition), sid)
            self.assertEqual({"ForAllValues:StringLike", "ArnLike"} - statement["Condition"].keys(), set(), sid)

    def test_every_action_is_one_for_tags(self) -> None:
        """On any resource it may tag and read tags; what else it may is listed here, with what it is for."""
        # When a resource was made, or its id, so that one made again under the same name is not taken for it; and what
        # a new instance or image brought with it. Each stands in docs/iam-policy.md with its reason.
        with open(os.path.join(support.ROOT, "docs", "iam-policy.md"), encoding="utf-8") as file:
            explained = file.read()
        reads_data = {"s3:GetObject", "secretsmanager:GetSecretValue", "ssm:GetParameter", "dynamodb:GetItem", "logs:GetLogEvents",
                      "lambda:GetFunction", "kinesis:GetRecords", "sqs:ReceiveMessage", "transcribe:GetTranscriptionJob",
                      "osis:GetPipeline", "apigateway:GET"}
        role = support.resources("tagger", "AWS::IAM::Role")["Role"]
        statements = [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]
        # What reconciling needs goes when it is off.
        reconciling = [statement["Fn::If"][1] for statement in statements if "Fn::If" in statement]
        self.assertEqual([statement["Sid"] for statement in reconciling], ["Reconcile", "UseQueueKey"])
        with_key = reconciling.pop()
        self.assertEqual((with_key["Resource"], with_key["Action"]), ({"Ref": "QueueKey"}, ["kms:Decrypt", "kms:GenerateDataKey"]))
        self.assertEqual(list(with_key["Condition"]["StringEquals"]), ["kms:ViaService"], "the key for SQS only")
        self.assertEqual(reconciling[0]["Action"], ["ec2:DescribeRegions", "tag:GetResources"])
        statements = [statement for statement in statements if "Fn::If" not in statement] + reconciling
        for policy in support.resources("tagger", "AWS::IAM::ManagedPolicy").values():
            statements += policy["PolicyDocument"]["Statement"]
        anywhere = [action for statement in statements if statement["Resource"] == "*" for action in statement["Action"]]
        self.assertIn("ec2:CreateTags", anywhere)
        for action in anywhere:
            name = action.split(":")[1]
            # When a bucket was made is told by the list of buckets alone.
            describes = re.match("^(Get|Describe|Lookup)[A-Z]", name) or action == "s3:ListAllMyBuckets"
            self.assertTrue("Tag" in name or describes, f"{action} is neither for tags nor describes")
            self.assertIn(f"`{action}`", explained)
            self.assertNotIn(action, reads_data)
            self.assertNotRegex(name, "^(Untag|Remove|Delete)", action)
            self.assertNotIn("*", action)


if __name__ == "__main__":
    import unittest

    unittest.main()
