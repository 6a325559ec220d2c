"""The HTTP server: werkzeug's threaded one, with the keep-alive that API Gateway's clients count on."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import selectors
import socket
import time
import weakref
from collections.abc import Callable
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, ClassVar, cast

from werkzeug.serving import DechunkedInput, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from local.errors import LocalError
from local.gateway.callers import refusal
from local.gateway.messages import HttpRequest, HttpResponse, message

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's limit for a request's body."""

_access = logging.getLogger("local.access")
_log = logging.getLogger("local.gateway")

_BACKLOG = 512
"""Clients that may wait to be taken: many more than any test brings at one moment."""

_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class PortTaken(LocalError):
    """Another program listens there."""


class _Refused(Exception):
    """The request's body cannot be read; the connection ends with this response."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status)
        self.response = response


class Server(ThreadedWSGIServer):
    """A thread a connection, on 127.0.0.1 only. Port 0 takes a free one; `port` tells which.

    It listens at once, and answers when `serve_forever` runs; set `answer` before. PortTaken where the port is.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int) -> None:
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        try:
            listening = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        except OSError as error:
            raise PortTaken(f"cannot listen on port {port}: {error.strerror}; name another with PORT") from error
        with listening:
            super().__init__("127.0.0.1", port, _no_app, handler=_Handler, fd=listening.fileno())
        self.answer: Callable[[HttpRequest], HttpResponse] = lambda _: message(503, "Service Unavailable")
        self.mounts: dict[str, WSGIApplication] = {}

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Take a connection (socketserver calls this)."""
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def server_close(self) -> None:
        """Stop listening, and end the connections that clients keep open."""
        super().server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mounted(self, path: str) -> str | None:
        """The prefix of the WSGI application that serves the path, if one does."""
        return next((prefix for prefix in self.mounts if path == prefix or path.startswith(f"{prefix}/")), None)


def _no_app(_environ: object, _start_response: object) -> list[bytes]:
    raise AssertionError("requests are answered by Server.answer")


class _Handler(WSGIRequestHandler):
    """One connection. Reads each request whole, so that the next one starts where it ends."""

    server: Server
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet, and are not held back for the client's acknowledgement.
    wbufsize: ClassVar[int] = -1
    disable_nagle_algorithm = True
    # An idle client gives its thread back.
    timeout = 75

    def log_error(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing of a client that was idle: its connection is closed, as API Gateway does."""
        if not format.startswith("Request timed out"):
            super().log_error(format, *args)

    def run_wsgi(self) -> None:
        """Answer one request (werkzeug calls this for every method)."""
        began = time.perf_counter()
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        path, _, query = self.path.partition("?")
        try:
            body = self._read_body()
        except _Refused as refused:
            self.close_connection = True
            response = refused.response
        else:
            try:
                response = self._answer(path, query, body)
            except ConnectionAbortedError:
                # A fault that was ordered: hang up without an answer.
                self.close_connection = True
                return
        self._send(response)
        took_ms = (time.perf_counter() - began) * 1000
        _access.info("%s %s %d %.1f ms%s", self.command, path, response.status, took_ms, _code(response))

    def _answer(self, path: str, query: str, body: bytes) -> HttpResponse:
        refused = refusal(path, self.headers.get("Host", ""), self.headers.get("Origin"), self.server.port)
        if refused is not None:
            return refused
        prefix = self.server.mounted(path)
        try:
            if prefix is not None:
                return self._run_mounted(prefix, body)
            headers = tuple(self.headers.items())
            client = self.address_string()
            port = self.server.port
            return self.server.answer(HttpRequest(self.command, path, query, headers, body, client, port))
        except ConnectionAbortedError:
            raise
        except Exception:  # noqa: BLE001 - the server outlives a fault of its own; the client learns nothing of it
            _log.exception("the gateway failed on %s %s", self.command, path)
            return message(500, "Internal Server Error")

    def _run_mounted(self, prefix: str, body: bytes) -> HttpResponse:
        environ = self.make_environ()
        environ["SCRIPT_NAME"] = prefix
        environ["PATH_INFO"] = environ["PATH_INFO"][len(prefix) :] or "/"
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        chunks, status, headers = run_wsgi_app(self.server.mounts[prefix], environ, buffered=True)
        return HttpResponse(int(status.split(None, 1)[0]), tuple(headers), b"".join(chunks))

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise _Refused(message(400, "Bad Request"))
        if int(length) > MAX_BODY_BYTES:
            raise _Refused(message(413, "Request Entity Too Large"))
        return self.rfile.read(int(length)) if int(length) else b""

    def _read_chunks(self) -> bytes:
        stream = DechunkedInput(cast("IO[bytes]", self.rfile))
        body = bytearray()
        try:
            while chunk := stream.read(65_536):
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise _Refused(message(413, "Request Entity Too Large"))
        except OSError as error:
            raise _Refused(message(400, "Bad Request")) from error
        return bytes(body)

    def _send(self, response: HttpResponse) -> None:
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        for name, value in response.headers:
            if name.lower() not in {"content-length", "connection", "date"}:
                self.send_header(name, value)
        has_body = response.status not in _NO_BODY and response.status >= HTTPStatus.OK
        if has_body:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()
        if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self._discard_rest()

    def _discard_rest(self) -> None:
        """Read on a little, so that a client that is still sending sees the answer and not a broken connection."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            left = 4 * MAX_BODY_BYTES
            while left > 0 and selector.select(timeout=0.2):
                data = self.connection.recv(65_536)
                if not data:
                    return
                left -= len(data)


def _code(response: HttpResponse) -> str:
    """The error code of a refusal, to be logged behind its status; nothing where there is none."""
    if response.status < HTTPStatus.BAD_REQUEST or b'"error"' not in response.body:
        return ""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return f" {json.loads(response.body)['error']['code']}"
    return ""
