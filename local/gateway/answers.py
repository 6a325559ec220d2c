"""A function's answer as an HTTP response, as payload format 2.0 says."""

from __future__ import annotations

import base64
import binascii
import json
import re

from local.gateway.messages import JSON_TYPE, HttpResponse
from local.template.loader import Value

_SENDABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

DEFAULT_TYPE = ("content-type", "text/plain;charset=UTF-8")


class InvalidAnswer(Exception):
    """The function answered something that API Gateway cannot make a response of."""


def to_response(answer: Value) -> HttpResponse:
    """The response for an answer. One without `statusCode` is the body of a 200, as JSON. InvalidAnswer if neither."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpResponse(200, (JSON_TYPE,), _compact(answer))
    headers = _headers(answer.get("headers"))
    if "content-type" not in {name.lower() for name, _ in headers}:
        headers = (*headers, DEFAULT_TYPE)
    cookies = answer.get("cookies") or []
    if not isinstance(cookies, list):
        raise InvalidAnswer("cookies must be a list")
    return HttpResponse(
        _status(answer["statusCode"]),
        (*headers, *(("set-cookie", str(cookie)) for cookie in cookies)),
        _body(answer.get("body"), encoded=answer.get("isBase64Encoded") is True),
    )


def _status(value: Value) -> int:
    status = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
        raise InvalidAnswer(f"statusCode is {value!r}")
    return status


def _headers(value: Value) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise InvalidAnswer("headers must be a mapping")
    headers = tuple((name, item if isinstance(item, str) else json.dumps(item)) for name, item in value.items())
    if not all(_SENDABLE.fullmatch(text) for header in headers for text in header):
        raise InvalidAnswer("a header holds a line break, or a letter that HTTP cannot carry")
    return headers


def _body(value: Value, *, encoded: bool) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise InvalidAnswer("body must be a text")
    if not encoded:
        return value.encode()
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise InvalidAnswer("body is not base64, as isBase64Encoded says") from error


def _compact(value: Value) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
