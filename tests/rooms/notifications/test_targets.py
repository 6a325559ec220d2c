"""Where a webhook may lead: no URL, and no name, leads into a private network, at saving or at a delivery."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence

import pytest

from aerostack_billing.notifications import targets
from aerostack_billing.notifications.targets import TargetRefused, Targets, is_public
from aerostack_billing.values.errors import InvalidRequest

PUBLIC = "93.184.216.34"


def leading_to(*addresses: str, loopback: bool = False) -> Targets:
    """Targets whose every name leads to these addresses."""
    return Targets(loopback=loopback, resolve=lambda _host, _port: addresses)


REFUSED_URLS = {
    "http": "http://example.com/hook",
    "another scheme": "ftp://example.com/hook",
    "no scheme": "example.com/hook",
    "a user": "https://user@example.com/hook",
    "a password": "https://user:pass@example.com/hook",
    "an empty user": "https://@example.com/hook",
    "a user before a private host": "https://example.com@127.0.0.1/hook",
    "a backslash": "https://example.com\\@127.0.0.1/hook",
    "a space": "https://example.com/a b",
    "a line's end": "https://example.com/a\r\nHost: internal",
    "a NUL": "https://example.com/\0",
    "no ASCII": "https://ex\u0430mple.com/hook",
    "a full-width digit": "https://\uff11\uff12\uff17.0.0.1/hook",
    "a fragment": "https://example.com/hook#x",
    "no host": "https:///hook",
    "a single word": "https://metadata/hook",
    "localhost": "https://localhost/hook",
    "decimal": "https://2130706433/hook",
    "hexadecimal": "https://0x7f000001/hook",
    "hexadecimal parts": "https://0x7f.0.0.1/hook",
    "octal": "https://0177.0.0.1/hook",
    "octal as a whole": "https://017700000001/hook",
    "short": "https://127.1/hook",
    "leading zeros": "https://127.000.000.001/hook",
    "a privileged port": "https://example.com:22/hook",
    "port 0": "https://example.com:0/hook",
    "a port that is none": "https://example.com:99999/hook",
    "an IPv6 address, written out": "https://[0:0:0:0:0:0:0:1]/hook",
    "an IPv6 address with a zone": "https://[fe80::1%25eth0]/hook",
    "a broken bracket": "https://[::1/hook",
}


@pytest.mark.parametrize("url", REFUSED_URLS.values(), ids=REFUSED_URLS)
def test_a_url_is_refused_whatever_its_name_leads_to(url: str) -> None:
    with pytest.raises(TargetRefused):
        leading_to(PUBLIC).check(url) if "://127" not in url else leading_to("127.0.0.1").check(url)


NOT_PUBLIC = {
    "loopback": "127.0.0.1",
    "loopback, elsewhere": "127.255.255.254",
    "this host": "0.0.0.0",
    "private 10": "10.0.0.1",
    "private 172": "172.31.255.255",
    "private 192": "192.168.1.1",
    "carriers": "100.64.0.1",
    "AWS's own, within the carriers'": "100.100.100.200",
    "metadata of instances": "169.254.169.254",
    "metadata of tasks": "169.254.170.2",
    "benchmarks": "198.18.0.1",
    "documentation": "203.0.113.7",
    "protocol assignments": "192.0.0.192",
    "6to4 relays": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6 loopback": "::1",
    "v6 unspecified": "::",
    "v6 link-local": "fe80::1",
    "v6 link-local with a zone": "fe80::1%eth0",
    "v6 site-local": "fec0::1",
    "v6 unique local": "fd12:3456::1",
    "v6 metadata of instances": "fd00:ec2::254",
    "v4-mapped loopback": "::ffff:127.0.0.1",
    "v4-mapped metadata": "::ffff:a9fe:a9fe",
    "v4-mapped public": "::ffff:93.184.216.34",
    "v4-compatible": "::127.0.0.1",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "local NAT64": "64:ff9b:1::a9fe:a9fe",
    "6to4 of loopback": "2002:7f00:1::",
    "Teredo": "2001:0:7f00:1::",
    "v6 documentation": "2001:db8::1",
    "v6 documentation, newer": "3fff::1",
    "v6 discard": "100::1",
    "v6 multicast": "ff02::1",
    "no address": "example.com",
}


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC)
def test_a_name_that_leads_to_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        with pytest.raises(TargetRefused, match="not public"):
            leading_to(*addresses).check("https://hooks.example.com/x")


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_taken(address: str) -> None:
    assert leading_to(address).check("https://hooks.example.com/x").addresses == (address,)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "header"),
    [
        ("https://Hooks.Example.com", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("https://hooks.example.com:8443/a?b=c", "hooks.example.com", 8443, "/a?b=c", "hooks.example.com:8443"),
        ("https://hooks.example.com./a", "hooks.example.com", 443, "/a", "hooks.example.com"),
        ("https://1.1.1.1/a", "1.1.1.1", 443, "/a", "1.1.1.1"),
        ("https://[2606:4700::1111]/a", "2606:4700::1111", 443, "/a", "[2606:4700::1111]"),
    ],
)
def test_what_is_connected_to_and_what_is_asked_for_stand_apart(
    url: str, host: str, port: int, path: str, header: str
) -> None:
    target = leading_to(PUBLIC).check(url)
    assert (target.host, target.port, target.path, target.host_header) == (host, port, path, header)
    assert target.addresses == (PUBLIC,)


def test_a_name_that_leads_elsewhere_by_the_next_look_is_refused_then() -> None:
    answers = iter([[PUBLIC], ["169.254.169.254"]])
    rebinding = Targets(loopback=False, resolve=lambda _host, _port: next(answers))
    rebinding.check("https://rebind.example.com/x")
    with pytest.raises(TargetRefused):
        rebinding.check("https://rebind.example.com/x")


def test_a_name_that_leads_nowhere_is_refused() -> None:
    def fails(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for resolve in (fails, lambda _host, _port: ()):
        with pytest.raises(TargetRefused, match="leads nowhere"):
            Targets(loopback=False, resolve=resolve).check("https://hooks.example.com/x")


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(targets, "RESOLVE_SECONDS", 0.01)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: let_go.wait(30) and [])
    try:
        with pytest.raises(OSError, match="in time"):
            targets.resolved("hooks.example.com", 443)
    finally:
        let_go.set()


def test_loopback_is_led_to_on_the_local_stack_alone() -> None:
    target = leading_to("127.0.0.1", loopback=True).check("http://127.0.0.1:8080/hook")
    assert (target.scheme, target.addresses, target.host_header) == ("http", ("127.0.0.1",), "127.0.0.1:8080")
    with pytest.raises(TargetRefused):
        leading_to("127.0.0.1", loopback=True).check("https://hooks.example.com/x")
    with pytest.raises(TargetRefused):
        leading_to("10.0.0.1", loopback=True).check("http://localhost/x")
    with pytest.raises(TargetRefused):
        leading_to("127.0.0.1").check("http://127.0.0.1:8080/hook")


def test_the_refusal_names_the_field() -> None:
    with pytest.raises(InvalidRequest) as refused:
        leading_to("10.0.0.1").saved("https://hooks.example.com/x")
    assert set(refused.value.details) == {"webhook_url"}
