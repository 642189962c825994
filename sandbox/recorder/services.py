"""What Auto Scaling and EC2's fleets call, recorded as on AWS: by their own role's session, or in their caller's name.

A record of RunInstances by Auto Scaling of 2026 (session `AutoScaling` of AWSServiceRoleForAutoScaling, invokedBy, address
and agent `autoscaling.amazonaws.com`, the tag `aws:autoscaling:groupName` in the request) shows the form.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from . import identity, record, stacks

log = logging.getLogger("sandbox.recorder")


def watch(recorder) -> None:
    import patches_launches

    def told(call: patches_launches.ServiceCall) -> None:
        from ministack.core.responses import get_account_id, get_region

        account = get_account_id()
        caller = identity.caller.get()
        if call.role:
            who = identity.service_session(account, call.role, call.session)
        elif caller:
            who = identity.forwarded(caller)
        else:
            return
        seen = stacks.exchange({**who, "invokedBy": call.by}, "ec2", account, get_region(), agent=call.by)
        seen.headers["content-type"] = "application/x-www-form-urlencoded"
        seen.body, seen.response_body = urlencode(call.form).encode(), call.answer
        recorder.tell(lambda: record.build(seen), f"{call.by}'s {call.form['Action']}")

    def safely(call: patches_launches.ServiceCall) -> None:
        try:
            told(call)
        except Exception:
            log.exception("no record of %s by %s", call.form.get("Action"), call.by)

    patches_launches.watchers.append(safely)
