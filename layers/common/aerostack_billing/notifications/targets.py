"""Where a webhook may lead: an https URL whose name, when it is resolved, leads into the public internet alone.

Checked when it is saved, for a clear refusal, and again at each delivery, for a name may lead elsewhere by then. The
delivery connects to the very address that was checked.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aerostack_billing.values.errors import InvalidRequest

RESOLVE_SECONDS: Final = 5.0
HTTPS: Final = 443
_FIRST_UNPRIVILEGED = 1_024
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

# Printable ASCII without what URL parsers read differently: spaces, quotes, backslash, brackets but [], caret, bar.
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9-]{2,63}")
"""A name with a dot, whose last part is no number: so none that a resolver would read as an address (`2130706433`)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_CLOSED_V6 = tuple(
    map(
        ipaddress.ip_network,
        (
            "2001::/23",  # protocol assignments, Teredo and ORCHID among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address, whichever, within
            "3fff::/20",  # documentation
        ),
    )
)
_CLOSED_V4 = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by carriers, and AWS's own
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: the metadata of instances and tasks
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
"""https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, each whole: what Python's
own `is_global` says of them differs from one of its versions to the next."""


class TargetRefused(Exception):
    """A webhook may not lead there; the text says why, to the account that named it."""


@dataclass(frozen=True)
class Target:
    """A checked URL: the name that it was made out for, and the addresses, all of them public, that it led to."""

    url: str
    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def host_header(self) -> str:
        """The name as a request carries it, with the port where it is not the scheme's own."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        usual = HTTPS if self.scheme == "https" else 80
        return shown if self.port == usual else f"{shown}:{self.port}"


class Targets:
    """Checks where webhooks lead. `loopback`: http and loopback are allowed, as on the local stack alone."""

    def __init__(self, *, loopback: bool, resolve: Resolve | None = None) -> None:
        self._loopback = loopback
        self._resolve = resolve or resolved

    def check(self, url: str) -> Target:
        """The URL resolved, all that it leads to being public; TargetRefused if one thing about it is not allowed."""
        scheme, host, port, path = _parts(url, loopback=self._loopback)
        try:
            addresses = tuple(dict.fromkeys(self._resolve(host, port)))
        except OSError as error:
            raise TargetRefused(f"the name {host} leads nowhere") from error
        if not addresses:
            raise TargetRefused(f"the name {host} leads nowhere")
        local = self._loopback and host in _LOOPBACK_NAMES
        # One address that is not public is enough: which one a connection takes is not the caller's to choose.
        if not all(is_public(address) or (local and _is_loopback(address)) for address in addresses):
            raise TargetRefused(f"the name {host} leads to an address that is not public")
        return Target(url, scheme, host, port, path, addresses)

    def saved(self, url: str) -> str:
        """The URL, where a webhook may lead to it now; InvalidRequest (422) naming `webhook_url` and why not."""
        try:
            return self.check(url).url
        except TargetRefused as refused:
            raise InvalidRequest(f"webhook_url cannot be used: {refused}.", {"webhook_url": str(refused)}) from refused


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet, and holds none that is not (mapped, NAT64, 6to4)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _CLOSED_V4)
    return parsed.scope_id is None and parsed in _GLOBAL_V6 and not any(parsed in network for network in _CLOSED_V6)


def resolved(host: str, port: int) -> list[str]:
    """Every address of a name; OSError where it has none, or where that is not told within RESOLVE_SECONDS."""
    pool = ThreadPoolExecutor(1)
    try:
        asked = pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        return [str(found[4][0]) for found in asked.result(RESOLVE_SECONDS)]
    except Late as late:
        raise OSError(f"{host} was not resolved in time") from late
    except UnicodeError as error:
        raise OSError(f"{host} is no name") from error
    finally:
        # The resolver cannot be interrupted: its thread ends when it does.
        pool.shutdown(wait=False)


def _parts(url: str, *, loopback: bool) -> tuple[str, str, int, str]:
    """Scheme, host in lower case, port, and path with query; TargetRefused for a URL that is not one to call."""
    if not _PLAIN.fullmatch(url):
        raise TargetRefused("it has characters that no URL has")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower().removesuffix("."), parts.port
    except ValueError as error:
        raise TargetRefused("it is no URL") from error
    local = loopback and host in _LOOPBACK_NAMES
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise TargetRefused("it must begin with https://")
    if "@" in parts.netloc:
        raise TargetRefused("it must hold no user name and no password")
    if parts.fragment:
        raise TargetRefused("it must have no fragment")
    if not local and not _is_name(host):
        raise TargetRefused("its host must be a name such as example.com, or a public IP address")
    if port is None:
        port = HTTPS if parts.scheme == "https" else 80
    if port < _FIRST_UNPRIVILEGED and port not in {HTTPS, 80 if local else HTTPS}:
        raise TargetRefused(f"its port must be {HTTPS}, or {_FIRST_UNPRIVILEGED} and above")
    return parts.scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _is_name(host: str) -> bool:
    """Whether a host is a name with a dot, or an address in its one usual form, without a zone."""
    try:
        return "%" not in host and str(ipaddress.ip_address(host)) == host
    except ValueError:
        return len(host) <= 253 and _HOST.fullmatch(host) is not None


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback
