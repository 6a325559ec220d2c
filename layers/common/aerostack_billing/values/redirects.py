"""Where Stripe's pages may lead a person back to: https on an allowed host, so that we are no open redirect."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from aerostack_billing.values.errors import InvalidRedirectUrl

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# Printable ASCII without what browsers and URL parsers read differently (backslash, quotes, angle brackets, braces).
_PLAIN = re.compile(r"[!#-&(-;=?-\[\]_a-z~]{1,2000}")


class RedirectPolicy:
    """Checks return addresses against the deployment's hosts."""

    def __init__(self, hosts: frozenset[str], *, loopback: bool) -> None:
        self._hosts = hosts
        self._loopback = loopback

    def check(self, field: str, url: str) -> str:
        """`url` unchanged if a person may be sent there; InvalidRedirectUrl (422), naming `field`, if not."""
        if not _PLAIN.fullmatch(url) or not self._allowed(url):
            allowed = ", ".join(sorted(self._hosts))
            raise InvalidRedirectUrl(
                f"{field} must be an https URL on an allowed host ({allowed})", {field: "not an allowed https URL"}
            )
        return url

    def _allowed(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            host, _port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            return False
        if parts.username is not None or parts.password is not None:
            return False
        if parts.scheme == "https" and host in self._hosts:
            return True
        return self._loopback and parts.scheme in {"http", "https"} and host in _LOOPBACK


def with_session_id(success_url: str) -> str:
    """`success_url` with Stripe's placeholder appended as `session_id`, before any fragment."""
    base, mark, fragment = success_url.partition("#")
    joint = "&" if "?" in base else "?"
    return f"{base}{joint}session_id={{CHECKOUT_SESSION_ID}}{mark}{fragment}"
