"""What can keep a call from its answer, and how an answer that is a refusal becomes its type in `refusals`."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import ClassVar

REQUEST_ID = "apigw-requestid"
"""The header in which API Gateway names a request, as the service's logs do."""
_SKEW_SECONDS = 60
_DESCRIPTION = re.compile(r'error_description="([^"]*)"')
_SHOWN = ("request_id", "idempotency_key", "attempts")
_BY_CODE: dict[str, type[ApiError]] = {}
_BY_STATUS: dict[int, type[ApiError]] = {}


class BillingError(Exception):
    """The call has no good answer.

    `idempotency_key` is the key under which it was made, if it had one: the same call under the same key is always
    safe. `attempts` counts how often it was tried, and `earlier_unknown` tells whether one of the tries before the
    last may have had its effect. `request_id` is the service's own name of the last request, for its logs.
    """

    idempotency_key: str | None = None
    request_id: str | None = None
    attempts: int = 0
    earlier_unknown: bool = False
    _shown: ClassVar[tuple[str, ...]] = _SHOWN

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __repr__(self) -> str:
        found = {name: getattr(self, name) for name in self._shown}
        return "{}({})".format(
            type(self).__name__,
            ", ".join([repr(self.args[0]), *(f"{name}={value!r}" for name, value in found.items() if value)]),
        )

    @property
    def outcome_unknown(self) -> bool:
        """Whether the call may have had its effect all the same."""
        return self._unknown or (self.earlier_unknown and not self._decides)

    @property
    def _unknown(self) -> bool:
        """Whether the last try may have had it."""
        return False

    @property
    def _decides(self) -> bool:
        """Whether the last try's answer also tells that no earlier one had it."""
        return False


class Unanswered(BillingError):
    """No whole answer came: no connection, or it broke, or it took too long."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent

    @property
    def _unknown(self) -> bool:
        return self.sent


class NoToken(BillingError):
    """The function that fetches tokens failed; its own error is the cause."""


class UnexpectedAnswer(BillingError):
    """The service answered with something that is not in its description."""

    @property
    def _unknown(self) -> bool:
        return True


class ApiError(BillingError):
    """A refusal or failure that the service answered with. `details` are its figures, `message` says what to do."""

    again: ClassVar[bool] = False
    """Whether the same call may succeed a moment later."""
    _shown = ("status", *_SHOWN)

    def __init_subclass__(cls, *, code: str | None = None, status: int | None = None) -> None:
        super().__init_subclass__()
        if code is not None:
            _BY_CODE[code] = cls
        if status is not None:
            _BY_STATUS[status] = cls

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        details: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.message = message
        self.status = status
        self.code = code
        self.details: Mapping[str, object] = dict(details or {})
        self._headers: Mapping[str, str] = dict(headers or {})
        self.request_id = self._headers.get(REQUEST_ID)

    def __str__(self) -> str:
        found = super().__str__()
        return f"{found} (request {self.request_id})" if self.request_id else found

    @property
    def _unknown(self) -> bool:
        return self.status >= 500

    @property
    def _decides(self) -> bool:
        # The service looked at the key and refused: had an earlier try been carried out, it would have said so.
        return self.status < 500 and self.status not in {401, 429} and not self._unknown

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, by lower-cased name."""
        return dict(self._headers)

    @property
    def retry_after_seconds(self) -> int | None:
        """How long the service, or what stands before it, asks to wait; from now on where it names a moment."""
        asked = self._headers.get("retry-after", "")
        try:
            moment = parsedate_to_datetime(asked)
        except ValueError:
            return whole(asked)
        return max(0, math.ceil(moment.timestamp() - time.time()))

    def _count(self, name: str) -> int | None:
        return whole(self.details.get(name))

    def _money(self, name: str) -> Decimal | None:
        value = self.details.get(name)
        return Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def whole(value: object) -> int | None:
    """A whole number, also one that a header tells; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def codes() -> Mapping[str, type[ApiError]]:
    """The type of each code that has one of its own."""
    return dict(_BY_CODE)


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ApiError:
    """The error that an answer is. `headers` are by lower-cased name."""
    try:
        answer = json.loads(body, parse_float=Decimal)
    except ValueError:
        answer = None
    return error_in(status, answer, headers)


def error_in(status: int, answer: object, headers: Mapping[str, str] | None = None) -> ApiError:
    """The error that a parsed answer is. What the gateway says by itself is a `message` only, without a code."""
    found = _fields(answer)
    error = _fields(found.get("error")) or found
    code, message, details = error.get("code"), error.get("message"), _fields(error.get("details"))
    code = code if isinstance(code, str) else ""
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or (_BY_STATUS[500] if status >= 500 else ApiError)
    return kind(
        message if code and isinstance(message, str) else _gateways(status, message, headers or {}),
        status=status,
        code=code,
        details=details,
        headers=headers,
    )


def _gateways(status: int, message: object, headers: Mapping[str, str]) -> str:
    """What to do about an answer that no function gave: which of token, clock and host is wrong."""
    why = _DESCRIPTION.search(headers.get("www-authenticate", ""))
    said = why.group(1) if why else message if isinstance(message, str) else ""
    said = f" ({said})" if said else ""
    if status == 401:
        return f"The service refuses the token{said}: fetch a new one.{_clock(headers)}"
    if status == 403:
        return f"The token may not do this{said}: it lacks the scope, or is meant for something else."
    if status == 404:
        return f"There is no such route{said}: check base_url."
    if status == 429:
        return f"The service takes no more requests at the moment{said}."
    return f"The service answered {status}{said}."


def _clock(headers: Mapping[str, str]) -> str:
    """Whether this machine's clock is wrong, by the answer's date."""
    try:
        ahead = time.time() - parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return ""
    if abs(ahead) < _SKEW_SECONDS:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return f" This machine's clock is {abs(round(ahead))} s {way} the service's: set it, if it made the token."


def _fields(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
