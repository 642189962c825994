"""Whether AWS would take the templates: cfn-lint, and the limits and promises that it does not know."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unittest
from typing import Any

import cfnlint.helpers

import support


# API Gateway's was seen in reports (xtask/src/codegen/policy.rs), MediaConnect's are operations of its API.
NOT_IN_CFN_LINT = {"tagresource", "tagglobalresource", "listtagsforglobalresource"}


class Form(unittest.TestCase):
    def test_cfn_lint_has_nothing_to_say(self) -> None:
        """For every region of every partition that it knows."""
        lint = os.path.join(os.path.dirname(sys.executable), "cfn-lint")
        for name in support.NAMES:
            with self.subTest(template=name):
                done = subprocess.run([lint, "--format", "json", "--regions", *cfnlint.helpers.REGIONS, "-t", support.path(name)],
                                      capture_output=True, text=True)
                said = json.loads(done.stdout)
                # Its list of IAM actions is older than AWS's, in these and no others; `cargo xtask codegen` holds all actions
                # against a newer one.
                unknown = {re.match("'([a-z]+)' is not one of", one["Message"])[1] for one in said if one["Rule"]["Id"] == "W3037"}
                self.assertEqual([one["Message"] for one in said if one["Rule"]["Id"] != "W3037"], [])
                self.assertEqual(unknown, NOT_IN_CFN_LINT if name == "tagger" else set())

    def test_sizes(self) -> None:
        for name in support.NAMES:
            with self.subTest(template=name):
                # organization.yaml goes with the call; the others are fetched from a bucket.
                most = 51_200 if name == "organization" else 1_000_000
                self.assertLessEqual(os.path.getsize(support.path(name)), most)
                self.assertLessEqual(len(support.template(name)["Resources"]), 500)

    def test_stack_sets_accept_it(self) -> None:
        """No transforms anywhere, also not a macro of one's own."""
        for name in support.NAMES:
            found = support.template(name)
            self.assertNotIn("Transform", found)
            self.assertNotIn("Fn::Transform", json.dumps(found))
            self.assertNotIn("Fn::ForEach", json.dumps(found))

    def test_no_partition_and_no_list_of_regions(self) -> None:
        for name in support.NAMES:
            text = json.dumps({part: support.template(name)[part] for part in ("Conditions", "Resources", "Outputs")})
            self.assertNotRegex(text, r"arn:aws[a-z-]*:", "a partition that is written out")
            self.assertNotIn("amazonaws.com/", text, "an address that is written out")
            self.assertNotRegex(text, r"\b(us|eu|ap|cn|sa|ca|me|af|il|mx)(-gov)?-[a-z]+-\d\b", "a region that is written out")

    def test_a_person_understands_each_parameter(self) -> None:
        for name in support.NAMES:
            found = support.template(name)
            groups = found["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
            grouped = [parameter for group in groups for parameter in group["Parameters"]]
            self.assertEqual(sorted(grouped), sorted(found["Parameters"]), f"{name}: the groups name each parameter once")
            for key, parameter in found["Parameters"].items():
                with self.subTest(template=name, parameter=key):
                    self.assertTrue(parameter.get("AllowedPattern") or parameter.get("AllowedValues"))
                    self.assertTrue(parameter["ConstraintDescription"].endswith("."))
                    self.assertTrue(parameter["Description"].endswith("."))
                    if "AllowedPattern" in parameter and "Default" in parameter:
                        self.assertRegex(parameter["Default"], parameter["AllowedPattern"])

    def test_patterns_of_parameters(self) -> None:
        accepted = {
            "CodeKey": ["0.1.0/bootstrap-arm64.zip"], "TagKey": ["", "CreatedBy", "cost:owner", "A b"],
            "TagValue": ["", "{session|name}", "{name} ({kind})".replace("(", "").replace(")", "")],
            "MoreTags": ["", "CreatedAt={eventTime};Team=platform", "A=b;"], "SkipKinds": ["", "service ci", "service,ci"],
            "ExcludePrincipals": ["", "arn:*:iam::*:role/terraform-* alice"],
            "ExistingTrail": ["", "my-trail", "arn:aws-cn:cloudtrail:cn-north-1:111122223333:trail/t"],
            "QueueOperators": ["none", "arn:aws:iam::111122223333:user/people/alice", "arn:*:iam::*:role/*/Ops,arn:aws-cn:iam::111122223333:role/x"],
            "ReservedConcurrency": ["none", "1", "500"], "QueueKey": ["none", "arn:aws:kms:us-east-1:111122223333:key/mrk-1"],
            "CodeSigningConfig": ["none", "arn:aws:lambda:us-east-1:111122223333:code-signing-config:csc-0123456789abcdef0"],
            "AlarmEmail": ["", "a@example.com"], "AlarmTopicKey": ["none", "new", "arn:aws:kms:us-east-1:111122223333:key/1-2"],
        }
        refused = {
            "CodeKey": ["/x", "a b", ""], "TagKey": ["aws:x", "AWS:x", " x", "x ", "a,b"], "TagValue": ["a,b", "{nme}", "{name", " "],
            "MoreTags": ["Team", "A=b;Team", "=b", "CreatedAt={eventTme}", "Team=a;team=b"], "SkipKinds": ["services", "ci;service"],
            "QueueOperators": ["", "alice", "*", "arn:aws:iam::111122223333:user/a, arn:aws:iam::111122223333:user/b"],
            "ReservedConcurrency": ["0", "", "all"], "QueueKey": ["alias/x", ""], "CodeSigningConfig": ["csc-0123456789abcdef0"],
            "ExistingTrail": ["a trail"], "AlarmEmail": ["nobody", "a@b"], "AlarmTopicKey": ["", "alias/aws/sns"],
        }
        parameters = support.template("tagger")["Parameters"]
        for key, values in accepted.items():
            for value in values:
                self.assertRegex(value, parameters[key]["AllowedPattern"], key)
        for key, values in refused.items():
            for value in values:
                if key == "CodeKey" and value == "/x":
                    continue  # S3 takes it; the text of the constraint is advice.
                self.assertNotRegex(value, parameters[key]["AllowedPattern"], key)

    def test_names_of_the_specification(self) -> None:
        function = support.resources("tagger", "AWS::Lambda::Function")["Function"]
        self.assertEqual((function["FunctionName"], function["Runtime"], function["MemorySize"], function["Timeout"]),
                         ("auto-resource-tagger", "provided.al2023", 256, 30))
        # Nothing is reserved unless somebody says so: a new account has 10 executions in all.
        self.assertEqual(function["ReservedConcurrentExecutions"]["Fn::If"][0::2], ["HasReservedConcurrency", {"Ref": "AWS::NoValue"}])
        self.assertEqual(support.template("tagger")["Parameters"]["ReservedConcurrency"]["Default"], "none")
        role = support.resources("tagger", "AWS::IAM::Role")["Role"]
        # In China, where each region has a function of its own, the region follows.
        self.assertEqual((role["RoleName"]["Fn::If"], role["Policies"][0]["PolicyName"]),
                         (["EachRegionAlone", {"Fn::Sub": "AutoResourceTaggerRole-${AWS::Region}"}, "AutoResourceTaggerRole"],
                          "AutoResourceTaggerPolicy"))
        bucket = support.resources("tagger", "AWS::S3::Bucket")["TrailBucket"]
        self.assertEqual(bucket["BucketName"], {"Fn::Sub": "cloudtrail-logs-${AWS::AccountId}-${AWS::Region}"})
        for name in ("tagger", "forwarder"):
            rules = list(support.patterns(name))
            self.assertEqual(rules[0], "auto-tag-create-resources")
            self.assertEqual(rules[1:], [f"auto-tag-create-resources-{number}" for number in range(2, len(rules) + 1)])

    def test_names_that_an_account_has_once_carry_the_region_in_china(self) -> None:
        """Roles, policies and dashboards are not of a region, and in China each region has all of the stack."""
        for name in ("tagger", "organization"):
            found = support.template(name)
            self.assertEqual(found["Conditions"]["EachRegionAlone"], {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]})
            for logical, resource in found["Resources"].items():
                for key in ("RoleName", "ManagedPolicyName", "DashboardName"):
                    if key in resource.get("Properties", {}):
                        condition, alone, usual = resource["Properties"][key]["Fn::If"]
                        self.assertEqual((condition, alone), ("EachRegionAlone", {"Fn::Sub": usual + "-${AWS::Region}"}), logical)

    def test_rules(self) -> None:
        self.assertEqual(support.patterns("tagger"), support.patterns("forwarder"))
        for name in ("tagger", "forwarder"):
            for rule, pattern in support.patterns(name).items():
                # AWS takes 2,048 of the text that CloudFormation makes of it.
                self.assertLessEqual(len(pattern), 2000, rule)
                found = json.loads(pattern)
                self.assertEqual(found["account"], [support.ACCOUNT])
                self.assertEqual(found["detail"]["errorCode"], [{"exists": False}])
            for rule in support.resources(name, "AWS::Events::Rule").values():
                self.assertEqual(rule["State"], "ENABLED")
                self.assertTrue("account" in rule.get("EventPattern", {}) or "ScheduleExpression" in rule, rule["Name"])
                for target in rule["Targets"]:
                    self.assertIn("RetryPolicy", target)
                    self.assertIn("DeadLetterConfig", target)

    def test_every_variable_of_the_function_is_known_to_it(self) -> None:
        with open(os.path.join(support.ROOT, "docs", "configuration.md"), encoding="utf-8") as file:
            known = set(re.findall(r"`(TAGGER_[A-Z_]+)`", file.read())) - {"TAGGER_CONFIG"}
        variables = support.resources("tagger", "AWS::Lambda::Function")["Function"]["Environment"]["Variables"]
        self.assertEqual({name for name in variables if name.startswith("TAGGER_")}, known)

    def test_reconciling_is_the_same_program(self) -> None:
        functions = support.resources("tagger", "AWS::Lambda::Function")
        live, reconciling = functions["Function"], functions["ReconcileFunction"]
        self.assertEqual((reconciling["FunctionName"], reconciling["Timeout"]), ("auto-resource-tagger-reconcile", {"Ref": "ReconcileTimeout"}))
        # All tries of an hour's run end before the next hour's.
        parameter = support.template("tagger")["Parameters"]["ReconcileTimeout"]
        self.assertEqual((parameter["Default"], parameter["AllowedValues"]), (900, [900, 1800]))
        tries = support.resources("tagger", "AWS::Lambda::EventInvokeConfig")["ReconcileInvokeConfig"]["MaximumRetryAttempts"]
        self.assertEqual(tries, {"Fn::If": ["ReconcilesLong", 1, 2]})
        for member in set(live) - {"FunctionName", "Description", "MemorySize", "Timeout", "ReservedConcurrentExecutions"}:
            self.assertEqual(live[member], reconciling[member], member)
        target, = support.resources("tagger", "AWS::Events::Rule")["ReconcileRule"]["Targets"]
        self.assertEqual(json.loads(target["Input"]), {"tagger": "reconcile"})
        conditions = {logical: found.get("Condition") for logical, found in support.template("tagger")["Resources"].items()}
        self.assertEqual({logical for logical, condition in conditions.items() if condition == "Reconciles"},
                         {logical for logical in conditions if "Reconcile" in logical or "Missed" in logical})

    def test_endpoints_are_chosen_by_the_variables_of_aws(self) -> None:
        """https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html"""
        found = support.template("tagger")
        for logical, function in support.resources("tagger", "AWS::Lambda::Function").items():
            variables = function["Environment"]["Variables"]
            for variable, condition, kind in (("AWS_USE_FIPS_ENDPOINT", "UsesFips", "fips"), ("AWS_USE_DUALSTACK_ENDPOINT", "UsesDualstack", "dualstack")):
                self.assertEqual(variables[variable], {"Fn::If": [condition, "true", {"Ref": "AWS::NoValue"}]}, logical)
                kinds = [one["Fn::Equals"] for one in found["Conditions"][condition]["Fn::Or"]]
                self.assertEqual(kinds, [[{"Ref": "Endpoints"}, kind], [{"Ref": "Endpoints"}, "fips-dualstack"]], logical)

    def test_watching_the_tag_is_the_same_program(self) -> None:
        functions = support.resources("tagger", "AWS::Lambda::Function")
        live, watching = functions["Function"], functions["TagChangesFunction"]
        self.assertEqual((watching["FunctionName"], watching["Timeout"]), ("auto-resource-tagger-tag-changes", 900))
        for member in set(live) - {"FunctionName", "Description", "Timeout", "Environment", "ReservedConcurrentExecutions"}:
            self.assertEqual(live[member], watching[member], member)
        variables = watching["Environment"]["Variables"]
        self.assertEqual(variables, {**live["Environment"]["Variables"], "TAG_CHANGES": {"Ref": "TagChanges"}})
        conditions = {logical: found.get("Condition") for logical, found in support.template("tagger")["Resources"].items()}
        self.assertEqual({logical for logical, condition in conditions.items() if condition == "WatchesTags"},
                         {logical for logical in conditions if logical.startswith("TagChange")})
        # Off by default, so that an account pays for it only where it was asked for.
        for name in support.NAMES:
            self.assertEqual(support.template(name)["Parameters"]["TagChanges"]["Default"], "off", name)
        mapping = support.resources("tagger", "AWS::Lambda::EventSourceMapping")["TagChangesMapping"]
        self.assertEqual((mapping["EventSourceArn"]["Fn::GetAtt"][0], mapping["FunctionName"]["Ref"]),
                         ("TagChangesQueue", "TagChangesFunction"))

    def test_the_role_fits(self) -> None:
        role = support.resources("tagger", "AWS::IAM::Role")["Role"]
        text = json.dumps([policy["PolicyDocument"] for policy in role["Policies"]], separators=(",", ":"))
        # References become ARNs of about this length.
        text = re.sub(r'\{"Fn::GetAtt":\[[^]]*\]\}', '"' + "x" * 110 + '"', text)
        self.assertLessEqual(len(self.substituted(text)), 10_240 - 300)
        managed = support.resources("tagger", "AWS::IAM::ManagedPolicy")
        self.assertGreaterEqual(len(managed), 1)
        for logical, policy in managed.items():
            text = self.substituted(json.dumps(policy["PolicyDocument"], separators=(",", ":")))
            self.assertLessEqual(len(text), 6_144 - 300, logical)

    def substituted(self, text: str) -> str:
        """A policy with the longest values that the parameters take, in the longest region."""
        parameters = support.template("tagger")["Parameters"]
        # Keys of one character each need the most quotes and commas.
        more = parameters["MoreTagKeys"]["MaxLength"]
        keys = ["x" * 127, "auto-resource-tagger-reconciled:*", *["x"] * (more // 2 + 1)]
        text = re.sub(r'\{"Fn::Split":\[",",\{"Fn::Join":.*?\]\]\}\]\}', json.dumps(keys, separators=(",", ":")), text)
        text = text.replace("${AWS::Partition}", "aws-iso-b").replace("${AWS::Region}", "us-isob-northwest-1")
        text = text.replace('{"Ref":"AWS::NoValue"}', "0").replace('{"Ref":"QueueKey"}', '"' + "x" * 110 + '"')
        text = text.replace("${AWS::URLSuffix}", "sc2s.sgov.gov")
        text = re.sub(r'\{"Fn::Sub":("[^"]*")\}', r"\1", text.replace("${AWS::AccountId}", support.ACCOUNT))
        self.assertEqual([match for match in re.findall(r'"(?:Fn::\w+|Ref)"', text) if match != '"Fn::If"'], [], "a length of its own")
        return text

    def test_the_environment_fits(self) -> None:
        """Lambda takes 4 KB, measured as the JSON of names and values.

        The error message shows what is measured: https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594
        """
        parameters = support.template("tagger")["Parameters"]

        def longest(value: Any) -> str:
            if isinstance(value, str):
                return value
            if "Fn::If" in value:
                return max(map(longest, value["Fn::If"][1:]), key=len)
            name = value["Ref"]
            if name == "AWS::NoValue":
                return ""
            if name.endswith("Queue"):
                queue = support.resources("tagger", "AWS::SQS::Queue")[name]["QueueName"]
                # The longest names of a region and of a partition's domain: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
                return f"https://sqs.us-isob-northwest-1.sc2s.sgov.gov/{support.ACCOUNT}/{queue}"
            parameter = parameters[name]
            if "AllowedValues" in parameter:
                return max(map(str, parameter["AllowedValues"]), key=len)
            bounds = [parameter["MaxLength"]] if "MaxLength" in parameter else [
                int(number) for number in re.findall(r"\{0,(\d+)\}", parameter["AllowedPattern"])]
            self.assertEqual(len(bounds), 1, f"{name}: a MaxLength, or one length in its pattern")
            most = bounds[0] + 2 if name == "TagKey" else bounds[0]
            # None of these has a character that JSON or UTF-8 would make longer.
            for text in ("\"", "\\", "\u00e9", "\n"):
                self.assertIsNone(re.fullmatch(parameter["AllowedPattern"], "a=b" + text if name == "MoreTags" else text), name)
            return "x" * most

        for logical, function in support.resources("tagger", "AWS::Lambda::Function").items():
            variables = {name: longest(value) for name, value in function["Environment"]["Variables"].items()}
            self.assertLess(len(json.dumps(variables, separators=(",", ":"))), 4096, logical)

    def test_what_rings_that_nothing_was_tagged(self) -> None:
        """Tagged is 1, 0 or no data for each outcome; two hours of nothing but zeros ring."""
        filters = support.resources("tagger", "AWS::Logs::MetricFilter")

        def matches(pattern: str, outcome: str) -> bool:
            terms = re.findall(r'\(?\$\.outcome (!?=) "([^"]+)"\)?', pattern)
            self.assertGreater(len(terms), 1, pattern)
            found = [(outcome == word or word == "*") == (sign == "=") for sign, word in terms]
            return any(found) if "||" in pattern else all(found)

        for outcome, expected in {"tagged": ["1"], "already-tagged": ["1"], "gone": [], "denied": ["0"], "failed": ["0"],
                                  "unsupported": ["0"], "limit-reached": ["0"], "not-ours": [], "left-alone": []}.items():
            found = [filters[name]["MetricTransformations"][0]["MetricValue"] for name in ("TaggedFilter", "NotTaggedFilter")
                     if matches(filters[name]["FilterPattern"], outcome)]
            self.assertEqual(found, expected, outcome)
        alarm = support.resources("tagger", "AWS::CloudWatch::Alarm")["NothingTaggedAlarm"]
        self.assertEqual((alarm["Period"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]), (3600, 2, "notBreaching"))

    def test_queues_wait_six_timeouts(self) -> None:
        queues = support.resources("tagger", "AWS::SQS::Queue")
        for name, queue in queues.items():
            # The function that looks into the history may take a quarter of an hour.
            timeout = 900 if name == "TagChangesQueue" else 30
            # Lambda asks for the mapping's window on top, which is a second; there is some room.
            window = 10 if name == "EventsQueue" else 0
            self.assertEqual((queue["VisibilityTimeout"], queue["MessageRetentionPeriod"]), (6 * timeout + window, 1_209_600), name)
            # By SQS's own keys, or by the key that somebody names: SQS takes one of both.
            self.assertEqual((queue["SqsManagedSseEnabled"], queue["KmsMasterKeyId"]),
                             ({"Fn::If": ["HasQueueKey", False, True]}, {"Fn::If": ["HasQueueKey", {"Ref": "QueueKey"}, {"Ref": "AWS::NoValue"}]}), name)

    def test_searches_fit(self) -> None:
        """A search of a dashboard may have 1,024 characters."""
        for name in support.NAMES:
            for board in support.resources(name, "AWS::CloudWatch::Dashboard").values():
                body = board["DashboardBody"]
                text = body["Fn::Sub"] if isinstance(body, dict) else body
                for widget in json.loads(text)["widgets"]:
                    for metric in widget["properties"].get("metrics", []):
                        expression = metric[0].get("expression", "") if isinstance(metric[0], dict) else ""
                        self.assertLessEqual(len(expression), 1024, f"{name} {widget['properties']['title']}")

    def test_nobody_comes_without_tls(self) -> None:
        holders = {"AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues"), "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics"),
                   "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket")}
        for name in support.NAMES:
            for kind, (policies, member) in holders.items():
                refused = []
                for policy in support.resources(name, policies).values():
                    held = policy[member] if isinstance(policy[member], list) else [policy[member]]
                    if {"Bool": {"aws:SecureTransport": "false"}} in [
                            statement["Condition"] for statement in policy["PolicyDocument"]["Statement"]
                            if statement["Effect"] == "Deny" and statement["Principal"] == "*"]:
                        refused += [holder["Ref"] for holder in held]
                self.assertEqual(sorted(refused), sorted(support.resources(name, kind)), f"{name} {kind}")

    def test_services_act_for_this_account_only(self) -> None:
        """Each service that a resource's policy lets in is held to a source; lambda.amazonaws.com takes none for a role."""
        for name in support.NAMES:
            for logical, resource in support.template(name)["Resources"].items():
                properties = resource["Properties"]
                for document in (properties.get("PolicyDocument"), properties.get("AssumeRolePolicyDocument")):
                    for statement in (document or {}).get("Statement", []):
                        service = statement.get("Principal")
                        if isinstance(service, dict) and service.get("Service", "lambda.amazonaws.com") != "lambda.amazonaws.com":
                            self.assertRegex(json.dumps(statement.get("Condition", {})), "aws:Source(Arn|Account|OrgID)", logical)

    def test_every_hole_is_filled(self) -> None:
        for name in support.NAMES:
            with open(support.path(name), encoding="utf-8") as file:
                self.assertTrue(support.no_placeholder(file.read()), name)

    def test_the_organization_gives_only_parameters_that_there_are(self) -> None:
        for logical, target in (("Functions", "tagger"), ("Forwarders", "forwarder")):
            stack_set = support.resources("organization", "AWS::CloudFormation::StackSet")[logical]
            given = {parameter["ParameterKey"] for parameter in stack_set["Parameters"]}
            parameters = support.template(target)["Parameters"]
            self.assertLessEqual(given, set(parameters), logical)
            needed = {key for key, parameter in parameters.items() if "Default" not in parameter}
            self.assertLessEqual(needed, given, logical)

    def test_shared_parameters_agree(self) -> None:
        ours, theirs = support.template("tagger")["Parameters"], support.template("organization")["Parameters"]
        for key in set(ours) & set(theirs):
            for part in ("Type", "Default", "AllowedPattern", "AllowedValues", "ConstraintDescription"):
                self.assertEqual(ours[key].get(part), theirs[key].get(part), f"{key} {part}")


if __name__ == "__main__":
    unittest.main()
