"""What the templates' tests share: the templates as data, the sandbox's cloud, and the unmodified function in it.

The cloud is the sandbox's (sandbox/cloud.py): an emulator with IAM enforced and a recorder that does what CloudTrail
does. It listens on 127.0.0.1 only, and ends with the process that started it.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile
from typing import Any, Callable

import botocore.config
import botocore.session
import cfnlint.decode

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TEMPLATES = os.path.join(ROOT, "templates")
BOOTSTRAP = os.path.join(ROOT, "target", "release", "bootstrap")
ACCOUNT = "111122223333"
REGION = "us-east-1"
NAMES = ("tagger", "forwarder", "organization")


def path(name: str) -> str:
    return os.path.join(TEMPLATES, f"{name}.yaml")


def template(name: str) -> dict[str, Any]:
    """The template with its short forms (!Ref) written out, as plain data."""
    decoded, problems = cfnlint.decode.decode(path(name))
    if problems:
        raise AssertionError(f"{name}.yaml: {problems[0]}")
    return json.loads(json.dumps(decoded))


def resources(name: str, kind: str) -> dict[str, dict[str, Any]]:
    found = template(name)["Resources"].items()
    return {key: value["Properties"] for key, value in found if value["Type"] == kind}


def patterns(name: str, account: str = ACCOUNT) -> dict[str, str]:
    """The event patterns of the creation rules, minified, with the account put in."""
    found = {rule["Name"]: rule["EventPattern"] for rule in resources(name, "AWS::Events::Rule").values()
             if rule["Name"].startswith("auto-tag-create-resources")}
    return {rule: json.dumps(pattern, separators=(",", ":")).replace('{"Ref":"AWS::AccountId"}', f'"{account}"')
            for rule, pattern in found.items()}


def wait(condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"expected within {seconds:g} s: {what}; found: nothing")


def function_zip() -> bytes:
    with open(BOOTSTRAP, "rb") as file:
        content = file.read()
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, content, compresslevel=1)
    return buffer.getvalue()


class Cloud:
    """The sandbox's cloud, empty, and clients of its account's root."""

    def __init__(self) -> None:
        self.state = tempfile.mkdtemp(prefix="templates-test-")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "sandbox", "cloud.py"), "--port", "0", "--state", self.state,
             "--account", ACCOUNT, "--region", REGION], stdout=subprocess.PIPE, text=True,
            # The tests make the stack again and again; SQS's minute between two queues of one name is held elsewhere.
            env=os.environ | {"SANDBOX_QUEUE_PAUSE": "0"})
        ready = self.process.stdout.readline()
        if not ready:
            raise AssertionError("the cloud did not start: " + self.log()[-2000:])
        self.endpoint = json.loads(ready)["endpoint"]
        self._session = botocore.session.Session()

    def log(self) -> str:
        try:
            with open(os.path.join(self.state, "cloud.log"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def client(self, service: str, region: str = REGION, key: str = ACCOUNT, secret: str = "test"):
        # The emulator takes a key that is an account's number for that account's root.
        return self._session.create_client(
            service, region_name=region, endpoint_url=self.endpoint, aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=botocore.config.Config(s3={"addressing_style": "path"}, proxies={}, retries={"total_max_attempts": 1}))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
        self.process.stdout.close()
        shutil.rmtree(self.state, ignore_errors=True)


class CloudTest(unittest.TestCase):
    """Tests that share one cloud."""

    cloud: Cloud

    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.close)


def no_placeholder(text: str) -> bool:
    return not re.search(r"!![A-Z_]+!!", text)
