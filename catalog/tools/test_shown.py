"""The list of describing calls that show more than needed is the policy's, and docs/security.md tells of each service in it."""
from __future__ import annotations

import re
import unittest

import botocore.session

import shown

SECURITY = shown.ROOT / "docs" / "security.md"


class Shown(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.session = botocore.session.Session()
        cls.actions = shown.describing()
        cls.found = shown.shown(cls.actions, cls.session)

    def test_the_list_is_what_policy_and_models_give(self) -> None:
        self.assertEqual(shown.TARGET.read_text(), shown.text(self.actions, self.session), "run: python catalog/tools/shown.py")

    def test_security_md_names_each_service_and_the_number(self) -> None:
        page = SECURITY.read_text()
        self.assertIn(f"{len(self.found)} of {len(self.actions)} describing calls", page)
        section = page[page.index("### What describing shows"):]
        section = section[:section.index("\n#", 5)]
        named = set(re.findall(r"`([a-z0-9-]+)`", section))
        self.assertEqual({action.split(":")[0] for action in self.found} - named, set(), "services that docs/security.md does not name")

    def test_what_is_known_to_tell_is_found(self) -> None:
        for action, member in (("airflow:GetEnvironment", "AirflowConfigurationOptions"), ("cloudformation:DescribeStacks", "Outputs"),
                               ("lightsail:GetContainerServices", "environment"), ("states:DescribeStateMachine", "definition"),
                               ("iam:GetRole", "AssumeRolePolicyDocument"), ("glue:GetConnection", "ConnectionProperties")):
            self.assertTrue(any(member in path for path in self.found[action]), action)
        for action in ("kinesis:DescribeStreamSummary", "codecommit:GetRepository", "ec2:DescribeVolumes"):
            self.assertNotIn(action, self.found, "it shows that a stream, a repository, a volume is there")


if __name__ == "__main__":
    unittest.main()
