"""The round trips' table and what reads it: what can be said about them without an emulator."""

import unittest

import support  # noqa: F401  (finds the sandbox)
from recorder import models
from trips import reading, row, rows

EMULATORS = {"moto", "ministack"}


class Table(unittest.TestCase):
    def test_rows_name_calls_that_exist(self) -> None:
        for entry in rows.ALL:
            names = models.operation_names(entry.service)
            self.assertIn(entry.operation, names, f"the row {entry.service} {entry.operation}")
            if entry.look:
                self.assertIn(entry.look[0], names, f"what the row {entry.service} {entry.operation} looks up")

    def test_every_type_can_be_read(self) -> None:
        for entry in rows.ALL:
            if entry.types:
                read = entry.read or reading.read_of(models.service(entry.service))
                self.assertIsNotNone(read, f"say how the tags of {entry.service} {entry.operation} are read")
                self.assertIn(read.operation, models.operation_names(entry.service))

    def test_gaps_are_of_an_emulator_that_is_run(self) -> None:
        for entry in rows.ALL:
            self.assertLessEqual(set(entry.gaps), EMULATORS, f"{entry.service} {entry.operation}")

    def test_references_are_to_rows_that_come_before(self) -> None:
        before = {"answer", "account"}
        for entry in rows.ALL:
            for name in _names([entry.parameters, entry.look]):
                self.assertIn(name, before, f"the row {entry.service} {entry.operation} refers to ${name}")
            before.add(entry.label)


class Resolving(unittest.TestCase):
    def test_references(self) -> None:
        results = {"vpc": {"Vpc": {"VpcId": "vpc-1"}}}
        self.assertEqual(row.resolve({"A": ["$vpc.Vpc.VpcId", "$schema"]}, results), {"A": ["vpc-1", "$schema"]})
        with self.assertRaisesRegex(row.Missing, "answered without Vpc.Arn"):
            row.resolve("$vpc.Vpc.Arn", results)
        with self.assertRaisesRegex(row.Missing, "subnet was not made"):
            row.resolve("$subnet.Id", results)

    def test_identifiers(self) -> None:
        answer = {"Zone": {"Id": "/hostedzone/Z1"}, "Name": "a"}
        for expression, expected in (("Zone.Id", "/hostedzone/Z1"), ("={last:Zone.Id}", "Z1"),
                                     ("=arn:x/{Name}", "arn:x/a"),
                                     ("=arn:x/{Arn}", None), ("Arn", None), ("=a", "a")):
            self.assertEqual(row.identifier(expression, answer), expected, expression)


class Reading(unittest.TestCase):
    def test_tags_of_every_form(self) -> None:
        for found in ({"a": "b"}, [{"Key": "a", "Value": "b"}], [{"TagKey": "a", "TagValue": "b"}],
                      [{"key": "a", "value": "b"}]):
            self.assertEqual(reading.tags(row.Read("X", tags="T"), {"T": found}), {"a": "b"}, found)
        self.assertEqual(reading.tags(row.Read("X", tags="T"), {}), {})

    def test_the_owner_is_given_as_the_call_takes_it(self) -> None:
        for service, operation, specification, expected in (
                ("sns", "CreateTopic", "", {"Tags": [{"Key": "Owner", "Value": "team"}]}),
                ("kms", "CreateKey", "", {"Tags": [{"TagKey": "Owner", "TagValue": "team"}]}),
                ("logs", "CreateLogGroup", "", {"tags": {"Owner": "team"}}),
                ("ec2", "CreateVpc", "vpc", {"TagSpecifications": [
                    {"ResourceType": "vpc", "Tags": [{"Key": "Owner", "Value": "team"}]}]}),
                ("ec2", "CreateVpc", None, {})):
            shape = models.operation(service, operation).input_shape
            self.assertEqual(reading.with_owner({}, shape, specification), expected, f"{service} {operation}")


def _names(value) -> set[str]:
    if isinstance(value, dict):
        return _names(list(value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*map(_names, value)) if value else set()
    found = row.REFERENCE.match(value) if isinstance(value, str) else None
    return {found[1]} if found else set()
