"""Lambda's Runtime API for one invocation: hands out the event, takes the answer."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import ClassVar

from local.template.loader import Value


@dataclass(frozen=True)
class Outcome:
    """What the runtime reported: the function's answer, or the error that ended it."""

    value: Value
    failed: bool


@dataclass
class Invocation:
    """One event on its way, and its outcome once there is one."""

    event: Value
    function_arn: str
    timeout_seconds: int
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    outcome: SimpleQueue[Outcome] = field(default_factory=SimpleQueue)
    taken: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, invocation: Invocation) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.invocation = invocation
        self.closing = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the runtime is ended in the middle of its next request."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Without these two every call waits 40 ms for the other side's acknowledgement.
    disable_nagle_algorithm = True
    wbufsize: ClassVar[int] = -1

    def do_GET(self) -> None:
        """The runtime asks for the next event; after the first there is none, and it waits until it is ended."""
        invocation = self.server.invocation
        if invocation.taken.is_set():
            self.server.closing.wait()
            return
        invocation.taken.set()
        body = json.dumps(invocation.event).encode()
        deadline = int((time.time() + invocation.timeout_seconds) * 1000)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Lambda-Runtime-Aws-Request-Id", invocation.request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """The runtime reports an answer, or an error (of the invocation, or of the function's import)."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        failed = self.path.endswith("/error")
        self.server.invocation.outcome.put(Outcome(json.loads(body or b"null"), failed))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the function's own lines are what one wants to see."""


@contextmanager
def runtime_api(invocation: Invocation) -> Iterator[str]:
    """Serve the invocation inside the block; hands back `host:port` for AWS_LAMBDA_RUNTIME_API."""
    server = _Server(invocation)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
