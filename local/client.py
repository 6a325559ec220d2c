"""Asking a stack that runs in another process."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from local.template.loader import Value

_TIMEOUT_SECONDS = 5


class NoStack(LocalError):
    """No stack answers on the port."""


def ask(
    port: int, path: str, body: Value = None, *, timeout_seconds: float = _TIMEOUT_SECONDS
) -> tuple[int, dict[str, Value]]:
    """GET a door of the stack on the port, or POST it a body: the status and the JSON object.

    NoStack where none answers in time.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
    try:
        if body is None:
            connection.request("GET", f"/_local/{path}")
        else:
            connection.request("POST", f"/_local/{path}", json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        answer: object = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoStack(f"no local stack answers on port {port}: start one with `make run`, or name its PORT") from error
    finally:
        connection.close()
    if not isinstance(answer, dict):
        raise NoStack(f"something else than the local stack answers on port {port}")
    return response.status, answer
