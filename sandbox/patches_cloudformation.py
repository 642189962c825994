"""CloudFormation as on AWS: types that the emulator lacks, properties that it drops, mistakes that it accepts.

What is made here is made in the emulator's own services, so that their APIs show it. Where nothing stands behind a type
it says so. Nothing here may know about the product.
"""

from __future__ import annotations

import contextvars
import json
import uuid
from urllib.parse import urlparse
from xml.etree.ElementTree import Element, SubElement, tostring

# The text of a template that somebody has fetched already; see `as_template`.
_text: contextvars.ContextVar[str] = contextvars.ContextVar("template_text", default="")


def as_template(text: str):
    """While it is set, this text is what `TemplateURL` leads to."""
    return _text.set(text)


def failed(message: str, code: str) -> ValueError:
    """What a resource's handler says when it fails, in CloudFormation's wording."""
    return ValueError(f'Resource handler returned message: "{message}" '
                      f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})")


def _of_service(service: str, status: int, message: str, code: str) -> ValueError:
    return failed(f"{message} (Service: {service}, Status Code: {status}, Request ID: {uuid.uuid4()})", code)


def _answer(answer: tuple, service: str) -> dict:
    """The body of a service's answer, or the failure that it is."""
    status, _, body = answer
    content = json.loads(body) if body else {}
    if status >= 400:
        code = str(content.get("__type", "")).rpartition("#")[2]
        kind = "AlreadyExists" if "AlreadyExists" in code else "NotFound" if "NotFound" in code else "InvalidRequest"
        raise _of_service(service, status, content.get("message") or content.get("Message") or code, kind)
    return content


# ------------------------------------------------------------------------------------------------------- the trail

def _trail_request(properties: dict) -> dict:
    request = {name: properties[name] for name in (
        "S3BucketName", "S3KeyPrefix", "SnsTopicName", "KmsKeyId", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn")
        if name in properties}
    # YAML and parameters give "true" where the service has a boolean.
    request.update({name: str(properties[name]).lower() == "true" for name in (
        "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation", "IsOrganizationTrail")
        if name in properties})
    return request


def _trail_may_write(properties: dict, arn: str) -> None:
    """CloudTrail refuses a bucket that is not there, or whose policy does not let this trail write into it."""
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import s3

    bucket = properties.get("S3BucketName", "")
    owner = s3._bucket_owner_account(bucket)
    if owner is None:
        raise _of_service("CloudTrail", 404, f"S3 bucket {bucket} does not exist!", "NotFound")
    prefix = properties.get("S3KeyPrefix")
    key = f"{prefix + '/' if prefix else ''}AWSLogs/{get_account_id()}/x"
    for action, resource in (("s3:GetBucketAcl", f"arn:aws:s3:::{bucket}"), ("s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")):
        context = EvalContext(
            principal_arn="cloudtrail.amazonaws.com", principal_type="Service", principal_account=get_account_id(),
            action=action, resource_arn=resource, region=get_region(), service_context={
                "aws:sourcearn": arn, "aws:sourceaccount": get_account_id(), "s3:x-amz-acl": "bucket-owner-full-control"})
        policy = s3._bucket_policies.get_scoped(owner, None, bucket)
        if evaluate_resource_policy(policy, context, service="cloudtrail.amazonaws.com").decision != "Allow":
            raise _of_service("CloudTrail", 403, f"Incorrect S3 bucket policy is detected for bucket: {bucket}", "InvalidRequest")


def _trail_settings(name: str, properties: dict) -> dict:
    """What CreateTrail does not take, and the attributes."""
    from ministack.services import cloudtrail

    selectors = {key: properties[key] for key in ("EventSelectors", "AdvancedEventSelectors") if properties.get(key)}
    if selectors:
        _answer(cloudtrail._put_event_selectors({"TrailName": name, **selectors}), "CloudTrail")
    switch = cloudtrail._start_logging if str(properties.get("IsLogging")).lower() == "true" else cloudtrail._stop_logging
    _answer(switch({"Name": name}), "CloudTrail")
    arn = cloudtrail._trail_arn(name)
    cloudtrail._trail_tags[arn] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or []}
    return {"Arn": arn, "SnsTopicArn": properties.get("SnsTopicName", "")}


def _create_trail(logical: str, properties: dict, stack: str) -> tuple[str, dict]:
    from ministack.services import cloudtrail
    from ministack.services.cloudformation import provisioners

    name = properties.get("TrailName") or provisioners._physical_name(stack, logical)
    _trail_may_write(properties, cloudtrail._trail_arn(name))
    _answer(cloudtrail._create_trail({"Name": name, **_trail_request(properties)}), "CloudTrail")
    return name, _trail_settings(name, properties)


def _update_trail(name: str, old: dict, properties: dict, stack: str, logical: str) -> tuple[str, dict]:
    from ministack.services import cloudtrail

    if properties.get("TrailName", name) != name:
        made = _create_trail(logical, properties, stack)
        _delete_trail(name, old)
        return made
    _trail_may_write(properties, cloudtrail._trail_arn(name))
    _answer(cloudtrail._update_trail({"Name": name, **_trail_request(properties)}), "CloudTrail")
    return name, _trail_settings(name, properties)


def _delete_trail(name: str, _properties: dict) -> None:
    from ministack.services import cloudtrail

    answer = cloudtrail._delete_trail({"Name": name})
    if answer[0] != 404:
        _answer(answer, "CloudTrail")


# ------------------------------------------------------------------------------------------------------ the bucket

def _xml(tag: str, value, into: Element | None = None) -> Element:
    """A property as S3's XML: members of a list repeat the element, and CloudFormation writes booleans as words."""
    element = Element(tag) if into is None else SubElement(into, tag)
    if isinstance(value, dict):
        for name, part in value.items():
            for one in part if isinstance(part, list) else [part]:
                _xml(name, one, element)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
    return element


def _lifecycle(configuration: dict) -> bytes:
    """S3's form of a lifecycle, whose members CloudFormation names in its own way."""
    rules = []
    for rule in configuration.get("Rules", []):
        made = {"ID": rule.get("Id", uuid.uuid4().hex), "Status": rule.get("Status", "Enabled"),
                "Filter": {"Prefix": rule.get("Prefix", "")}}
        expiration = {there: rule[here] for here, there in (
            ("ExpirationInDays", "Days"), ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker")) if here in rule}
        if expiration:
            made["Expiration"] = expiration
        if "NoncurrentVersionExpirationInDays" in rule:
            made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
        for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if name in rule:
                made[name] = rule[name]
        transitions = [{("Days" if name == "TransitionInDays" else "Date" if name == "TransitionDate" else name): value
                        for name, value in transition.items()} for transition in rule.get("Transitions", [])]
        if transitions:
            made["Transition"] = transitions
        rules.append(made)
    return tostring(_xml("LifecycleConfiguration", {"Rule": rules}))


def _encryption(configuration: dict) -> bytes:
    rules = [{"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
             for rule in configuration.get("ServerSideEncryptionConfiguration", [])
             if "ServerSideEncryptionByDefault" in rule]
    return tostring(_xml("ServerSideEncryptionConfiguration", {"Rule": rules}))


def _ownership(configuration: dict) -> bytes:
    return tostring(_xml("OwnershipControls", {"Rule": configuration.get("Rules", [])}))


def _tags(tags: list) -> bytes:
    return tostring(_xml("Tagging", {"TagSet": {"Tag": tags}}))


def _bucket_properties_are_kept() -> None:
    """The emulator drops a bucket's lifecycle, tags, encryption and ownership; its S3 has all of them."""
    from ministack.services import s3
    from ministack.services.cloudformation import provisioners

    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("LifecycleConfiguration", _lifecycle, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
        ("BucketEncryption", _encryption, s3._put_bucket_encryption, s3._delete_bucket_encryption),
        ("OwnershipControls", _ownership, s3._put_bucket_ownership_controls, s3._delete_bucket_ownership_controls),
        ("Tags", _tags, s3._put_bucket_tagging, s3._delete_bucket_tagging))
    provisioners._STACK_TAG_PROPERTY["AWS::S3::Bucket"] = ("Tags", "list")


# ------------------------------------------------------------------------------------------- what is there already

def _named() -> dict:
    """By type: the property with the name, and whether that name is taken. On AWS all of them refuse a taken one."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services import (
        cloudtrail, cloudwatch, cloudwatch_logs, dynamodb, eventbridge, iam, kinesis, lambda_svc, secretsmanager, sns, sqs)
    from ministack.services.cloudformation import provisioners

    def arn(service: str, name: str, region: str = "") -> str:
        return f"arn:aws:{service}:{region}:{get_account_id()}:{name}"

    return {
        "AWS::CloudTrail::Trail": ("TrailName", lambda name, _: cloudtrail._find_any_account_trail(name)[1] is not None),
        "AWS::CloudWatch::Alarm": ("AlarmName", lambda name, _: name in cloudwatch._alarms),
        "AWS::CloudWatch::Dashboard": ("DashboardName", lambda name, _: name in cloudwatch._dashboards),
        "AWS::DynamoDB::Table": ("TableName", lambda name, _: name in dynamodb._tables),
        "AWS::Events::Rule": ("Name", lambda name, properties: eventbridge._rule_key(
            name, provisioners._eb_rule_bus_name(properties)) in eventbridge._rules),
        "AWS::IAM::ManagedPolicy": ("ManagedPolicyName", lambda name, properties: arn(
            "iam", f"policy{properties.get('Path', '/')}{name}") in iam._policies),
        "AWS::IAM::Role": ("RoleName", lambda name, _: name in iam._roles),
        "AWS::IAM::User": ("UserName", lambda name, _: name in iam._users),
        "AWS::Kinesis::Stream": ("Name", lambda name, _: name in kinesis._streams),
        "AWS::Lambda::Function": ("FunctionName", lambda name, _: name in lambda_svc._functions),
        "AWS::Logs::LogGroup": ("LogGroupName", lambda name, _: name in cloudwatch_logs._log_groups),
        "AWS::SecretsManager::Secret": ("Name", lambda name, _: name in secretsmanager._secrets),
        "AWS::SNS::Topic": ("TopicName", lambda name, _: arn("sns", name, get_region()) in sns._topics),
        "AWS::SQS::Queue": ("QueueName", lambda name, _: name in sqs._queue_name_to_url),
    }


def _holder(kind: str, prop: str, name: str) -> str | None:
    """The stack that has a resource of this type and name."""
    from ministack.services.cloudformation import _stacks

    for stack in _stacks.values():
        if stack.get("StackStatus") != "DELETE_COMPLETE":
            for resource in stack.get("_resources", {}).values():
                if resource.get("ResourceType") == kind and (resource.get("Properties") or {}).get(prop) == name:
                    return stack["StackId"]
    return None


def _taken_names_are_refused() -> None:
    """A resource that is there already is not a stack's to make; the emulator overwrites it, and deletes it later.

    A bucket is not here, since the emulator refuses its name itself. Only first creations are looked at: a replacement
    under another name that is taken is still let through.
    """
    from ministack.services.cloudformation import stacks

    original = stacks._provision_resource
    named: dict = {}

    def provision(kind: str, logical: str, properties: dict, stack: str):
        named.update(named or _named())
        prop, taken = named.get(kind, ("", None))
        name = properties.get(prop)
        if taken and name and taken(name, properties):
            holder = _holder(kind, prop, name)
            if holder:
                raise ValueError(f"{name} already exists in stack {holder}")
            # Only this type is known to quote its identifier as JSON.
            shown = json.dumps({f"/properties/{prop}": name}, separators=(",", ":")) if kind == "AWS::Logs::LogGroup" else name
            raise failed(f"Resource of type '{kind}' with identifier '{shown}' already exists.", "AlreadyExists")
        return original(kind, logical, properties, stack)

    stacks._provision_resource = provision


# ------------------------------------------------------------------------------------- a function's code, templates

def _readable(bucket: str, key: str) -> tuple[str, str] | None:
    """Why an object cannot be read by the current account, as S3 says it, or nothing."""
    from ministack.core.responses import get_account_id
    from ministack.services import s3

    owner = s3._bucket_owner_account(bucket)
    if owner is None:
        return "NoSuchBucket", "The specified bucket does not exist"
    if owner != get_account_id() and not s3._foreign_bucket_allows(owner, bucket, key, "GET", {}, get_account_id()):
        return "AccessDenied", "Access Denied"
    if key not in s3._buckets.get_scoped(owner, None, bucket)["objects"]:
        return "NoSuchKey", "The specified key does not exist."
    return None


def _read(bucket: str, key: str, version: str | None = None) -> bytes | None:
    """An object, in whichever account; the emulator's services look into the caller's buckets only."""
    from ministack.core.responses import get_region, request_scope
    from ministack.services import s3

    if _readable(bucket, key):
        return None
    with request_scope(s3._bucket_owner_account(bucket), get_region()):
        return s3._get_object_data(bucket, key, version_id=version)


def _code_must_be_there() -> None:
    """A function without its zip fails on AWS; the emulator makes it, and its first call fails."""
    from ministack.services import lambda_svc
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update = handlers["create"], handlers["update"]

    def check(properties: dict) -> None:
        code = properties.get("Code") or {}
        if code.get("S3Bucket") and code.get("S3Key"):
            reason = _readable(code["S3Bucket"], code["S3Key"])
            if reason:
                raise _of_service("Lambda", 400, "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: "
                                  "{}".format(*reason), "InvalidRequest")

    def checked_create(logical, properties, stack):
        check(properties)
        return create(logical, properties, stack)

    def checked_update(name, old, properties, *rest):
        if properties.get("Code") != old.get("Code"):
            check(properties)
        return update(name, old, properties, *rest)

    handlers.update(create=checked_create, update=checked_update)
    lambda_svc._fetch_code_from_s3 = lambda bucket, key, version_id=None: _read(bucket, key, version_id)


def bucket_and_key(url: str) -> tuple[str, str]:
    """Of an address of S3, with the bucket in the host's name or in the path."""
    parsed = urlparse(url)
    labels = (parsed.hostname or "").split(".")
    for at, label in enumerate(labels):
        if at and (label == "s3" or label.startswith("s3-")):
            return ".".join(labels[:at]), parsed.path.lstrip("/")
    bucket, _, key = parsed.path.lstrip("/").partition("/")
    return bucket, key


def fetch(url: str) -> str | None:
    content = _read(*bucket_and_key(url))
    return None if content is None else content.decode()


def _template_urls_have_virtual_hosts() -> None:
    """AWS's tools put the bucket into the host's name; the emulator knows a path only, and the caller's buckets only."""
    from ministack.services.cloudformation import helpers

    original = helpers._resolve_document

    def resolve(params, body_key, url_key, label):
        url = helpers._p(params, url_key)
        if helpers._p(params, body_key) or not url:
            return original(params, body_key, url_key, label)
        text = _text.get() or fetch(url)
        if text is None:
            return None, helpers._error("ValidationError", "S3 error: {} For more information check "
                                        "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html".format(
                                            _readable(*bucket_and_key(url))[1]))
        if len(text.encode()) > helpers.TEMPLATE_URL_MAX_BYTES:
            return None, helpers._error(
                "ValidationError", f"Template may not exceed {helpers.TEMPLATE_URL_MAX_BYTES} bytes in size.")
        return text, None

    helpers._resolve_document = resolve


def _a_failed_creation_stays_in_the_way() -> None:
    """A stack whose creation was rolled back can only be deleted; the emulator updates it, and creates over it.

    What AWS says to a change set that would create over it is not known; that it refuses is.
    """
    from ministack.services import cloudformation
    from ministack.services.cloudformation import handlers, helpers

    def refusing(action: str):
        original = cloudformation._ACTION_HANDLERS[action]

        def handle(parameters):
            stack = handlers._resolve_stack(helpers._p(parameters, "StackName"))
            if stack and stack.get("StackStatus") in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
                if action == "CreateStack" or helpers._p(parameters, "ChangeSetType") == "CREATE":
                    return helpers._error("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists")
                return helpers._error("ValidationError", f"Stack:{stack['StackId']} is in {stack['StackStatus']} state "
                                                         "and can not be updated.")
            return original(parameters)

        cloudformation._ACTION_HANDLERS[action] = handle

    for action in ("CreateStack", "CreateChangeSet", "UpdateStack"):
        refusing(action)


# ----------------------------------------------------------------------------------------- alarms, observability

def _alarms_have_metric_math() -> None:
    """An alarm on an expression is kept with it, and stays without data: the emulator has no metric math."""
    from ministack.services.cloudformation import provisioners

    original = provisioners._cw_metric_alarm_record

    def record(name: str, properties: dict) -> dict:
        metrics = properties.get("Metrics")
        if not metrics:
            return original(name, properties)
        # The emulator's record wants a metric; an alarm without one is never evaluated.
        made = original(name, {**properties, "Metrics": None, "MetricName": "-", "Namespace": "-"})
        return {**made, "MetricName": "", "Namespace": "", "Metrics": metrics}

    provisioners._cw_metric_alarm_record = record


def _conditions_join_lists() -> None:
    """`!Equals [!Join ["", !Ref List], ""]` asks whether a list is empty; the emulator leaves Fn::Join as it stands."""
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    original = engine._evaluate_conditions

    def joined(node, template: dict, parameters: dict):
        if isinstance(node, dict):
            if "Fn::Join" in node:
                return engine._resolve_refs(node, {}, parameters, {}, template.get("Mappings", {}), "", "")
            return {key: joined(value, template, parameters) for key, value in node.items()}
        return [joined(item, template, parameters) for item in node] if isinstance(node, list) else node

    def evaluate(template: dict, parameters: dict, *rest):
        conditions = joined(template.get("Conditions") or {}, template, parameters)
        return original({**template, "Conditions": conditions}, parameters, *rest)

    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = evaluate


def _kept(kind: str):
    """A type behind which there is nothing: its properties stay in the stack, and it has an ARN. No metrics are shared."""
    def create(_logical: str, properties: dict, _stack: str) -> tuple[str, dict]:
        from ministack.core.responses import get_account_id, get_region

        arn = f"arn:aws:oam:{get_region()}:{get_account_id()}:{kind}/{uuid.uuid4()}"
        return arn, {"Arn": arn, "Label": properties.get("LabelTemplate", "")}

    def update(arn: str, _old: dict, properties: dict, _stack: str) -> tuple[str, dict]:
        return arn, {"Arn": arn, "Label": properties.get("LabelTemplate", "")}

    return {"create": create, "update": update, "delete": lambda _arn, _properties: None}


def apply() -> None:
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS.update({
        "AWS::CloudTrail::Trail": {"create": _create_trail, "update": _update_trail, "update_with_logical_id": True,
                                   "delete": _delete_trail},
        "AWS::Oam::Sink": _kept("sink"), "AWS::Oam::Link": _kept("link")})
    provisioners._STACK_TAG_PROPERTY["AWS::CloudTrail::Trail"] = ("Tags", "list")
    _bucket_properties_are_kept()
    _taken_names_are_refused()
    _code_must_be_there()
    _template_urls_have_virtual_hosts()
    _a_failed_creation_stays_in_the_way()
    _alarms_have_metric_math()
    _conditions_join_lists()
