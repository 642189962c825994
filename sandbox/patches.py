"""Where the emulator differs from AWS in a way the product would notice, and how it is put right.

Each function here is one difference and says why. Nothing here may know about the product, and
nothing here may change an answer that is already like AWS's.
"""

from __future__ import annotations

import contextvars
import json
import logging
import re
from urllib.parse import parse_qs

import patches_apigateway
import patches_cloudformation
import patches_ec2
import patches_iam
import patches_launches
import patches_logs
import patches_network
import patches_s3
import patches_stacks
import patches_stacksets

log = logging.getLogger("sandbox.patches")

_source_identity: contextvars.ContextVar[str] = contextvars.ContextVar("source_identity", default="")


def rule_to_lambda_is_asynchronous() -> None:
    """AWS invokes a rule's function asynchronously: two retries, then OnFailure. The emulator calls it once."""
    from ministack.services import eventbridge, lambda_svc

    def dispatch(arn: str, payload: str) -> None:
        try:
            event = json.loads(payload)
        except (ValueError, TypeError):
            event = payload
        function, configuration, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not configuration:
            log.warning("rule target: function %s does not exist", name)
            return
        lambda_svc.invoke_async_with_retry(
            lambda_svc._execution_record_for_config(function, configuration), event)

    eventbridge._dispatch_to_lambda = dispatch


def principal_arn_is_the_role() -> None:
    """On AWS `aws:PrincipalArn` of a role session is the role's ARN, with its path; the emulator gives the session's."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    original = iam_evaluator._resolve_condition_key

    def resolve(key: str, context):
        value = original(key, context)
        if key.lower() == "aws:principalarn" and isinstance(value, str):
            match = re.fullmatch(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.*", value)
            if match:
                partition, account, name = match.groups()
                role = iam._roles.get_scoped(account, None, name) or {}
                return role.get("Arn") or f"arn:{partition}:iam::{account}:role/{name}"
        return value

    iam_evaluator._resolve_condition_key = resolve


def callers_use_tls() -> None:
    """The emulator speaks http on the loopback; who calls AWS uses TLS, and policies deny everything else."""
    from ministack.core import iam_evaluator

    original = iam_evaluator._resolve_condition_key
    iam_evaluator._resolve_condition_key = lambda key, context: (
        "true" if key.lower() == "aws:securetransport" else original(key, context))


def session_keeps_source_identity() -> None:
    """On AWS a source identity stays with a session and with sessions made from it; the emulator forgets it."""
    from ministack.core.router import extract_access_key_id
    from ministack.services import sts

    handle, register = sts.handle_request, sts.register_session

    async def handle_request(method, path, headers, body, query_params):
        caller = sts._sessions.get(extract_access_key_id(headers, query_params) or "") or {}
        asked = ""
        if method == "POST" and b"SourceIdentity" in body:
            form = parse_qs(body.decode("utf-8", errors="replace"))
            asked = (form.get("SourceIdentity") or [""])[0]
        token = _source_identity.set(caller.get("SourceIdentity") or asked)
        try:
            return await handle(method, path, headers, body, query_params)
        finally:
            _source_identity.reset(token)

    def register_session(access_key: str, session: dict) -> None:
        if _source_identity.get():
            session.setdefault("SourceIdentity", _source_identity.get())
        known = sts._sessions.get(access_key)
        if known and "IssuedAt" in known and "Expiration" not in session:
            # A function's session is registered again at each start of its environment: it is still the same one.
            session.setdefault("IssuedAt", known["IssuedAt"])
        register(access_key, session)

    sts.handle_request = handle_request
    sts.register_session = register_session


def event_history_has_pages() -> None:
    """LookupEvents answers 50 events a page on AWS and goes on with NextToken; the emulator has one page only."""
    from ministack.services import cloudtrail

    members = {"EventId": "EventId", "EventName": "EventName", "EventSource": "EventSource", "ReadOnly": "ReadOnly",
               "Username": "Username", "AccessKeyId": "AccessKeyId"}

    def wanted(event: dict, attributes: list[dict]) -> bool:
        for attribute in attributes:
            key, value = attribute.get("AttributeKey"), attribute.get("AttributeValue")
            if key in members:
                if str(event.get(members[key], "")) != value:
                    return False
            elif not any(resource.get(key) == value for resource in event.get("Resources", [])):
                return False
        return True

    def lookup(body: dict):
        try:
            start = int(body.get("NextToken") or 0)
        except ValueError:
            return cloudtrail._err("InvalidNextTokenException", "A token that is not valid was specified.")
        size = min(int(body.get("MaxResults") or 50), 50)
        since, until = body.get("StartTime"), body.get("EndTime")
        events = [
            event for event in reversed(list(cloudtrail._get_event_queue()))  # newest first
            if (since is None or event["EventTime"] >= float(since))
            and (until is None or event["EventTime"] <= float(until))
            and wanted(event, body.get("LookupAttributes") or [])]
        answer: dict = {"Events": events[start:start + size]}
        if start + size < len(events):
            answer["NextToken"] = str(start + size)
        return cloudtrail._ok(answer)

    cloudtrail._lookup_events = lookup
    cloudtrail._DISPATCH["LookupEvents"] = lookup


def rules_reach_other_buses() -> None:
    """On AWS a rule may send to a bus of another region or account; the emulator drops such events."""
    from ministack.core import responses
    from ministack.services import eventbridge

    original = eventbridge._dispatch_to_event_bus

    def dispatch(spec, event, rule, event_path, target_input_payload=None):
        here = spec.account_id == eventbridge.get_account_id() and spec.region == eventbridge.get_region()
        if here or spec.service != "events" or not spec.resource.startswith("event-bus/"):
            return original(spec, event, rule, event_path, target_input_payload)

        def there() -> None:
            responses._request_account_id.set(spec.account_id)
            responses._request_region.set(spec.region)
            bus = spec.resource.split("/", 1)[1]
            if bus not in eventbridge._event_buses and bus != "default":
                log.warning("rule target: event bus %s does not exist", spec)
                return
            # The emulator's protection against loops knows a rule by its name alone, and another region has rules of
            # the same names: it begins anew there, and a rule that is met again is known by its ARN.
            passed = event.get("_Passed", ())
            if rule.get("Arn") in passed:
                log.warning("rule target: %s would send in a loop", rule.get("Arn"))
                return
            # The event keeps the region and the account it comes from.
            forwarded = {**event, "EventBusName": bus, "_DispatchPath": [], "_Passed": (*passed, rule.get("Arn"))}
            if target_input_payload is not None:
                forwarded["Detail"] = target_input_payload
            eventbridge._dispatch_event(forwarded)

        return contextvars.copy_context().run(there)

    eventbridge._dispatch_to_event_bus = dispatch


# What Lambda itself gives a function, beside AWS_*, LAMBDA_* and the function's own variables.
_LAMBDA_VARIABLES = {"PATH", "LANG", "TZ", "TMPDIR", "_HANDLER"}


def functions_see_lambdas_environment() -> None:
    """On AWS a function sees Lambda's variables and its own; the emulator adds its whole own environment."""
    from ministack.services import lambda_svc

    original = lambda_svc._provided_worker_env

    def environment(configuration: dict, code_directory: str, port: int) -> dict:
        everything = original(configuration, code_directory, port)
        own = ((configuration.get("Environment") or {}).get("Variables") or {}).keys()
        kept = {name: value for name, value in everything.items()
                if name in own or name in _LAMBDA_VARIABLES or name.startswith(("AWS_", "LAMBDA_"))}
        logging_to = (configuration.get("LoggingConfig") or {}).get("LogGroup")
        name = configuration.get("FunctionName", "")
        kept.setdefault("AWS_LAMBDA_LOG_GROUP_NAME", logging_to or f"/aws/lambda/{name}")
        kept.setdefault("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        return kept

    lambda_svc._provided_worker_env = environment


def function_sessions_are_complete() -> None:
    """On AWS a function's session has the role's id in its user id, and says for which function it was issued."""
    from ministack.core import lambda_runtime
    from ministack.services import iam, lambda_svc, sts

    original = lambda_runtime.execution_credentials

    def credentials(configuration: dict) -> dict[str, str]:
        found = original(configuration)
        session = sts._sessions.get(found["AWS_ACCESS_KEY_ID"])
        if session is not None:
            account = session["Arn"].split(":")[4]
            role = iam._roles.get_scoped(account, None, session["Arn"].split("/")[1]) or {}
            if role.get("RoleId"):
                session["UserId"] = role["RoleId"] + ":" + session["UserId"].rpartition(":")[2]
            session["FunctionArn"] = configuration.get("FunctionArn", "")
        return found

    lambda_runtime.execution_credentials = credentials
    lambda_svc.execution_credentials = credentials


def dashboards_take_tags() -> None:
    """CloudWatch tags dashboards too; the emulator knows alarms only.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
    """
    from ministack.services import cloudwatch

    refusal = cloudwatch._validate_alarm_tag_arn

    def of_any(arn: str, *words: object, **named: object) -> object:
        _, is_dashboard, name = str(arn).partition(":dashboard/")
        return None if is_dashboard and name in cloudwatch._dashboards else refusal(arn, *words, **named)

    cloudwatch._validate_alarm_tag_arn = of_any


def a_deleted_log_group_stays_deleted() -> None:
    """Who names a function's log group makes it himself: Lambda makes one only where the role may do that.

    The emulator makes it anew when an invocation ends after its stack was deleted, and then the next stack fails.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
    """
    from ministack.services import cloudwatch_logs, lambda_svc

    write = lambda_svc._emit_lambda_logs

    def where_there_is_one(func: dict, *words: object, **named: object) -> None:
        config = func.get("config") or func
        group = (config.get("LoggingConfig") or {}).get("LogGroup")
        if not group or group in cloudwatch_logs._log_groups:
            write(func, *words, **named)

    lambda_svc._emit_lambda_logs = where_there_is_one


def apply() -> None:
    patches_ec2.apply()
    patches_launches.apply()
    patches_cloudformation.apply()
    patches_logs.apply()
    patches_network.apply()
    patches_s3.apply()
    patches_apigateway.apply()
    patches_stacks.apply()
    patches_stacksets.apply()
    dashboards_take_tags()
    a_deleted_log_group_stays_deleted()
    event_history_has_pages()
    rules_reach_other_buses()
    functions_see_lambdas_environment()
    function_sessions_are_complete()
    rule_to_lambda_is_asynchronous()
    principal_arn_is_the_role()
    callers_use_tls()
    patches_iam.apply()
    session_keeps_source_identity()
