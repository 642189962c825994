"""The deployed patterns against every sample of the catalog, by the emulator's pattern matcher: not one of ours.

Rules see neither `readOnly` nor a request's parameters that mean a dry run, so that they may admit records that the
function then leaves alone. What they must do: admit all that has something to tag, refuse what failed and what nobody
asked for.
"""

from __future__ import annotations

import json
import os
import re

import support

SAMPLES = os.path.join(support.ROOT, "catalog", "samples")
# Plans without actions that a rule can and must tell by itself.
REFUSED = {"failed-call", "unknown-event"}


def as_sent(record: dict) -> dict:
    """Some samples come from a tool that writes `"errorCode": null`; CloudTrail leaves the member out."""
    return {key: value for key, value in record.items() if value is not None or key not in ("errorCode", "errorMessage")}


def may_admit(pattern: str, name: str) -> bool:
    """Whether a pattern, minified, names an event at all, by itself or by its beginning: the others need not be asked."""
    return f'"{name}"' in pattern or any(name.startswith(text) for text in re.findall(r'"prefix":"([^"]*)"', pattern))


def samples() -> list[tuple[str, dict, dict]]:
    found = []
    for folder, _, files in sorted(os.walk(SAMPLES)):
        for name in sorted(files):
            if name.endswith(".json") and not name.endswith(".plan.json"):
                stem = os.path.join(folder, name[: -len(".json")])
                with open(stem + ".json", encoding="utf-8") as record, open(stem + ".plan.json", encoding="utf-8") as plan:
                    found.append((os.path.relpath(stem, SAMPLES), as_sent(json.load(record)["record"]), json.load(plan)))
    return found


class Rules(support.CloudTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.events = cls.cloud.client("events")
        cls.patterns = support.patterns("tagger")

    def admitting(self, record: dict, account: str = support.ACCOUNT, kind: str = "AWS API Call via CloudTrail",
                  source: str | None = None, ask_all: bool = False) -> list[str]:
        event = json.dumps({
            "version": "0", "id": "1", "detail-type": kind,
            "source": source or "aws." + record["eventSource"].split(".")[0],
            "account": account, "time": record.get("eventTime", "2026-11-24T00:00:00Z"),
            "region": record.get("awsRegion", support.REGION), "resources": [], "detail": record})
        return [name for name, pattern in self.patterns.items()
                if (ask_all or may_admit(pattern, record["eventName"]))
                and self.events.test_event_pattern(EventPattern=pattern, Event=event)["Result"]]

    def test_a_rule_that_does_not_name_an_event_does_not_admit_it(self) -> None:
        """So only those that do are asked about each sample; here all are, about a sample of every twelfth service."""
        one_each = {name.split(os.sep)[0]: record for name, record, _ in samples()}
        for service, record in list(one_each.items())[::12]:
            self.assertEqual(self.admitting(record), self.admitting(record, ask_all=True), service)

    def test_samples(self) -> None:
        admitted = refused = free = 0
        for name, record, plan in samples():
            with self.subTest(sample=name):
                rules = self.admitting(record)
                codes = {diagnostic["code"] for diagnostic in plan["diagnostics"]}
                if plan["actions"]:
                    self.assertEqual(len(rules), 1, "exactly one rule admits it, so that it is tagged once")
                    admitted += 1
                elif codes & REFUSED:
                    self.assertEqual(rules, [])
                    refused += 1
                else:
                    self.assertLessEqual(len(rules), 1)
                    free += 1
        self.assertGreater(admitted, 0)
        self.assertGreater(refused, 0)
        print(f"samples: {admitted} with something to tag admitted, {refused} refused, {free} left to the function")

    def test_what_is_refused(self) -> None:
        record = next(record for name, record, _ in samples() if name == os.path.join("sqs", "CreateQueue"))
        self.assertEqual(len(self.admitting(record)), 1)
        noise = {
            "a failed call": {**record, "errorCode": "AccessDenied"},
            "the same name in another service": {**record, "eventSource": "lambda.amazonaws.com"},
            "another name": {**record, "eventName": "DeleteQueue"},
            "a tagging call": {**record, "eventName": "TagQueue"},
            "a longer name": {**record, "eventName": "CreateQueueNow"},
        }
        for what, changed in noise.items():
            with self.subTest(what):
                self.assertEqual(self.admitting(changed), [])
        self.assertEqual(self.admitting(record, source="my.app"), [], "an event that anybody can put on the bus")
        self.assertEqual(self.admitting(record, account="999999999999"), [], "an event of another account")
        self.assertEqual(self.admitting(record, kind="AWS Console Sign In via CloudTrail"), [], "an event of another kind")

    def test_alarms_of_other_regions_reach_the_topic_once(self) -> None:
        """The forwarder's rule takes its own region's alarms, the home region's those that come from elsewhere."""
        def pattern(name: str, logical: str, region: str) -> str:
            text = json.dumps(support.resources(name, "AWS::Events::Rule")[logical]["EventPattern"])
            return text.replace('{"Ref": "AWS::AccountId"}', f'"{support.ACCOUNT}"').replace('{"Ref": "AWS::Region"}', f'"{region}"')

        def admits(rule: str, region: str, alarm: str = "auto-resource-tagger-undelivered", state: str = "ALARM") -> bool:
            event = {"version": "0", "id": "1", "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
                     "account": support.ACCOUNT, "time": "2026-11-24T00:00:00Z", "region": region, "resources": [],
                     "detail": {"alarmName": alarm, "state": {"value": state}}}
            return self.events.test_event_pattern(EventPattern=rule, Event=json.dumps(event))["Result"]

        there = pattern("forwarder", "AlarmRule", "eu-west-1")
        here = pattern("tagger", "AlarmsOfOtherRegions", support.REGION)
        self.assertTrue(admits(there, "eu-west-1") and admits(here, "eu-west-1"))
        self.assertFalse(admits(here, support.REGION), "the home region's alarms publish by themselves")
        self.assertFalse(admits(there, "eu-west-1", state="OK") or admits(there, "eu-west-1", alarm="somebody-else"))

    def test_changes_of_the_tag(self) -> None:
        """AWS's own example of the event with our key in it; both regions' rules, with the default key and with another."""
        def pattern(name: str, key: str) -> str:
            text = json.dumps(support.resources(name, "AWS::Events::Rule")["TagChangesRule"]["EventPattern"])
            chosen = '{"Fn::If": ["HasTagKey", {"Ref": "TagKey"}, "CreatedBy"]}'
            self.assertIn(chosen, text)
            text = text.replace('{"Ref": "AWS::AccountId"}', f'"{support.ACCOUNT}"')
            return text.replace('{"Ref": "AWS::Region"}', '"eu-west-1"').replace(chosen, json.dumps(key))

        def admits(rule: str, keys: list[str], **changed: object) -> bool:
            event = {
                "version": "0", "id": "1", "detail-type": "Tag Change on Resource", "source": "aws.tag",
                "account": support.ACCOUNT, "time": "2026-11-24T08:30:00Z", "region": "eu-west-1",
                "resources": [f"arn:aws:ec2:eu-west-1:{support.ACCOUNT}:instance/i-0000000aaaaaaaaaa"],
                "detail": {"changed-tag-keys": keys, "service": "ec2", "resource-type": "instance", "version": 3,
                           "tags": {"an-unchanged-key": "x"}}, **changed}
            return self.events.test_event_pattern(EventPattern=rule, Event=json.dumps(event))["Result"]

        for name in ("tagger", "forwarder"):
            for key in ("CreatedBy", "cost:owner", "A b"):
                with self.subTest(template=name, key=key):
                    rule = pattern(name, key)
                    self.assertTrue(admits(rule, [key]) and admits(rule, ["a-new-key", key]))
                    self.assertFalse(admits(rule, ["a-new-key"]), "another key")
                    self.assertFalse(admits(rule, [key], account="999999999999"), "an event of another account")
                    self.assertFalse(admits(rule, [key], source="my.app"), "an event that anybody can put on the bus")
        self.assertTrue(admits(pattern("tagger", "CreatedBy"), ["CreatedBy"], region="ap-south-1"), "what a forwarder sent")
        self.assertFalse(admits(pattern("forwarder", "CreatedBy"), ["CreatedBy"], region="ap-south-1"))


if __name__ == "__main__":
    import unittest

    unittest.main()
