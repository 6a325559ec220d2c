"""The service's address, which must be one that a token may travel to."""

from __future__ import annotations

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def checked_url(base_url: str) -> str:
    """The address without a slash at its end; ValueError unless it is https, or http on loopback."""
    address = urlsplit(base_url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in _LOOPBACK):
        raise ValueError(f"{base_url!r} is not https: a token must not travel in the clear (loopback may be http)")
    if address.username is not None or address.query or address.fragment:
        # It would be shown by `repr`, and a query would swallow the path.
        raise ValueError("base_url must hold no user, query or fragment")
    return base_url.rstrip("/")


def host_of(base_url: str) -> str:
    """Host and port, as messages name the service."""
    return urlsplit(base_url).netloc
