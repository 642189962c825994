"""The real program `bootstrap` with a Runtime API of its own, pointed at an emulator.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. It must not know what an event means: an event goes
in, what the function answered and logged comes out. There are no queues, so what fails fails at once.
"""

from __future__ import annotations

import http.server
import json
import os
import queue
import subprocess
import threading
import time
from typing import Any

SECONDS = 30


class Function:
    def __init__(self, program: str, endpoint: str, account: str, log: str) -> None:
        self._events: queue.Queue[dict] = queue.Queue()
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._log_name = log
        self._seen = 0
        with open(log, "wb") as output:
            self.process = subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": "auto-resource-tagger", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": account,
                "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": endpoint})

    def _handler(self) -> type:
        events, answers = self._events, self._answers

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                event = events.get()  # Lambda freezes the function here as well
                body = json.dumps(event).encode()
                self.send_response(200)
                for name, value in (
                        ("Content-Type", "application/json"), ("Content-Length", str(len(body))),
                        ("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000"),
                        ("Lambda-Runtime-Deadline-Ms", str(int((time.time() + SECONDS) * 1000))),
                        ("Lambda-Runtime-Invoked-Function-Arn",
                         "arn:aws:lambda:us-east-1:111122223333:function:auto-resource-tagger")):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                answers.put((self.path.rsplit("/", 1)[-1], json.loads(body or b"null")))

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def invoke(self, event: dict[str, Any]) -> tuple[bool, Any, str]:
        """Whether it answered without an error, what it answered, and what it logged."""
        self._events.put(event)
        try:
            kind, answer = self._answers.get(timeout=SECONDS + 5)
        except queue.Empty:
            kind, answer = "error", f"no answer within {SECONDS + 5} s; exit code {self.process.poll()}"
        with open(self._log_name, encoding="utf-8", errors="replace") as log:
            log.seek(self._seen)
            text = log.read()
            self._seen = log.tell()
        return kind == "response", answer, text

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._server.shutdown()


def event(record: dict[str, Any]) -> dict[str, Any]:
    """The event in which EventBridge delivers a record."""
    source = "aws." + record["eventSource"].split(".")[0]
    return {"version": "0", "id": record["eventID"], "detail-type": "AWS API Call via CloudTrail", "source": source,
            "account": record["recipientAccountId"], "time": record["eventTime"], "region": record["awsRegion"],
            "resources": [], "detail": record}
