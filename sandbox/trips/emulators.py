"""The two emulators: each is started on a free port of 127.0.0.1, and ends with this process.

ministack is started as the sandbox starts it, by cloud.py; moto is its own server, all services on one port.
It must not let an emulator see the user's AWS settings or a container engine.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import lifetime

NAMES = ("moto", "ministack")
# In the line that each prints when it answers; what comes after the port shows that the port is whole.
READY = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]*(?=[^0-9])")
HERE = os.path.dirname(os.path.abspath(__file__))


# What is made on ministack shows, or works, only after so many seconds, as on AWS.
CONSISTENCY = 1
# How long something may be late on each, with what the sandbox needs to see it.
LATE = {"moto": 0, "ministack": CONSISTENCY + 1}


def start(name: str, state: str, account: str) -> tuple[subprocess.Popen, str]:
    """The process and its endpoint, once it answers: each takes a free port and says which."""
    folder = os.path.join(state, name)
    os.makedirs(folder, exist_ok=True)
    commands = {
        "moto": ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        "ministack": [os.path.join(os.path.dirname(HERE), "cloud.py"), "--port", "0", "--state", folder,
                      "--account", account, "--consistency", str(CONSISTENCY)],
    }
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1", "MOTO_ACCOUNT_ID": account, "NO_PROXY": "*",
        "DOCKER_HOST": "unix://" + os.path.join(folder, "no-container-engine"),
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with open(os.path.join(folder, "output.log"), "wb") as output:
        process = subprocess.Popen(
            [sys.executable, *commands[name]], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            env=environment, preexec_fn=lambda: lifetime.notify_when_parent_dies(signal.SIGTERM))
    for _ in range(2400):
        with open(os.path.join(folder, "output.log"), encoding="utf-8", errors="replace") as output:
            said = output.read()
        ready = READY.search(said)
        if ready:
            return process, ready[0]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"{name} did not start (exit code {process.poll()}): {said[-2000:]}")
