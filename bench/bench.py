#!/usr/bin/env python3
"""Measures one Lambda function (any executable that speaks the Runtime API) on loopback.

    bench.py [--count N] [--env NAME=VALUE]... -- COMMAND...

Prints one JSON object: process start to the first request for work, first and warm time per invocation,
CPU per warm event, peak memory (VmHWM), AWS calls. `own` time is an invocation's wall time less the time in
which the fake endpoint held at least one of its AWS calls, so the endpoint's own work does not count.
Needs Linux and nothing outside the standard library. `suite.py` compares several functions with it.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

from fake_aws import Call, FakeAws
from fake_runtime import FUNCTION_ARN, FakeRuntime, Invocation

HERE = Path(__file__).resolve().parent
EVENTS = [json.loads(line) for line in (HERE / "events.jsonl").read_text().splitlines() if line.strip()]


class Failed(Exception):
    """The function ended, hung or could not be started."""


def process_tree(root: int) -> list[int]:
    """`root` and its living descendants."""
    children = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            children[int(stat.rpartition(")")[2].split()[1])].append(int(entry))
    tree = [root]
    for pid in tree:
        tree += children[pid]
    return tree


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of all threads of these processes, to the nanosecond."""
    # The clock id that clock_getcpuclockid(3) computes for another process.
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def peak_mb(pids: list[int]) -> float:
    """The most memory that each process held, together."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                total += int(line.split()[1])
    return total / 1024


def busy_ns(calls: list[Call], start: int, end: int) -> int:
    """How long, between start and end, at least one call was held by the endpoint."""
    total, reached = 0, start
    for call in sorted(calls, key=lambda c: c.in_ns):
        low, high = max(call.in_ns, reached), min(call.out_ns or end, end)
        if high > low:
            total += high - low
            reached = high
    return total


def child_environment(runtime: FakeRuntime, aws: FakeAws, cwd: str, extra: dict[str, str]) -> dict[str, str]:
    """What Lambda sets, and nothing of the caller's: no AWS profile, no TAGGER_ variable."""
    return {
        "PATH": os.environ.get("PATH", ""), "HOME": cwd, "LANG": "C.UTF-8", "TZ": ":UTC",
        "AWS_LAMBDA_RUNTIME_API": runtime.address, "AWS_ENDPOINT_URL": aws.url,
        "AWS_ACCESS_KEY_ID": "ASIAFAKE", "AWS_SECRET_ACCESS_KEY": "fake", "AWS_SESSION_TOKEN": "fake",
        "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_ARN.rpartition(":")[2], "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/auto-tagger",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": cwd, "_HANDLER": "handler",
    } | extra


def run_once(command: list[str], *, count: int = 400, cwd: Path | None = None,
             env: dict[str, str] | None = None, limit_s: float = 300) -> dict:
    """Starts `command`, gives it about `count` events, ends it, and returns the figures."""
    warmup = 2 * len(EVENTS)
    count -= (count - warmup) % len(EVENTS)  # whole rotations, so that each event weighs the same
    if count <= warmup:
        raise Failed(f"count must be at least {warmup + len(EVENTS)}")
    marks: dict[str, float] = {}
    spawned = threading.Event()  # a native function can ask for its first event before Popen returns

    def on_next(index: int):  # the function waits while this runs
        spawned.wait()
        if index in (0, warmup, count):
            tree = process_tree(child.pid)
            marks[f"cpu{index}"], marks[f"peak{index}"] = cpu_seconds(tree), peak_mb(tree)

    runtime, aws = FakeRuntime(EVENTS, count, on_next), FakeAws()
    folder = str(cwd or Path.cwd())
    with tempfile.TemporaryFile("w+") as log:
        started = time.perf_counter_ns()
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                     env=child_environment(runtime, aws, folder, env or {}),
                                     start_new_session=True)
        except OSError as error:
            raise Failed(f"{command[0]} could not be started: {error}") from error
        spawned.set()
        try:
            deadline = time.monotonic() + limit_s
            while not runtime.finished.wait(0.2):
                if child.poll() is not None or time.monotonic() > deadline:
                    break
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)  # the session that we started, nothing else
            child.wait()
            runtime.close()
            aws.close()
        if runtime.init_error or f"cpu{count}" not in marks:
            log.seek(0)
            why = runtime.init_error or f"ended after {len(runtime.invocations)} events"
            raise Failed(f"{' '.join(command)}: {why}\n{log.read()[-2000:]}")
    return figures(runtime.invocations, aws.calls, marks, started, runtime.first_next_ns, warmup, count)


def figures(invocations: list[Invocation], calls: list[Call], marks: dict[str, float], started: int,
            first_next: int, warmup: int, count: int) -> dict:
    """What is reported of one run."""
    per_call = [[c for c in calls if i.sent_ns <= c.in_ns <= i.done_ns] for i in invocations]
    own = [(i.done_ns - i.sent_ns - busy_ns(c, i.sent_ns, i.done_ns)) / 1e6 for c, i in zip(per_call, invocations)]
    warm = range(warmup, count)
    warm_calls = [call for i in warm for call in per_call[i]]
    tagged = sum(call.tagged for call in warm_calls)
    start_ms = (first_next - started) / 1e6
    return {
        "start_ms": start_ms,
        "start_and_first_ms": start_ms + own[0],
        "warm_own_ms": statistics.median(own[i] for i in warm),
        "cpu_start_ms": marks["cpu0"] * 1000,
        "cpu_per_event_ms": (marks[f"cpu{count}"] - marks[f"cpu{warmup}"]) * 1000 / len(warm),
        "peak_start_mb": marks["peak0"],
        "peak_mb": marks[f"peak{count}"],
        "calls_per_event": len(warm_calls) / len(warm),
        "resources_per_event": tagged / len(warm),
        "calls_per_resource": len(warm_calls) / tagged if tagged else None,
        "errors": sum(i.error is not None for i in invocations),
        "first_error": next((i.error for i in invocations if i.error), None),
        "invocations": count,
        "calls_by_operation": dict(sorted(Counter(c.operation for c in calls).items())),
    }


def rounded(value):
    """The same with numbers to three decimals."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400, help="events handed out, in whole rotations")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("command", nargs="+", help="the function, after --")
    args = parser.parse_args()
    try:
        result = run_once(args.command, count=args.count, env=dict(pair.split("=", 1) for pair in args.env))
    except Failed as error:
        sys.exit(str(error))
    print(json.dumps(rounded(result), indent=1))


if __name__ == "__main__":
    main()
