"""What Auto Scaling groups and fleets launch: real instances, and records of the calls by the service (patches_launches.py)."""

from __future__ import annotations

import json
import unittest

from support import ACCOUNT, REGION, Cloud, wait

import people


class Launches(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.stop)
        root = people.Cloud(cls.cloud.endpoint, REGION, ACCOUNT, "test")
        keys = people.make_people(root, cls.cloud.endpoint, ACCOUNT, REGION)[0]["environment"]
        alice = people.Cloud(cls.cloud.endpoint, REGION, keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"])
        cls.ec2, cls.groups, cls.formation = alice.client("ec2"), alice.client("autoscaling"), alice.client("cloudformation")
        cls.template = cls.ec2.create_launch_template(LaunchTemplateName="t", LaunchTemplateData={
            "ImageId": "ami-12345678", "InstanceType": "t3.micro", "TagSpecifications": [
                {"ResourceType": "volume", "Tags": [{"Key": "Disk", "Value": "root"}]}]})["LaunchTemplate"]["LaunchTemplateId"]

    def calls(self, service: str, event: str, text: str) -> list[dict]:
        return [found for found in self.cloud.records() if found["userIdentity"].get("invokedBy") == service
                and found["eventName"] == event and text in json.dumps(found)]

    def of_group(self, name: str) -> list[dict]:
        found = self.groups.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
        names = [instance["InstanceId"] for group in found for instance in group["Instances"]]
        if not names:
            return []
        return [instance for reservation in self.ec2.describe_instances(InstanceIds=names)["Reservations"]
                for instance in reservation["Instances"]]

    def check_launch(self, name: str, instance: str) -> None:
        found = self.calls("autoscaling.amazonaws.com", "RunInstances", instance)
        self.assertEqual(len(found), 1)
        identity, request = found[0]["userIdentity"], found[0]["requestParameters"]
        # As in a record of March 2026 (eventVersion 1.11) in a public repository of course notes.
        self.assertEqual(identity["arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling")
        self.assertEqual(identity["sessionContext"]["sessionIssuer"]["arn"],
                         f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
        self.assertEqual((found[0]["sourceIPAddress"], found[0]["userAgent"]), ("autoscaling.amazonaws.com",) * 2)
        self.assertEqual(request["launchTemplate"], {"launchTemplateId": self.template, "version": "1"})
        self.assertIn({"key": "aws:autoscaling:groupName", "value": name}, request["tagSpecificationSet"]["items"][0]["tags"])
        self.assertEqual(request["instancesSet"]["items"], [{"minCount": 1, "maxCount": 1}])
        self.assertEqual(found[0]["responseElements"]["instancesSet"]["items"][0]["instanceId"], instance)

    def test_a_group_launches_grows_shrinks_and_goes(self) -> None:
        self.groups.create_auto_scaling_group(
            AutoScalingGroupName="g", MinSize=1, MaxSize=3, AvailabilityZones=["us-east-1b"], Tags=[
                {"Key": "Team", "Value": "x", "PropagateAtLaunch": True}, {"Key": "Not", "Value": "x", "PropagateAtLaunch": False}],
            LaunchTemplate={"LaunchTemplateId": self.template, "Version": "1"})
        first, = self.of_group("g")
        self.check_launch("g", first["InstanceId"])
        tags = {tag["Key"]: tag["Value"] for tag in first["Tags"]}
        self.assertEqual({key: tags.get(key) for key in ("aws:autoscaling:groupName", "Team", "Not")},
                         {"aws:autoscaling:groupName": "g", "Team": "x", "Not": None})
        self.assertEqual(first["Placement"]["AvailabilityZone"], "us-east-1b")
        volume = first["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        self.assertEqual(self.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Tags"], [{"Key": "Disk", "Value": "root"}])
        self.assertTrue(first["NetworkInterfaces"])
        self.groups.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=2)
        second = next(found for found in self.of_group("g") if found["InstanceId"] != first["InstanceId"])
        self.check_launch("g", second["InstanceId"])
        self.groups.set_desired_capacity(AutoScalingGroupName="g", DesiredCapacity=1)
        self.assertEqual([found["InstanceId"] for found in self.of_group("g")], [first["InstanceId"]])
        self.groups.delete_auto_scaling_group(AutoScalingGroupName="g", ForceDelete=True)
        for name in (first["InstanceId"], second["InstanceId"]):
            self.assertEqual(len(self.calls("autoscaling.amazonaws.com", "TerminateInstances", name)), 1)

    def test_a_stacks_group(self) -> None:
        self.formation.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"Group": {
            "Type": "AWS::AutoScaling::AutoScalingGroup", "Properties": {
                "AutoScalingGroupName": "of-a-stack", "MinSize": "1", "MaxSize": "1", "AvailabilityZones": ["us-east-1a"],
                "LaunchTemplate": {"LaunchTemplateId": self.template, "Version": "1"}}}}}))
        instance = wait(lambda: self.of_group("of-a-stack"), what="an instance")[0]
        self.check_launch("of-a-stack", instance["InstanceId"])
        # The stack's tags are the group's, not the instance's: nobody said that they are passed on.
        self.assertNotIn("aws:cloudformation:stack-id", {tag["Key"] for tag in instance["Tags"]})
        self.formation.delete_stack(StackName="s")
        wait(lambda: self.calls("autoscaling.amazonaws.com", "TerminateInstances", instance["InstanceId"]), what="its end")

    def test_an_instant_fleet_is_in_its_callers_name(self) -> None:
        made = self.ec2.create_fleet(Type="instant", TargetCapacitySpecification={
            "TotalTargetCapacity": 2, "DefaultTargetCapacityType": "on-demand"}, LaunchTemplateConfigs=[
                {"LaunchTemplateSpecification": {"LaunchTemplateId": self.template, "Version": "1"}}])
        for name in made["Instances"][0]["InstanceIds"]:
            found, = self.calls("ec2fleet.amazonaws.com", "RunInstances", name)
            # As in a public record of Karpenter of February 2023.
            self.assertEqual(found["userIdentity"]["arn"], f"arn:aws:iam::{ACCOUNT}:user/alice")
            self.assertEqual((found["sourceIPAddress"], found["userAgent"]), ("ec2fleet.amazonaws.com",) * 2)
            instance = self.ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
            self.assertIn({"Key": "aws:ec2:fleet-id", "Value": made["FleetId"]}, instance["Tags"])


if __name__ == "__main__":
    unittest.main()
