"""A running sandbox cloud for tests, and the unmodified AWS CLI to talk to it.

It must not use the user's AWS settings, and it ends every process it started.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Any

SANDBOX = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
AWS = os.path.join(os.path.dirname(sys.executable), "aws")
ACCOUNT = "111122223333"
REGION = "us-east-1"

sys.path.insert(0, SANDBOX)

# A function in a few lines: writes each event to the file it is told, and what it finds out about itself.
BOOTSTRAP = f"""#!{sys.executable}
import json, os, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
with open(os.environ["OUT"] + ".environment", "w") as file:
    json.dump(dict(os.environ), file)
while True:
    with urllib.request.urlopen(base + "next") as answer:
        request, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], answer.read()
    with open(os.environ["OUT"], "ab") as file:
        file.write(event + b"\\n")
    fails = b"fail-please" in event
    where = request + ("/error" if fails else "/response")
    body = b'{{"errorMessage": "asked to", "errorType": "Asked"}}' if fails else b"{{}}"
    urllib.request.urlopen(urllib.request.Request(base + where, data=body, method="POST"))
"""


def alive(process: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return False
    try:
        os.kill(process, 0)
        return True
    except ProcessLookupError:
        return False


def parents() -> list[tuple[int, int]]:
    """Every process with its parent: from /proc, or by ps where there is none (macOS); a bare Linux may lack ps."""
    if not os.path.isdir("/proc/self"):
        lines = subprocess.run(["ps", "-Ao", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        return [(int(child), int(parent)) for child, parent in map(str.split, lines.splitlines())]
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                found.append((int(name), int(file.read().rsplit(")", 1)[1].split()[1])))
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended while the list was read.
    return found


def descendants(process: int) -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = {}
    for child, parent in parents():
        children.setdefault(parent, []).append(child)
    found, waiting = [], [process]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found


def wait(condition, seconds: float = 15.0, what: str = "it") -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"expected within {seconds:g} s: {what}; found: nothing")


class Cloud:
    """One server, its state directory, and what it recorded."""

    def __init__(self, *options: str) -> None:
        self.state = tempfile.mkdtemp(prefix="sandbox-test-")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(SANDBOX, "cloud.py"), "--port", "0", "--state", self.state,
             "--account", ACCOUNT, "--region", REGION, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            # These must not be seen by anything inside.
            env={**os.environ, "AWS_PROFILE": "of-the-user", "HTTP_PROXY": "http://127.0.0.1:9", "HOME": "/nowhere"})
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the cloud did not start: " + self.process.stderr.read() + self.log()[-2000:])
        self.ready = json.loads(line)
        self.endpoint = self.ready["endpoint"]
        self._seen = 0

    def log(self) -> str:
        path = os.path.join(self.state, "cloud.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()

    def status(self) -> dict[str, int]:
        with urllib.request.urlopen(self.endpoint + "/_sandbox/recorder", timeout=10) as answer:
            return json.load(answer)

    def settle(self) -> None:
        wait(lambda: self.status()["pending"] == 0, what="every call recorded")

    def records(self) -> list[dict]:
        self.settle()
        with open(os.path.join(self.state, "records.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def aws(self, *arguments: str, identity: dict[str, str] | None = None, fails: bool = False,
            region: str = REGION) -> Any:
        environment = {
            "PATH": os.environ.get("PATH", ""), "HOME": self.state, "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": region, "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1", "LC_ALL": "C.UTF-8",
            **(identity or {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test"})}
        done = subprocess.run([AWS, "--endpoint-url", self.endpoint, "--output", "json", *arguments],
                              env=environment, capture_output=True, text=True, timeout=60)
        if fails != (done.returncode != 0):
            raise AssertionError(f"aws {' '.join(arguments)}: expected {'a failure' if fails else 'success'}, "
                                 f"found exit code {done.returncode}: {done.stderr}{done.stdout}")
        text = done.stdout.strip()
        return json.loads(text) if text.startswith(("{", "[")) else text

    def recorded(self, *arguments: str, **options: Any) -> dict:
        """Make the call, and return its record."""
        before = len(self.records())
        self.aws(*arguments, **options)
        made = self.records()[before:]
        if len(made) != 1:
            raise AssertionError(f"aws {' '.join(arguments)}: expected 1 record, found "
                                 f"{[record['eventName'] for record in made]}; {self.status()}")
        return made[0]

    def setup(self, rules: list, policy: dict, out: str) -> dict:
        """Run product.py with the small function above."""
        paths = {}
        for name, content in (("bootstrap", BOOTSTRAP), ("rules.json", json.dumps(rules)),
                              ("policy.json", json.dumps(policy))):
            paths[name] = os.path.join(self.state, name)
            with open(paths[name], "w", encoding="utf-8") as file:
                file.write(content)
        done = subprocess.run(
            [sys.executable, os.path.join(SANDBOX, "tests", "product.py"), "--endpoint", self.endpoint, "--account", ACCOUNT,
             "--region", REGION, "--bootstrap", paths["bootstrap"], "--rules", paths["rules.json"], "--policy",
             paths["policy.json"], "--environment", f"OUT={out}"],
            capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise AssertionError(f"product.py: expected success, found exit code {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def stop(self) -> int:
        """Ask it to end; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process.stderr.close()
        shutil.rmtree(self.state, ignore_errors=True)
        return code


def gaps(message: str) -> str:
    """A rule's message as a regular expression: anything may stand in its gaps."""
    return ".*".join(re.escape(part) for part in re.split(r"\{\w+\}", message))
