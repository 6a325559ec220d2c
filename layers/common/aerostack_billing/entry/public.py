"""What anybody may read: packed, with a tag by which a reader asks for what is new alone, and made once for all."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.http import Answer, Request, Response
from aerostack_billing.platform import clock

KEPT_MINUTES = 5
Make = Callable[[Runtime], Mapping[str, object]]


@dataclass(frozen=True)
class _Document:
    text: str
    packed: str
    tag: str


@dataclass(frozen=True)
class PublicResponse(Response):
    """An answer that anybody may keep: packed where the reader takes that; 304 where the reader has it."""

    text: str = ""
    packed: bool = False

    def answer(self) -> Answer:
        """As Lambda returns it to the HTTP API."""
        return {"statusCode": self.status, "headers": self.headers, "body": self.text, "isBase64Encoded": self.packed}


def published(request: Request, make: Make) -> Response:
    """The document that `make` makes, which is the same for everybody."""
    document = _made(request.runtime, make, clock.minute() // KEPT_MINUTES)
    headers = {
        "content-type": "application/json",
        "cache-control": f"public, max-age={KEPT_MINUTES * 60}",
        "etag": document.tag,
        "vary": "accept-encoding",
    }
    if document.tag in _tags(request.header("if-none-match")):
        return PublicResponse({}, 304, headers)
    if "gzip" in _names(request.header("accept-encoding")):
        return PublicResponse({}, 200, {**headers, "content-encoding": "gzip"}, document.packed, packed=True)
    return PublicResponse({}, 200, headers, document.text)


@functools.lru_cache(maxsize=4)
def _made(runtime: Runtime, make: Make, _since: int) -> _Document:
    text = json.dumps(make(runtime), separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return _Document(text, packed, f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"')


def _tags(header: str | None) -> set[str]:
    """The tags that a reader has, each as a weak one: whether packed or not, it is the same document."""
    given = {part.strip() for part in (header or "").split(",")}
    return {tag if tag.startswith("W/") else f"W/{tag}" for tag in given if tag}


def _names(header: str | None) -> set[str]:
    """What encodings a reader takes; one with q=0 is none."""
    parts = (part.strip().lower().replace(" ", "") for part in (header or "").split(","))
    return {part.split(";")[0] for part in parts if not part.endswith((";q=0", ";q=0.0"))}
