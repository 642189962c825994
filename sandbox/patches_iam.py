"""What IAM knows of a call on AWS and the emulator does not: which function makes it, and what a simulation is told."""

from __future__ import annotations

import contextvars
from typing import Any

# The context entries of the simulation that is going on.
_TOLD: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("told", default={})


def functions_are_stated() -> None:
    """Lambda states the function in each call of its code: `lambda:SourceFunctionArn`.

    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    from ministack.core import iam_evaluator, lambda_runtime
    from ministack.services import lambda_svc

    functions: dict[str, str] = {}
    credentials, resolve = lambda_runtime.execution_credentials, iam_evaluator._resolve_condition_key

    def of_function(config: dict) -> dict[str, str]:
        role = config.get("Role", "").split(":")
        if len(role) > 5:
            # The session that the emulator opens for a function has the function's name.
            name = f"{role[5].rsplit('/', 1)[-1]}/{config['FunctionName'][:64]}"
            functions[f"arn:aws:sts::{role[4]}:assumed-role/{name}"] = config.get("FunctionArn", "")
        return credentials(config)

    def resolved(key: str, context: Any) -> Any:
        told = _TOLD.get()
        if key.lower() in told:
            return told[key.lower()]
        if key.lower() == "lambda:sourcefunctionarn":
            return functions.get(context.principal_arn)
        return resolve(key, context)

    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = of_function
    iam_evaluator._resolve_condition_key = resolved


def simulations_have_context() -> None:
    """What `ContextEntries` of SimulatePrincipalPolicy say, which the emulator does not read."""
    from ministack.services import iam

    for name in ("SimulatePrincipalPolicy", "SimulateCustomPolicy"):
        iam._IAM_HANDLERS[name] = _with_context(iam._IAM_HANDLERS[name], iam._p)


def _with_context(simulate: Any, parameter: Any) -> Any:
    def simulated(request: Any) -> Any:
        told, entry = {}, 1
        while name := parameter(request, f"ContextEntries.member.{entry}.ContextKeyName"):
            prefix, values = f"ContextEntries.member.{entry}.ContextKeyValues.member", []
            while value := parameter(request, f"{prefix}.{len(values) + 1}"):
                values.append(value)
            kind = parameter(request, f"ContextEntries.member.{entry}.ContextKeyType")
            told[name.lower()] = values if kind.endswith("List") else values[0]
            entry += 1
        token = _TOLD.set(told)
        try:
            return simulate(request)
        finally:
            _TOLD.reset(token)
    return simulated


def web_identities_keep_their_provider() -> None:
    """CloudTrail names the provider in each call of such a session; the emulator forgets it with the answer."""
    from ministack.services import sts

    principal, register = sts._web_identity_principal, sts.register_session
    provider: contextvars.ContextVar[str] = contextvars.ContextVar("provider", default="")

    def seen(token: str, provider_id: str, role_arn: str) -> Any:
        found = principal(token, provider_id, role_arn)
        provider.set(found[0])
        return found

    def registered(access_key: str, session: dict) -> Any:
        if provider.get():
            session.setdefault("FederatedProvider", provider.get())
            provider.set("")
        return register(access_key, session)

    sts._web_identity_principal, sts.register_session = seen, registered


def apply() -> None:
    functions_are_stated()
    web_identities_keep_their_provider()
    simulations_have_context()
