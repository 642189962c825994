"""An AWS on this computer: starts the emulator with the recorder in front of it.

    python cloud.py --port N --state DIR [--account 111122223333] [--region us-east-1] [--consistency SECONDS]
        [--delay SECONDS]

Two processes: a *guard* (this one, which the caller sees) and its child, the *server*, which leads
a process group of its own that also holds every Lambda bootstrap. The guard ends that whole group
when it is told to stop or when its own parent is gone; the server does the same when the guard is gone.

It must not listen on anything but 127.0.0.1, must not see the user's AWS settings, and must not
print anything on stdout but the one ready line.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import socket
import sys
import time

import lifetime

EXIT_PORT_TAKEN = 2


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="cloud.py", description="An AWS on this computer.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free port; the ready line names it")
    parser.add_argument("--state", required=True, help="directory for logs and temporary files")
    parser.add_argument("--account", default="111122223333")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--consistency", type=float, default=os.environ.get("SANDBOX_CONSISTENCY", "0"), metavar="SECONDS",
                        help="what was made or changed shows only after this time; also SANDBOX_CONSISTENCY")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS",
                        help="records come late by up to this, in any order; AWS takes some minutes, and names no time")
    arguments = parser.parse_args(argv)
    if not re.fullmatch(r"\d{12}", arguments.account):
        parser.error(f"--account must be 12 digits, not {arguments.account!r}")
    if not 0 <= arguments.consistency <= 600:
        parser.error(f"--consistency must be from 0 to 600 seconds, not {arguments.consistency:g}")
    if not 0 <= arguments.delay <= 3600:
        parser.error(f"--delay must be from 0 to 3600 seconds, not {arguments.delay:g}")
    return arguments


def private_environment(port: int, state: str, account: str, region: str) -> dict[str, str]:
    """Everything the emulator and the functions may know; nothing else of the caller's environment stays."""
    endpoint = f"http://127.0.0.1:{port}"
    temporary = os.path.join(state, "tmp")
    return {
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "HOME": state,
        "TMPDIR": temporary,
        "PYTHONDONTWRITEBYTECODE": "1",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": account,
        "MINISTACK_REGION": region,
        "AUTH": "true",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # A container engine of the user is never used: nothing of his may be started or stopped.
        "DOCKER_HOST": "unix://" + os.path.join(state, "no-container-engine"),
        "LOG_LEVEL": "INFO",
        "SANDBOX_QUEUE_PAUSE": os.environ.get("SANDBOX_QUEUE_PAUSE", "60"),
        # What the functions get: without it they would talk to the real AWS.
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "*",
    }


def listen(port: int) -> socket.socket:
    """The listening socket, opened before anything is loaded so that a taken port fails at once."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except OSError as error:
        reason = "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        print(f"Port {port} on 127.0.0.1 {reason}: choose another one with --port.", file=sys.stderr)
        sys.exit(EXIT_PORT_TAKEN)
    return listener


def guard(server: int, parent: int) -> int:
    """Wait for the server, and end its whole group when asked to or when the parent is gone."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: asked.append(received))
    lifetime.notify_when_parent_dies(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    stop_at: float | None = None
    while True:
        finished, status = os.waitpid(server, os.WNOHANG)
        if finished:
            lifetime.kill_group(server)
            if asked:
                return 0
            return os.waitstatus_to_exitcode(status) if not os.WIFSIGNALED(status) else 1
        if os.getppid() != parent:
            lifetime.kill_group(server)
            return 1
        if asked and stop_at is None:
            lifetime.send(server, signal.SIGTERM)
            stop_at = time.monotonic() + 8
        if stop_at is not None and time.monotonic() > stop_at:
            lifetime.kill_group(server)
        time.sleep(0.1)


def main(argv: list[str] | None = None) -> int:
    arguments = parse_arguments(argv)
    state = os.path.abspath(arguments.state)
    os.makedirs(os.path.join(state, "tmp"), exist_ok=True)
    listener = listen(arguments.port)
    port = listener.getsockname()[1]
    environment = private_environment(port, state, arguments.account, arguments.region)
    parent = os.getppid()
    server = os.fork()
    if server:
        listener.close()
        try:
            os.setpgid(server, server)  # both sides set it, so there is no moment without the group
        except OSError:
            pass
        # The guard keeps no hold on stdout: its reader sees the end when the server ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return guard(server, parent)
    os.setpgid(0, 0)
    lifetime.end_group_when_parent_dies()
    os.environ.clear()
    os.environ.update(environment)
    import tempfile

    tempfile.tempdir = environment["TMPDIR"]
    import server as emulator

    return emulator.run(
        listener, state, arguments.account, arguments.region, consistency=arguments.consistency, delay=arguments.delay
    )


if __name__ == "__main__":
    sys.exit(main())
