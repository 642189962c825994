"""Auto Scaling groups and fleets as on AWS: their instances are real ones, with volumes, interfaces and the group's tag.

The emulator keeps a list of made-up ids for a group, and a fleet's instances do not say whose they are. What is called for
it here goes to `watchers` as well, since these are calls that AWS's services make themselves.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-tagging.html. Nothing here may know about the product.
"""

from __future__ import annotations

import dataclasses
import logging
import uuid
from typing import Any, Callable

log = logging.getLogger("sandbox.patches")


@dataclasses.dataclass
class ServiceCall:
    """A call of EC2 by another service: the form that was sent, and the answer's body."""
    by: str
    role: str  # the service-linked role whose session it is; empty where the service goes on in its caller's name
    session: str
    form: dict[str, str]
    answer: bytes


watchers: list[Callable[[ServiceCall], None]] = []

AUTO_SCALING = "autoscaling.amazonaws.com"
FLEET = "ec2fleet.amazonaws.com"


def _told(call: ServiceCall) -> None:
    for watcher in watchers:
        watcher(call)


def _tag_members(tags: dict[str, dict[str, str]]) -> dict[str, str]:
    """By resource type, as members of a form."""
    form = {}
    for number, (kind, pairs) in enumerate(tags.items(), 1):
        form[f"TagSpecification.{number}.ResourceType"] = kind
        for index, (key, value) in enumerate(pairs.items(), 1):
            form[f"TagSpecification.{number}.Tag.{index}.Key"] = key
            form[f"TagSpecification.{number}.Tag.{index}.Value"] = value
    return form


def _template(ec2, group: dict[str, Any]) -> tuple[dict, dict, str]:
    """A group's launch template: its data, itself, and the version."""
    wanted = group.get("LaunchTemplate") or {}
    known = wanted.get("LaunchTemplateId") or ""
    spec = {"Version": wanted.get("Version"),
            ("LaunchTemplateId" if known in ec2._launch_templates else "LaunchTemplateName"): known or wanted.get("LaunchTemplateName")}
    data, template, error = ec2._resolve_launch_template_data(spec)
    return ({}, {}, "") if error or not template else (data, template, str(wanted.get("Version") or "$Default"))


def _zone_and_subnet(ec2, group: dict[str, Any], number: int) -> tuple[str, str]:
    subnets = [name for name in str(group.get("VPCZoneIdentifier") or "").split(",") if name]
    if subnets:
        subnet = subnets[number % len(subnets)]
        return (ec2._subnets.get(subnet) or {}).get("AvailabilityZone", ""), subnet
    zones = group.get("AvailabilityZones") or [f"{ec2.get_region()}a"]
    return zones[number % len(zones)], ""


def _launch(ec2, configurations, group: dict[str, Any], number: int) -> str | None:
    """One instance of a group; None when EC2 refuses it."""
    data, template, version = _template(ec2, group)
    configuration = configurations.get(group.get("LaunchConfigurationName", "")) or {}
    zone, subnet = _zone_and_subnet(ec2, group, number)
    name = group["AutoScalingGroupName"]
    tags = {"aws:autoscaling:groupName": name}
    tags.update({tag["Key"]: tag["Value"] for tag in group.get("Tags") or [] if tag.get("PropagateAtLaunch")})
    form = {"Action": "RunInstances", "Version": "2016-11-15", "MinCount": "1", "MaxCount": "1", "ClientToken": str(uuid.uuid4()),
            "Placement.AvailabilityZone": zone, "SubnetId": subnet}
    # EC2 takes these from the template; the emulator's RunInstances knows no template.
    taken = {"ImageId": data.get("ImageId") or configuration.get("ImageId"), "KeyName": data.get("KeyName") or configuration.get("KeyName"),
             "InstanceType": data.get("InstanceType") or configuration.get("InstanceType")}
    of_template = {spec["ResourceType"]: {tag["Key"]: tag["Value"] for tag in spec.get("Tags") or []}
                   for spec in data.get("TagSpecifications") or []}
    if template:
        said = {"LaunchTemplate.LaunchTemplateId": template["LaunchTemplateId"], "LaunchTemplate.Version": version}
        tags_there = {"aws:ec2launchtemplate:id": template["LaunchTemplateId"], "aws:ec2launchtemplate:version": version}
    else:
        said, tags_there = {key: value for key, value in taken.items() if value}, {}
    made = {**of_template, "instance": {**of_template.get("instance", {}), **tags_there, **tags}}
    answer = ec2._ACTION_MAP["RunInstances"](_lists({**form, **taken, **_tag_members(made)}))
    if answer[0] >= 300:
        log.warning("Auto Scaling group %s: no instance: %s", name, answer[2])
        return None
    sent = {key: value for key, value in {**form, **said, **_tag_members({"instance": tags})}.items() if value}
    _told(_of_group(ec2, sent, answer[2]))
    newest = list(ec2._instances.values())[-1]
    newest["Placement"]["AvailabilityZone"] = zone or newest["Placement"]["AvailabilityZone"]
    return newest["InstanceId"]


def _lists(form: dict[str, Any]) -> dict[str, list[str]]:
    return {key: [str(value)] for key, value in form.items() if value}


def _of_group(ec2, form: dict[str, str], answer: bytes | str) -> ServiceCall:
    role = f"arn:aws:iam::{ec2.get_account_id()}:role/aws-service-role/{AUTO_SCALING}/AWSServiceRoleForAutoScaling"
    return ServiceCall(AUTO_SCALING, role, "AutoScaling", form, answer if isinstance(answer, bytes) else answer.encode())


def _terminate(ec2, names: list[str]) -> None:
    names = [name for name in names if name in ec2._instances]
    if names:
        form = {"Action": "TerminateInstances", "Version": "2016-11-15",
                **{f"InstanceId.{number}": name for number, name in enumerate(names, 1)}}
        answer = ec2._ACTION_MAP["TerminateInstances"](_lists(form))
        _told(_of_group(ec2, form, answer[2]))


def groups_have_instances() -> None:
    from ministack.services import autoscaling, ec2
    from ministack.services.cloudformation import provisioners

    original = autoscaling._reconcile_instances

    def reconcile(group: dict[str, Any]) -> None:
        before = [instance["InstanceId"] for instance in group["Instances"]]
        original(group)
        kept = {instance["InstanceId"] for instance in group["Instances"]}
        _terminate(ec2, [name for name in before if name not in kept])
        for number, instance in enumerate(group["Instances"]):
            if instance["InstanceId"] not in ec2._instances and instance["InstanceId"] not in before:
                instance["InstanceId"] = _launch(ec2, autoscaling._launch_configs, group, number) or instance["InstanceId"]

    def emptied(name: str) -> None:
        group = autoscaling._asgs.get(name)
        _terminate(ec2, [instance["InstanceId"] for instance in group["Instances"]] if group else [])

    delete_group = autoscaling._ACTION_MAP["DeleteAutoScalingGroup"]

    def delete(parameters):
        emptied(autoscaling._p(parameters, "AutoScalingGroupName"))
        return delete_group(parameters)

    autoscaling._reconcile_instances = reconcile
    autoscaling._ACTION_MAP["DeleteAutoScalingGroup"] = delete
    handlers = provisioners._RESOURCE_HANDLERS["AWS::AutoScaling::AutoScalingGroup"]
    of_stack = dict(handlers)

    def reconciled(made: tuple) -> tuple:
        reconcile(autoscaling._asgs[made[0]])
        return made

    def delete_of_stack(name: str, properties: dict) -> None:
        emptied(name)
        of_stack["delete"](name, properties)

    handlers.update(create=lambda *given: reconciled(of_stack["create"](*given)), delete=delete_of_stack,
                    update=lambda *given: reconciled(of_stack["update"](*given)))


def fleets_instances_say_so() -> None:
    """An instant fleet's instances have its id as a tag; the call that starts them is in its caller's name.

    A record of such a call by Karpenter, of 2023, has `invokedBy: ec2fleet.amazonaws.com` beside Karpenter's own role.
    """
    from ministack.services import ec2

    original = ec2._ACTION_MAP["CreateFleet"]

    def create(parameters):
        before, fleets = set(ec2._instances.keys()), set(ec2._fleets.keys())
        answer = original(parameters)
        fleet = next((name for name in ec2._fleets.keys() if name not in fleets), "")
        for number, name in enumerate(name for name in list(ec2._instances.keys()) if name not in before):
            instance = ec2._instances[name]
            ec2._tags[name] = [*ec2._tags.get(name, []), {"Key": "aws:ec2:fleet-id", "Value": fleet}]
            form = {"Action": "RunInstances", "Version": "2016-11-15", "MinCount": "1", "MaxCount": "1",
                    "InstanceType": instance["InstanceType"], "SubnetId": instance["SubnetId"],
                    "Placement.AvailabilityZone": instance["Placement"]["AvailabilityZone"], "ClientToken": f"{fleet}-{number}",
                    **_tag_members({"instance": {"aws:ec2:fleet-id": fleet}})}
            body = ec2._xml(200, "RunInstancesResponse", f"<instancesSet>{ec2._instance_xml(instance)}</instancesSet>"
                            f"<reservationId>r-{uuid.uuid4().hex[:17]}</reservationId><groupSet/>")[2]
            _told(ServiceCall(FLEET, "", "", form, body if isinstance(body, bytes) else body.encode()))
        return answer

    ec2._ACTION_MAP["CreateFleet"] = create


def apply() -> None:
    groups_have_instances()
    fleets_instances_say_so()
