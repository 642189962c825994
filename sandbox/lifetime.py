"""How the processes of the sandbox end together: parent-death notice, process group, last resort.

It must not decide *when* to stop in an orderly way (cloud.py and server.py do); it only makes sure
that nothing outlives its parent, also when that parent was killed with SIGKILL.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1


def notify_when_parent_dies(number: int) -> None:
    """Ask Linux for a signal when the parent goes; elsewhere polling alone has to do.

    Linux sends it when the parent's *thread* ends, so a receiver must look at getppid() before it believes it.
    """
    if sys.platform.startswith("linux"):
        try:
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        except (OSError, AttributeError):
            pass


def end_group_when_parent_dies() -> None:
    """For the server: when the guard is gone, end this process group with everything in it."""
    parent = os.getppid()

    def check(*_: object) -> None:
        if os.getppid() != parent:
            os.killpg(0, signal.SIGKILL)

    signal.signal(signal.SIGUSR1, check)
    notify_when_parent_dies(signal.SIGUSR1)

    def watch() -> None:
        while True:
            check()
            time.sleep(0.5)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def send(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def kill_group(leader: int) -> None:
    """End every process of the group; a group that is empty already is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
