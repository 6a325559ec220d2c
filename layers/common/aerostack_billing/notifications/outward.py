"""One POST to a server that is not ours: to an address that was checked, in bounded time, and hardly listened to.

No library of ours connects to one address under another's name, bounds the whole of a request against an answer that
drips, and stops reading after the status. So this speaks HTTP/1.1 itself: a request, and the first line of the answer.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final

from aerostack_billing.notifications.targets import Target

DEADLINE_SECONDS: Final = 10.0
MOST_BYTES: Final = 8 * 1024
"""All that is read of an answer."""
_MOST_ADDRESSES = 3
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_INTERIM = range(100, 200)


class Undelivered(Exception):
    """There was no answer with a status; the text says why, to the account that named the address."""


def post(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    *,
    seconds: float = DEADLINE_SECONDS,
    trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> int:
    """The status of the answer. Undelivered where there is none within `seconds`, whatever the other end does.

    The certificate is checked for the target's name. A redirect is an answer like any other.
    """
    ends_at = time.monotonic() + seconds
    lines = {
        "host": target.host_header,
        "connection": "close",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "user-agent": "aerostack-billing-webhooks/1",
        "accept": "*/*",
        **headers,
    }
    head = f"POST {target.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    try:
        with _connected(target, ends_at) as plain:
            if target.scheme == "http":
                return _asked(plain, f"{head}\r\n".encode("ascii") + body, ends_at)
            plain.settimeout(_left(ends_at))
            with trust().wrap_socket(plain, server_hostname=target.host) as secured:
                return _asked(secured, f"{head}\r\n".encode("ascii") + body, ends_at)
    except TimeoutError as late:
        raise Undelivered(f"no answer within {seconds:.0f} s") from late
    except ssl.SSLCertVerificationError as error:
        raise Undelivered(f"the certificate is not valid: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise Undelivered("TLS failed") from error
    except OSError as error:
        raise Undelivered("the connection failed or broke off") from error


def _connected(target: Target, ends_at: float) -> socket.socket:
    """A connection to the first checked address that takes one."""
    last: OSError = OSError("no address")
    for address in target.addresses[:_MOST_ADDRESSES]:
        try:
            return socket.create_connection((address, target.port), timeout=_left(ends_at))
        except OSError as error:
            last = error
    raise last


def _asked(connection: socket.socket, request: bytes, ends_at: float) -> int:
    sent = 0
    while sent < len(request):
        connection.settimeout(_left(ends_at))
        sent += connection.send(request[sent:])
    got = b""
    while len(got) < MOST_BYTES:
        connection.settimeout(_left(ends_at))
        some = connection.recv(min(1_024, MOST_BYTES - len(got)))
        if not some:
            break
        got += some
        while (status := _STATUS.match(got)) is not None:
            code = int(status[1])
            if code not in _INTERIM:
                return code
            _, ended, rest = got.partition(b"\r\n\r\n")
            if not ended:
                break
            got = rest
    raise Undelivered("the answer is no HTTP")


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
