"""Follows the function's log in a running sandbox cloud and prints each line of JSON in it, as it comes.

    python feed.py --endpoint URL --account A --region R --group NAME

It ends with whoever reads it. It must not change anything in the cloud.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import botocore.exceptions

import lifetime
from people import Cloud, isolate

# How often it looks.
PAUSE = 0.3
# A line can be written a moment after one with a later time.
BACK_MS = 5_000


def follow(logs, group: str, begin: int) -> None:
    seen: dict[tuple, int] = {}
    since = begin
    while True:
        page: dict = {}
        while True:
            try:
                page = logs.filter_log_events(logGroupName=group, startTime=since,
                                              **({"nextToken": page["nextToken"]} if page.get("nextToken") else {}))
            except botocore.exceptions.ClientError as error:
                # The log is there from the first invocation on.
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                page = {"events": []}
            for event in page["events"]:
                # The emulator gives a line no id.
                key = (event["logStreamName"], event["timestamp"], event["message"])
                if key not in seen:
                    seen[key] = event["timestamp"]
                    say(event["message"])
            if not page.get("nextToken"):
                break
        since = max([begin, *(at - BACK_MS for at in seen.values())])
        seen = {key: at for key, at in seen.items() if at >= since}
        time.sleep(PAUSE)


def say(message: str) -> None:
    try:
        line = json.loads(message)
    except ValueError:
        return
    if isinstance(line, dict):
        print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("endpoint", "account", "region", "group"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    isolate()
    lifetime.end_group_when_parent_dies()
    cloud = Cloud(arguments.endpoint, arguments.region, arguments.account, "test")
    try:
        follow(cloud.client("logs"), arguments.group, int(time.time() * 1000))
    except (BrokenPipeError, KeyboardInterrupt, botocore.exceptions.EndpointConnectionError,
            botocore.exceptions.ConnectionClosedError):
        sys.exit(0)


if __name__ == "__main__":
    main()
