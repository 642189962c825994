"""Whether AWS's services would take each resource of the templates: the sandbox's table of what they refuse (sandbox/rules.py).

Neither cfn-lint nor the emulator knows these rules. The sandbox holds stacks against the same table while it makes them.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import unittest
from typing import Any

import support

sys.path.insert(0, os.path.join(support.ROOT, "sandbox"))

import rules  # noqa: E402
import rules_stacks  # noqa: E402
from rule_checks import Subject  # noqa: E402
from rule_world import Template  # noqa: E402

import schemas  # noqa: E402


def decided(value: Any, branch: int) -> Any:
    """With every Fn::If decided for one branch; what is then AWS::NoValue is gone."""
    if isinstance(value, list):
        return [item for item in (decided(one, branch) for one in value) if item is not None]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        return decided(value["Fn::If"][branch], branch)
    if value == {"Ref": "AWS::NoValue"}:
        return None
    return {name: item for name, item in ((name, decided(one, branch)) for name, one in value.items()) if item is not None}


def refused(template: dict[str, Any]) -> list[str]:
    """What AWS refuses of a template, in words."""
    found = [rules_stacks.template_problem(template)]
    for branch in (1, 2):
        resources = decided(template["Resources"], branch)
        for logical, resource in resources.items():
            kind, properties = resource["Type"], resource.get("Properties") or {}
            found += [f"{logical}: {problem}" for problem in rules_stacks.property_problems(kind, properties)]
            for rule, code, message in rules.broken(Subject(kind, properties, Template(resources), support.ACCOUNT, support.REGION)):
                found.append(f"{logical}: {rule.name}: {code}: {message} ({rule.source})")
    return sorted(set(filter(None, found)))


class Held(unittest.TestCase):
    def test_aws_takes_each_resource(self) -> None:
        for name in support.NAMES:
            with self.subTest(template=name):
                self.assertEqual(refused(support.template(name)), [])

    def test_what_stopped_every_deployment_is_refused(self) -> None:
        """Two queues in one statement, as the template once had it."""
        template = support.template("tagger")
        both = copy.deepcopy(template["Resources"]["RetryQueuePolicy"])
        both["Properties"]["Queues"].append({"Ref": "DeadLetterQueue"})
        both["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] = [
            {"Fn::GetAtt": ["RetryQueue", "Arn"]}, {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}]
        template["Resources"]["OwnQueuesPolicy"] = both
        self.assertEqual(refused(template), [
            "OwnQueuesPolicy: sqs-one-resource: InvalidAttributeValue: Invalid value for the parameter Policy. "
            "(https://github.com/remind101/stacker_blueprints/pull/71)"])

    def test_mistakes_of_each_kind_are_found(self) -> None:
        """By one change of the template each: resource, the path of a property, its value, what is said."""
        for logical, path, value, expected in (
                ("AlarmTopicPolicy", "PolicyDocument.Statement.0.Action", "sns:*", "sns-topic-actions"),
                ("EventsMapping", "MaximumBatchingWindowInSeconds", 0, "lambda-batch-window"),
                ("EventsQueue", "VisibilityTimeout", 20, "lambda-visibility"),
                ("RetryQueue", "MessageRetentionPeriod", 1_209_601, "sqs-attribute-ranges"),
                ("RetryQueue", "QueueName", "a queue", "sqs-queue-name"),
                ("Role", "AssumeRolePolicyDocument.Statement.0.Principal", {"Service": "ec2.amazonaws.com"}, "lambda-role"),
                ("Function", "Environment.Variables.AWS_REGION", "x", "lambda-reserved-variables"),
                ("Function", "Colour", "red", "extraneous key [Colour]"),
                ("Function", "Code", None, "required key [Code]"),
                ("Function", "Handler", {"Ref": "Nobody"}, "Unresolved resource dependencies [Nobody]"),
                ("ReconcileRule", "ScheduleExpression", "rate(1 hours)", "events-schedule")):
            with self.subTest(resource=logical, property=path):
                template = support.template("tagger")
                place: Any = template["Resources"][logical]["Properties"]
                *way, last = path.split(".")
                for name in way:
                    place = place[int(name) if isinstance(place, list) else name]
                place[last] = value
                self.assertTrue(any(expected in line for line in refused(template)), refused(template))

    def test_schemas_are_those_of_the_registry(self) -> None:
        with open(os.path.join(support.ROOT, "sandbox", "properties.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), json.loads(schemas.made()),
                             "run: python templates/tests/schemas.py > sandbox/properties.json")


if __name__ == "__main__":
    unittest.main()
