"""The first call after a pause: a connection that died meanwhile loses nothing and counts nothing twice."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import StoreUnavailable
from tests.rooms.conftest import Time, connected, put_together
from tests.rooms.worlds.usage import consume, counter


class Proxy:
    """Passes bytes on to DynamoDB Local; once told so, answers the next bytes on an old connection by a reset."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._dead: set[int] = set()
        self._open: set[int] = set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.accepted = 0
        self._start(self._accept)

    def forget_connections(self) -> None:
        """Drop every open connection as a NAT gateway does: without a word, until something is sent on it."""
        self._dead |= self._open

    def close(self) -> None:
        """End every connection and wait for the threads: nothing is left to a later test."""
        # A listener that is only closed does not wake the thread that waits on it.
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in [self._listener, *self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            number = self.accepted
            self._open.add(number)
            far = socket.create_connection(self._target)
            self._sockets += [near, far]
            self._start(self._pass, number, near, far)
            self._start(self._pass, 0, far, near)

    def _pass(self, number: int, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if number in self._dead:
                    source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    source.close()
                    break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(endpoint: str) -> Iterator[Proxy]:
    at = urlsplit(endpoint)
    proxy = Proxy((str(at.hostname), int(at.port or 0)))
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture
def proxy(endpoint: str) -> Iterator[Proxy]:
    with proxied(endpoint) as proxy:
        yield proxy


@pytest.fixture
def behind(proxy: Proxy, environment: dict[str, str]) -> Iterator[Runtime]:
    """The rooms, whose calls go through the proxy."""
    client = connected(f"http://127.0.0.1:{proxy.port}")
    yield put_together(client, environment)
    client.close()


def test_the_first_consume_after_a_pause_counts_once(
    behind: Runtime, parts: Runtime, proxy: Proxy, account: str, time_stands: Time
) -> None:
    consume(behind, account)
    proxy.forget_connections()
    time_stands.forward(60)
    assert consume(behind, account)["used"] == 2
    assert counter(parts, account)[0] == 2


def test_without_a_pause_connections_are_kept(behind: Runtime, proxy: Proxy, account: str, time_stands: Time) -> None:
    consume(behind, account)
    opened = proxy.accepted
    for _ in range(5):
        time_stands.forward(1)
        consume(behind, account)
    assert proxy.accepted == opened


def test_a_reset_in_the_middle_of_work_is_reported_and_not_repeated_blindly(
    behind: Runtime, proxy: Proxy, account: str
) -> None:
    """That is why idle connections are dropped: what fails here has an unknown outcome."""
    consume(behind, account)
    proxy.forget_connections()
    with pytest.raises(StoreUnavailable):
        consume(behind, account)
