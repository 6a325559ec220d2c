"""A time limit for the whole of an HTTP answer, where urllib3 knows one for each single read alone.

A service that sends a byte now and then would be waited for without end: each byte comes in time.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from typing import Protocol

    from _typeshed import WriteableBuffer
    from urllib3 import HTTPConnectionPool, PoolManager

    class _Session(Protocol):
        _manager: PoolManager

    class _Endpoint(Protocol):
        http_session: _Session

    class _Client(Protocol):
        _endpoint: _Endpoint


class _Within(io.RawIOBase):
    """What comes from a socket, up to the moment at which its time limit, as it was at first, is used up."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        limit = sock.gettimeout()
        self._ends_at = None if limit is None else time.monotonic() + limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self._ends_at is not None:
            left = self._ends_at - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer was not there in time as a whole")
            self._sock.settimeout(left)
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _WholeResponse(HTTPResponse):
    """An answer whose headers and body, all together, come within the connection's time limit, or TimeoutError."""

    def __init__(self, sock: socket.socket, *arguments: object, **named: object) -> None:
        super().__init__(sock, *arguments, **named)  # type: ignore[arg-type]
        self.fp.close()
        self.fp = io.BufferedReader(_Within(sock))


def bound(manager: PoolManager) -> None:
    """From now on let the read timeout of a request be that of its whole answer, on each connection of `manager`."""
    bounded: dict[str, type] = {}
    pools = cast("dict[str, type[HTTPConnectionPool]]", manager.pool_classes_by_scheme)
    for scheme, pool in pools.items():
        connection = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"response_class": _WholeResponse})
        bounded[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": connection})
    manager.pool_classes_by_scheme = bounded


def bound_client(client: object) -> None:
    """The same for a client of botocore's, which has no public way to its connections."""
    session = cast("_Client", client)._endpoint.http_session  # noqa: SLF001
    bound(session._manager)  # noqa: SLF001
