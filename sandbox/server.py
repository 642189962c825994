"""The server process: the emulator's web application, the patches, and the recorder around it.

It is started by cloud.py in a prepared environment (the emulator reads its settings on import) and
must not read arguments or the user's environment itself. It prints the ready line, nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import urllib.request


def _log_to(path: str) -> int:
    """All logs go to the file, also what C code and children write; returns the real stdout."""
    ready_output = os.dup(1)
    os.set_inheritable(ready_output, False)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO,
                        format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return ready_output


def _announce(output: int, endpoint: str, account: str, region: str) -> None:
    """Print the ready line once the server has answered a real request."""
    deadline = time.monotonic() + 60
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        try:
            with opener.open(endpoint + "/_ministack/health", timeout=5) as answer:
                if answer.status == 200:
                    break
        except OSError:
            time.sleep(0.05)
    else:
        os.killpg(0, signal.SIGKILL)
    line = json.dumps({"ready": True, "endpoint": endpoint, "account": account, "region": region})
    try:
        os.write(output, (line + "\n").encode())
    except OSError:
        pass
    os.close(output)


def run(
    listener: socket.socket, state: str, account: str, region: str, *, consistency: float = 0.0, delay: float = 0.0
) -> int:
    """Serve until SIGTERM; returns the exit code."""
    output = _log_to(os.path.join(state, "cloud.log"))
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"

    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app as emulator

    import patches
    import rule_world
    import rules_stacks
    from consistency import Consistency
    from recorder import services, stacks
    from recorder.middleware import Recorder
    from strict import Strict

    patches.apply()
    rule_world.note_deletions()
    rules_stacks.apply()
    late = Consistency(consistency)
    late.start()
    recorder = Recorder(Strict(emulator.app, account, late), state, account, region, delay)
    # Last, so that they see what the patches and rules let through.
    stacks.watch(recorder)
    services.watch(recorder)
    configuration = Config()
    configuration.bind = [f"fd://{listener.fileno()}"]
    configuration.keep_alive_timeout = 75
    configuration.loglevel = "WARNING"

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        threading.Thread(target=_announce, args=(output, endpoint, account, region), daemon=True).start()
        await serve(recorder, configuration, shutdown_trigger=stop.wait)

    try:
        asyncio.run(main())
    finally:
        recorder.close()
        logging.shutdown()
    # Worker threads of the emulator may still wait for a function: the guard ends the group.
    os._exit(0)
