"""A real HTTP server that answers as a test tells it, and spoils what it is told to spoil."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import requests


@dataclass(frozen=True)
class Seen:
    """A request as it came; headers by lower-cased name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def key(self) -> str | None:
        """Its idempotency key."""
        return self.body.get("idempotency_key") if self.body else None


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


Answering = Callable[[Seen], Reply]


@dataclass(frozen=True)
class Fault:
    """What happens to a request: whether it has its effect, and what is answered; None hangs up."""

    effect: bool
    reply: Reply | None = None


LOST_BEFORE = Fault(effect=False)
LOST_AFTER = Fault(effect=True)


def refusal(status: int, code: str, details: object = None, headers: Mapping[str, str] | None = None) -> Reply:
    """An error in the service's form."""
    return Reply(
        status, {"error": {"code": code, "message": f"It is {code}.", "details": details or {}}}, headers or {}
    )


def failed(status: int, *, effect: bool = False, code: str = "STORE_UNAVAILABLE") -> Fault:
    """An error instead of the answer."""
    return Fault(effect, refusal(status, code))


def passing_on(base_url: str) -> Answering:
    """Answers as another server does."""

    def answer(seen: Seen) -> Reply:
        sent = {name: value for name, value in seen.headers.items() if name in {"authorization", "content-type"}}
        data = None if seen.body is None else json.dumps(seen.body)
        got = requests.request(seen.method, base_url + seen.path, headers=sent, data=data, timeout=60)
        kept = {
            name: value for name, value in got.headers.items() if name.lower().startswith(("idem", "retry", "x-next"))
        }
        is_json = got.headers.get("content-type", "").startswith("application/json")
        return Reply(got.status_code, got.json() if is_json else got.content, kept)

    return answer


class FaultServer:
    """Listens on a free port of this machine."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.seen: list[Seen] = []
        self.answered: list[tuple[Seen, Reply]] = []
        self._faults: list[tuple[str, Fault]] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def spoil(self, *faults: Fault, path: str = "") -> None:
        """Spoil the next requests whose path ends so, in order."""
        self._faults += [(path, fault) for fault in faults]

    def asked(self, path: str = "") -> list[Seen]:
        """The requests whose path ends so."""
        return [seen for seen in self.seen if seen.path.endswith(path)]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, seen: Seen) -> Fault:
        with self._lock:
            self.seen.append(seen)
            for place, (path, fault) in enumerate(self._faults):
                if seen.path.endswith(path):
                    del self._faults[place]
                    return fault
        return Fault(effect=True, reply=Reply())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self) -> None:
                super().setup()
                with server._lock:
                    server.connections += 1

            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, json.loads(raw) if raw else None)
                fault = server._take(seen)
                reply = server.answer(seen) if fault.effect else None
                untouched = fault.effect and fault.reply == Reply()
                reply = reply if untouched else fault.reply
                if reply is None:
                    self.close_connection = True
                    with suppress(OSError):
                        self.connection.shutdown(socket.SHUT_RDWR)
                    return
                server.answered.append((seen, reply))
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response_only(reply.status)
                for name, value in {**reply.headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)
                    self.wfile.flush()

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler
