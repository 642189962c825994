"""`AWS::EC2::EIP` and `AWS::EC2::NatGateway` in a stack: the emulator's EC2 has both, its CloudFormation neither.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-eip.html and
aws-resource-ec2-natgateway.html. Nothing here may know about the product.
"""

from __future__ import annotations

import re
from typing import Any

import patches_cloudformation


def _called(action: str, **parameters: Any) -> str:
    """The answer of an action of EC2, or the failure that it is."""
    from ministack.services import ec2

    status, _, body = ec2._ACTION_MAP[action]({name: [str(value)] for name, value in parameters.items() if value})
    text = body.decode() if isinstance(body, bytes) else body
    if status >= 300:
        said = re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)
        raise patches_cloudformation.failed(said[1] if said else text, "NotFound" if "NotFound" in text else "InvalidRequest")
    return text


def _member(text: str, name: str) -> str:
    return re.search(rf"<{name}>([^<]*)</{name}>", text)[1]


# ------------------------------------------------------------------------------------------------------- the address

def _create_address(_logical: str, properties: dict, _stack: str) -> tuple[str, dict]:
    from ministack.services.cloudformation import provisioners

    answer = _called("AllocateAddress", Domain=properties.get("Domain", "vpc"))
    address, allocation = _member(answer, "publicIp"), _member(answer, "allocationId")
    provisioners._ec2_apply_tags(allocation, properties)
    if properties.get("InstanceId"):
        _called("AssociateAddress", AllocationId=allocation, InstanceId=properties["InstanceId"])
    return address, {"AllocationId": allocation, "PublicIp": address}


def _allocation(address: str) -> str | None:
    from ministack.services import ec2

    return next((name for name, known in ec2._addresses.items() if known["PublicIp"] == address), None)


def _update_address(address: str, old: dict, properties: dict, stack: str, logical: str) -> tuple[str, dict]:
    from ministack.services.cloudformation import provisioners

    allocation = _allocation(address)
    if allocation is None or old.get("Domain", "vpc") != properties.get("Domain", "vpc"):
        return _create_address(logical, properties, stack)
    provisioners._ec2_apply_tags(allocation, properties, old)
    if properties.get("InstanceId") and properties["InstanceId"] != old.get("InstanceId"):
        _called("AssociateAddress", AllocationId=allocation, InstanceId=properties["InstanceId"])
    return address, {"AllocationId": allocation, "PublicIp": address}


def _delete_address(address: str, _properties: dict) -> None:
    allocation = _allocation(address)
    if allocation:
        _called("ReleaseAddress", AllocationId=allocation)


# ------------------------------------------------------------------------------------------------------- the gateway

_NEEDS_ANOTHER = ("AllocationId", "ConnectivityType", "SubnetId")


def _create_gateway(_logical: str, properties: dict, _stack: str) -> tuple[str, dict]:
    from ministack.services.cloudformation import provisioners

    if properties.get("ConnectivityType", "public") == "public" and not properties.get("AllocationId"):
        raise patches_cloudformation.failed("A public NAT gateway needs an AllocationId", "InvalidRequest")
    answer = _called("CreateNatGateway", **{name: properties.get(name) for name in _NEEDS_ANOTHER})
    gateway = _member(answer, "natGatewayId")
    provisioners._ec2_apply_tags(gateway, properties)
    return gateway, {"NatGatewayId": gateway}


def _update_gateway(gateway: str, old: dict, properties: dict, stack: str, logical: str) -> tuple[str, dict]:
    from ministack.services.cloudformation import provisioners

    if any(old.get(name) != properties.get(name) for name in _NEEDS_ANOTHER):
        return _create_gateway(logical, properties, stack)
    provisioners._ec2_apply_tags(gateway, properties, old)
    return gateway, {"NatGatewayId": gateway}


def _delete_gateway(gateway: str, _properties: dict) -> None:
    _called("DeleteNatGateway", NatGatewayId=gateway)


def apply() -> None:
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS.update({
        "AWS::EC2::EIP": {"create": _create_address, "update": _update_address, "update_with_logical_id": True,
                          "delete": _delete_address},
        "AWS::EC2::NatGateway": {"create": _create_gateway, "update": _update_gateway, "update_with_logical_id": True,
                                 "delete": _delete_gateway}})
    for kind in ("AWS::EC2::EIP", "AWS::EC2::NatGateway"):
        provisioners._STACK_TAG_PROPERTY[kind] = ("Tags", "list")
