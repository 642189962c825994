"""The sandbox as an account to try in, and `run.py` as a process in it.

It needs the command line and the function's program: `cargo xtask test` builds both and names them; by hand TAGGER and
BOOTSTRAP do, or target/debug/tagger and target/release/bootstrap. It ends every process that it started.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from typing import Any

FIRST_RUN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(FIRST_RUN)
SANDBOX = os.path.join(ROOT, "sandbox")
TAGGER = os.environ.get("TAGGER") or os.path.join(ROOT, "target/debug/tagger")
BOOTSTRAP = os.environ.get("BOOTSTRAP") or os.path.join(ROOT, "target/release/bootstrap")
ACCOUNT, REGION = "111122223333", "eu-central-1"
# How long the whole of one run may take on a busy computer.
PATIENCE = 600

sys.path.insert(0, FIRST_RUN)


class Cloud:
    """A running sandbox with alice, an administrator, and the function's zip."""

    def __init__(self) -> None:
        for program in (TAGGER, BOOTSTRAP):
            if not os.path.isfile(program):
                raise AssertionError(f"{program} is not there: cargo build -p tagger-cli, cargo build --release -p tagger-lambda")
        self.folder = tempfile.mkdtemp(prefix="first-run-")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(SANDBOX, "cloud.py"), "--port", "0", "--state", self.folder, "--account", ACCOUNT,
             "--region", REGION], stdout=subprocess.PIPE, text=True, start_new_session=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("the sandbox did not start")
        self.endpoint = json.loads(line)["endpoint"]
        people = subprocess.run(
            [sys.executable, os.path.join(SANDBOX, "people.py"), "--endpoint", self.endpoint, "--account", ACCOUNT, "--region",
             REGION], capture_output=True, text=True, check=True, timeout=PATIENCE)
        alice = json.loads(people.stdout)["identities"][0]["environment"]
        self.environment = {
            "PATH": os.environ.get("PATH", ""), "HOME": self.folder, "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*", **alice}
        self.zip = os.path.join(self.folder, "bootstrap.zip")
        entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
        entry.external_attr, entry.create_system, entry.compress_type = 0o100755 << 16, 3, zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(self.zip, "w") as archive, open(BOOTSTRAP, "rb") as program:
            archive.writestr(entry, program.read(), compresslevel=1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Script:
    """One run of `run.py`, whose lines are read as they come."""

    def __init__(self, cloud: Cloud, out: str, *words: str) -> None:
        self.out = os.path.join(cloud.folder, out)
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(FIRST_RUN, "run.py"), "--tagger", TAGGER, "--zip", cloud.zip, "--out", self.out,
             "--wait", "150", *words], env=cloud.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self._reader = threading.Thread(target=lambda: self.lines.extend(self._read()), daemon=True)
        self._reader.start()

    def _read(self) -> Any:
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
        return []

    def until(self, text: str) -> None:
        """Waits for a line that begins so."""
        end = time.monotonic() + PATIENCE
        while not any(line.startswith(text) for line in self.lines):
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"no line begins with {text!r}:\n" + "\n".join(self.lines))
            time.sleep(0.05)

    def kill(self) -> None:
        """As a crash: with what it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.ended()

    def ended(self) -> int:
        code = self.process.wait(timeout=PATIENCE)
        self._reader.join(timeout=10)
        self.process.stdout.close()
        return code

    def rows(self) -> dict[str, dict[str, str]]:
        with open(os.path.join(self.out, "outcome.json"), encoding="utf-8") as file:
            return {row["id"]: row for row in json.load(file)["rows"]}
