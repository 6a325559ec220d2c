"""A request and a response, as the rooms of the gateway hand them on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from local.template.loader import Value

Headers = tuple[tuple[str, str], ...]

JSON_TYPE = ("content-type", "application/json")


@dataclass(frozen=True)
class HttpRequest:
    """A request with its body read. `path` is as sent, percent-encoded; `headers` are as sent, in order."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    source_ip: str
    port: int

    @cached_property
    def joined_headers(self) -> dict[str, str]:
        """Headers by lower-cased name; those sent more than once joined with commas."""
        joined: dict[str, str] = {}
        for name, value in self.headers:
            lower = name.lower()
            joined[lower] = f"{joined[lower]},{value}" if lower in joined else value
        return joined

    def header(self, name: str) -> str:
        """One header by its lower-cased name; empty where it was not sent."""
        return self.joined_headers.get(name, "")


@dataclass(frozen=True)
class HttpResponse:
    status: int
    headers: Headers
    body: bytes


def json_response(status: int, value: Value, headers: Headers = ()) -> HttpResponse:
    """A response with the value as compact JSON."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return HttpResponse(status, (JSON_TYPE, *headers), body)


def message(status: int, text: str, headers: Headers = ()) -> HttpResponse:
    """A response of API Gateway's own: `{"message": …}`."""
    return json_response(status, {"message": text}, headers)
