"""Who may call the local stack: a page of another site may not, whatever name it makes lead to this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

from local.gateway.messages import HttpResponse, json_response

PREFIX = "/_local"
"""Under which the stack has its own doors."""

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "host.docker.internal"})
"""As this machine and its containers call the stack."""


def refusal(path: str, host: str, origin: str | None, port: int) -> HttpResponse | None:
    """The answer for a caller that is not let in, or None.

    421 for a `Host` that is not the stack's own: another site's name may have been made to lead here (DNS rebinding).
    403 for a foreign `Origin` at one of the doors: a page of another site must not move the clock or make tokens.
    """
    if _name_in(host) not in OWN_NAMES:
        text = f"This is a local stack, which answers as http://127.0.0.1:{port} only."
        return json_response(421, {"error": {"code": "MISDIRECTED_REQUEST", "message": text, "details": {}}})
    if origin is None or not path.startswith(f"{PREFIX}/") or _is_own(origin, port):
        return None
    text = f"A page of another site may not use {PREFIX}. Use the stack's own pages, or call it without a browser."
    return json_response(403, {"error": {"code": "FOREIGN_ORIGIN", "message": text, "details": {}}})


def _name_in(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_own(origin: str, port: int) -> bool:
    try:
        parts = urlsplit(origin)
        own = (parts.hostname in OWN_NAMES, parts.port or 80)
    except ValueError:
        return False
    return parts.scheme == "http" and own == (True, port)
