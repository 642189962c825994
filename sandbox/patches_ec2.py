"""EC2 as on AWS: an instance has a network interface, its tags reach its parts, tagging nothing fails.

The emulator launches an instance without an interface, drops the tags for volumes, and tags any id: what tags
instances and their parts can only be tried when these are as on AWS. Nothing here may know about the product.
"""

from __future__ import annotations

import contextvars
import secrets

_launching: contextvars.ContextVar[bool] = contextvars.ContextVar("launching", default=False)


def _interface_of(ec2, instance: dict) -> dict:
    """The instance's primary interface, made when it is first looked at."""
    known = ec2._network_interfaces.get(instance.get("_PrimaryInterface", ""))
    if known or instance["State"]["Name"] == "terminated":
        return known or {}
    made = "eni-" + secrets.token_hex(9)[:17]
    instance["_PrimaryInterface"] = made
    ec2._network_interfaces[made] = {
        "NetworkInterfaceId": made, "SubnetId": instance["SubnetId"], "VpcId": instance["VpcId"],
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"], "Description": "",
        "OwnerId": ec2.get_account_id(), "Status": "in-use", "PrivateIpAddress": instance["PrivateIpAddress"],
        "InterfaceType": "interface", "SourceDestCheck": True,
        "MacAddress": ":".join(f"{byte:02x}" for byte in b"\x0a" + secrets.token_bytes(5)),
        "Groups": list(instance.get("SecurityGroups", [])),
        "Attachment": {"AttachmentId": "eni-attach-" + secrets.token_hex(9)[:17], "InstanceId": instance["InstanceId"],
                       "DeviceIndex": 0, "Status": "attached", "AttachTime": instance["LaunchTime"]}}
    return ec2._network_interfaces[made]


def _instance_xml(ec2, original):
    def render(instance: dict) -> str:
        interface = _interface_of(ec2, instance)
        if _launching.get():
            # AWS answers before anything is attached: the volumes are not in the answer, the state is pending.
            instance = {**instance, "BlockDeviceMappings": [], "State": {"Code": 0, "Name": "pending"}}
        text = original(instance).rstrip()
        part = ec2._eni_fields_xml(interface) if interface else ""
        return text.removesuffix("</item>") + f"<networkInterfaceSet>{part}</networkInterfaceSet></item>"

    return render


def _tags_of(parameters, read) -> dict[str, list[dict]]:
    """TagSpecification.N of the request, by resource type."""
    found: dict[str, list[dict]] = {}
    number = 1
    while kind := read(parameters, f"TagSpecification.{number}.ResourceType"):
        index = 1
        while key := read(parameters, f"TagSpecification.{number}.Tag.{index}.Key"):
            value = read(parameters, f"TagSpecification.{number}.Tag.{index}.Value", "")
            found.setdefault(kind, []).append({"Key": key, "Value": value})
            index += 1
        number += 1
    return found


def _run_instances(ec2, original):
    def run(parameters):
        before = set(ec2._instances.keys())
        # The answer shows the interface's tags, so they must be known while it is written.
        token = _launching.set(True)
        try:
            answer = original(parameters)
        finally:
            _launching.reset(token)
        if answer[0] < 300:
            tags = _tags_of(parameters, ec2._p)
            for name in set(ec2._instances.keys()) - before:
                instance = ec2._instances[name]
                if tags.get("network-interface"):
                    ec2._tags[_interface_of(ec2, instance)["NetworkInterfaceId"]] = list(tags["network-interface"])
                for mapping in instance.get("BlockDeviceMappings", []):
                    volume = mapping.get("Ebs", {}).get("VolumeId")
                    if volume and tags.get("volume"):
                        ec2._tags[volume] = list(tags["volume"])
        return answer

    return run


def _terminate_instances(ec2, original):
    def terminate(parameters):
        answer = original(parameters)
        for instance in list(ec2._instances.values()):
            if instance["State"]["Name"] == "terminated":
                interface = instance.pop("_PrimaryInterface", "")
                if interface in ec2._network_interfaces:
                    del ec2._network_interfaces[interface]
        return answer

    return terminate


def _describe_network_interfaces(ec2):
    """With filters: the emulator ignores them and shows every interface."""
    def value(interface: dict, name: str) -> str:
        attachment = interface.get("Attachment") or {}
        return str({
            "attachment.instance-id": attachment.get("InstanceId"), "attachment.attachment-id":
            attachment.get("AttachmentId"), "network-interface-id": interface["NetworkInterfaceId"],
            "subnet-id": interface["SubnetId"], "vpc-id": interface["VpcId"], "status": interface["Status"],
            "description": interface["Description"], "interface-type": interface.get("InterfaceType"),
            "private-ip-address": interface["PrivateIpAddress"], "owner-id": interface["OwnerId"]}.get(name))

    def matches(interface: dict, filters: dict) -> bool:
        return ec2._resource_matches_tag_filters(interface["NetworkInterfaceId"], filters) and all(
            any(ec2._glob_match(wanted, value(interface, name)) for wanted in values)
            for name, values in filters.items() if not name.startswith("tag"))

    def describe(parameters):
        ids, filters = ec2._parse_member_list(parameters, "NetworkInterfaceId"), ec2._parse_filters(parameters)
        for name in ids:
            if name not in ec2._network_interfaces:
                return ec2._error("InvalidNetworkInterfaceID.NotFound",
                                  f"The networkInterface ID '{name}' does not exist", 400)
        items = "".join(ec2._eni_fields_xml(interface) for interface in list(ec2._network_interfaces.values())
                        if (not ids or interface["NetworkInterfaceId"] in ids) and matches(interface, filters))
        return ec2._xml(200, "DescribeNetworkInterfacesResponse",
                        f"<networkInterfaceSet>{items}</networkInterfaceSet>")

    return describe


# The beginning of an id, the emulator's store of such resources, and AWS's answer when it is not there.
_KINDS = {
    "i": ("_instances", "InvalidInstanceID.NotFound"), "vol": ("_volumes", "InvalidVolume.NotFound"),
    "snap": ("_snapshots", "InvalidSnapshot.NotFound"), "vpc": ("_vpcs", "InvalidVpcID.NotFound"),
    "subnet": ("_subnets", "InvalidSubnetID.NotFound"), "sg": ("_security_groups", "InvalidGroup.NotFound"),
    "eni": ("_network_interfaces", "InvalidNetworkInterfaceID.NotFound"),
    "igw": ("_internet_gateways", "InvalidInternetGatewayID.NotFound"),
    "rtb": ("_route_tables", "InvalidRouteTableID.NotFound"), "nat": ("_nat_gateways", "NatGatewayNotFound"),
    "eipalloc": ("_addresses", "InvalidAllocationID.NotFound"), "lt": ("_launch_templates", "InvalidLaunchTemplateId.NotFound"),
}


def _create_tags(ec2, original):
    """Tagging what does not exist fails, and then nothing is tagged; other ids are left to the emulator."""
    def create(parameters):
        for name in ec2._parse_member_list(parameters, "ResourceId"):
            store, code = _KINDS.get(name.split("-")[0], (None, ""))
            if store and name not in getattr(ec2, store):
                return ec2._error(code, f"The ID '{name}' does not exist", 400)
        return original(parameters)

    return create


def apply() -> None:
    from ministack.services import ec2

    ec2._instance_xml = _instance_xml(ec2, ec2._instance_xml)
    for name, wrap in (("RunInstances", _run_instances), ("TerminateInstances", _terminate_instances),
                       ("CreateTags", _create_tags)):
        ec2._ACTION_MAP[name] = wrap(ec2, ec2._ACTION_MAP[name])
    ec2._ACTION_MAP["DescribeNetworkInterfaces"] = _describe_network_interfaces(ec2)
