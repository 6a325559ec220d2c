"""What pages of lists share: how many entries are wanted, and a place in a list as a word of a URL."""

from __future__ import annotations

import base64

from aerostack_billing.values.errors import InvalidRequest


def limit_of(text: str | None, default: int, most: int) -> int:
    """How many entries a page is to have, as `limit` says it; `default` without one. InvalidRequest (422)."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        wanted = f"must be a whole number from 1 to {most}"
        raise InvalidRequest(f"limit {wanted}.", {"limit": wanted})
    return int(text)


def packed(text: str) -> str:
    """The text as letters, digits, `-` and `_`, fit for a path, a query or a tag."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpacked(word: str) -> str:
    """The text in a word that `packed` made; ValueError for any other."""
    padded = word.encode("ascii") + b"=" * (-len(word) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True).decode()


def unknown_cursor() -> InvalidRequest:
    """The refusal (422) of a cursor that no answer gave."""
    return InvalidRequest("cursor must be the next_cursor of an earlier answer.", {"cursor": "malformed"})
