"""Goes through all rows on both emulators, and prints what came of them as one JSON document.

    python sandbox/trips/run.py --bootstrap target/release/bootstrap --state DIR [--only SERVICE] [--on EMULATOR]

A row that an emulator cannot create is a gap, with the emulator's own error code; what was created and is then not
found with its tag is a fault, unless the row says why the emulator is to blame. It must not decide what is listed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import sys
import time
import threading
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")

import boto3  # noqa: E402
import botocore.config  # noqa: E402
import botocore.exceptions  # noqa: E402
import botocore.parsers  # noqa: E402
from botocore import xform_name  # noqa: E402

from trips import emulators, function, reading, rows  # noqa: E402
from trips.recording import ACCOUNT, USER, Recording  # noqa: E402
from trips.row import Missing, Read, Row, identifier, resolve  # noqa: E402

REGION = "us-east-1"
SESSION = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="test", region_name=REGION)
LOCK = threading.Lock()
CONFIG = botocore.config.Config(
    retries={"total_max_attempts": 1}, parameter_validation=True, inject_host_prefix=False, proxies={},
    connect_timeout=5, read_timeout=120, s3={"addressing_style": "path"})
# An emulator that does not have a call says so in many ways; one word for them keeps the list readable.
ABSENT = {"400", "404", "405", "500", "501", "InvalidAction", "InternalError", "UnknownOperationException"}
NO_ROUTE = ("Unknown path", "No route for", "Unsupported method", "Unsupported IoT path", "Unknown Route53 endpoint")


class Gap(Exception):
    """The emulator cannot do it."""


class Fault(Exception):
    """It was created, and its tag is not where it should be."""


class Traveller:
    """All rows on one emulator."""

    def __init__(self, name: str, program: str, state: str) -> None:
        self.name = name
        self.process, self.endpoint = emulators.start(name, state, ACCOUNT)
        self.function = function.Function(program, self.endpoint, ACCOUNT, os.path.join(state, name + ".function.log"))
        self.clients: dict[str, tuple[Any, Recording]] = {}
        self.results: dict[str, Any] = {"account": {"id": ACCOUNT}}
        self.found: list[dict[str, Any]] = []

    def client(self, service: str) -> tuple[Any, Recording]:
        if service not in self.clients:
            with LOCK:  # a session is not to be used by two threads, but its models are read once
                client = SESSION.client(service, endpoint_url=self.endpoint, config=CONFIG)
            self.clients[service] = (client, Recording(client))
        return self.clients[service]

    def call(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        client, _ = self.client(service)
        end = time.monotonic() + emulators.LATE[self.name]
        while True:
            try:
                answer = getattr(client, xform_name(operation))(**parameters)
            except botocore.exceptions.ClientError as error:
                if time.monotonic() > end or not _not_there(error):
                    raise
                time.sleep(0.2)
            else:
                answer.pop("ResponseMetadata", None)
                return answer

    def row(self, row: Row) -> None:
        try:
            stages = self._row(row)
        except Gap as gap:
            for type_ in row.types or [""]:
                self._say("gap", row, type_, str(gap))
            return
        for type_, (kind, text, more) in stages.items():
            self._say(kind, row, type_, text, **more)

    def _say(self, kind: str, row: Row, type_: str, text: str, **more: Any) -> None:
        excuse = row.gaps.get(self.name)
        if kind == "fault" and excuse:
            kind, text = "gap", excuse
        elif excuse and kind == "proved":
            kind, text = "fault", f"it works now: take the gap for {self.name} ({excuse}) out of the row"
        self.found.append({"kind": kind, "emulator": self.name, "type": type_, "service": row.service,
                           "operation": row.operation, "text": text, **more})

    def _row(self, row: Row) -> dict[str, tuple[str, str, dict]]:
        client, recording = self.client(row.service)
        model = client.meta.service_model
        try:
            parameters = plain = resolve(row.parameters, self.results)
        except Missing as missing:
            raise Gap(f"needs {missing}") from None
        if row.types:
            parameters = reading.with_owner(
                parameters, model.operation_model(row.operation).input_shape, row.owner)
        try:
            answer = self.call(row.service, row.operation, parameters)
        except botocore.exceptions.ParamValidationError:
            raise
        except Exception as error:
            raise Gap(f"{row.operation}: {_code(error)}") from None
        self.results[row.label] = answer
        if not row.types:
            return {}
        made = recording.record()
        if made is None:
            return {type_: ("fault", "the recorder takes it for a data event", {}) for type_ in row.types}
        seen = answer
        if row.look:
            operation, more = row.look
            try:
                seen = self.call(row.service, operation, resolve(more, self.results | {"answer": answer}))
            except Exception as error:
                raise Gap(f"{operation}: {_code(error)}") from None
        seen = seen | {"answer": answer}
        result: dict[str, tuple[str, str, dict]] = {}
        before = {}
        for type_, expression in row.types.items():
            try:
                before[type_] = self._before(row, expression, seen)
            except Gap as gap:
                result[type_] = "gap", str(gap), {}
            except Fault as fault:
                result[type_] = "fault", str(fault), {"record": made}
        if before:
            done, said, log = self.function.invoke(function.event(made))
            for type_, found in before.items():
                result[type_] = self._after(row, type_, found, done, said, log, made, parameters != plain)
        return result

    def _before(self, row: Row, expression: str, seen: dict[str, Any]) -> tuple[Any, Read, dict[str, str] | None]:
        """What the reading call is asked, by which call, and the tags before the function has seen the record."""
        id_ = identifier(expression, seen)
        if id_ is None:
            raise Fault(f"the answer has no {expression}")
        read = row.read or reading.read_of(self.client(row.service)[0].meta.service_model)
        if read is None:
            raise Fault("no call is known that reads its tags: say it in the row or in reading.py")
        try:
            return id_, read, self._tags(row, read, id_)
        except Exception as error:
            if _absent(error):
                raise Gap(f"{read.operation}: {_code(error)}") from None
            return id_, read, None  # "no tags yet" is an error with some services; what it is shows afterwards

    def _after(self, row: Row, type_: str, found: tuple[Any, Read, dict[str, str] | None], done: bool, said: Any,
        log: str,
               made: dict[str, Any], owned: bool) -> tuple[str, str, dict]:
        id_, read, before = found
        tags = before or {}
        try:
            after = self._tags(row, read, id_)
        except Exception as error:
            if before is None and owned:
                # It was created with a tag: the emulator does not find what it says itself that it made.
                return "gap", f"{read.operation} of what was created: {_code(error)}", {}
            return "fault", f"{read.operation}({id_}): {_code(error)}; {said}", {"log": log, "record": made}
        event = f"{made['eventSource']} {made['eventName']}"
        more = {"event": event, "read": f"{row.service}:{read.operation}", "kept": tags.get("Owner") == "team",
                "asked": "form" if row.types[type_].startswith("=arn:") else "answer"}
        if after.get("CreatedBy") != USER or not done:
            text = (f"expected CreatedBy={USER} on {id_} by {read.operation}, found {after}; before: {tags}; "
                    f"the function answered {json.dumps(said)[:400]}")
            return "fault", text, {"log": log, "record": made}
        if "CreatedBy" in tags:
            return "fault", f"{id_} had CreatedBy before the function was asked", {}
        lost = {key: value for key, value in tags.items() if after.get(key) != value}
        if lost:
            return "fault", f"{id_} lost the tags {lost}", {"log": log, "record": made}
        return "proved", "", more

    def _tags(self, row: Row, read: Read, id_: Any) -> dict[str, str]:
        return reading.tags(read, self.call(row.service, read.operation, reading.parameters(read, id_)))

    def close(self) -> None:
        self.function.close()
        self.process.terminate()
        self.process.wait()


def _not_there(error: botocore.exceptions.ClientError) -> bool:
    """Whether it is about something that may not show yet, or a role that cannot be assumed yet."""
    said = error.response["Error"]
    words = ("NotFound", "NonExistent", "NoSuch", "DoesNotExist")
    return any(word in said.get("Code", "") for word in words) or "cannot be assumed" in said.get("Message", "")


def _absent(error: Exception) -> bool:
    """Whether the emulator does not have the call: it says so in one of many ways, or answers what is no answer."""
    if isinstance(error, botocore.exceptions.ClientError):
        message = str(error.response["Error"].get("Message"))
        return str(error.response["Error"].get("Code")) in ABSENT or message.startswith(NO_ROUTE)
    return isinstance(error, botocore.parsers.ResponseParserError)


def _code(error: Exception) -> str:
    """What an error is, without what differs from run to run."""
    if VERBOSE:
        return f"{type(error).__name__}: {error}"
    if _absent(error):
        return "not implemented"
    if isinstance(error, botocore.exceptions.ClientError):
        return str(error.response["Error"].get("Code"))
    return type(error).__name__


def travel(name: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    traveller = Traveller(name, arguments.bootstrap, arguments.state)
    try:
        for row in rows.ALL:
            if not arguments.only or row.service in arguments.only.split(",") or not row.types:
                try:
                    traveller.row(row)
                except botocore.exceptions.ParamValidationError as error:
                    raise SystemExit(f"the row {row.service} {row.operation}: {error}") from None
    finally:
        traveller.close()
    return traveller.found


def main() -> int:
    global VERBOSE
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--only", help="services, with commas")
    parser.add_argument("--on", choices=emulators.NAMES)
    parser.add_argument("--verbose", action="store_true", help="errors with their messages")
    arguments = parser.parse_args()
    VERBOSE = arguments.verbose
    os.makedirs(arguments.state, exist_ok=True)
    names = [arguments.on] if arguments.on else list(emulators.NAMES)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = [item for part in pool.map(lambda name: travel(name, arguments), names) for item in part]
    json.dump(found, sys.stdout, indent=1, default=str)
    return 0


VERBOSE = False
if __name__ == "__main__":
    sys.exit(main())
