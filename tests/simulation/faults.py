"""What can go wrong with a call: each kind as a function that carries the call out, or not, and breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import stripe
from botocore.exceptions import ClientError, ReadTimeoutError

from aerostack_billing.notifications.outward import Undelivered

DYNAMODB: Final = "dynamodb"
STRIPE: Final = "stripe"
EVENTS: Final = "events"
LETTERS: Final = "letters"
SES: Final = "ses"
WEB: Final = "web"
"""A receiver of webhooks."""

Answer = Any
"""Whatever a client answers: this machinery hands it on unseen."""
CarryOut = Callable[[], Answer]
Outage = Callable[["Call"], None]
"""Raises what every further call of this process meets."""


class Crash(BaseException):
    """The process ends here, with nothing tidied up: no code of the layer catches it."""


@dataclass(frozen=True)
class Call:
    """One call that leaves the code. `actions` counts what a DynamoDB transaction does; `key` is Stripe's."""

    wire: str
    name: str
    target: str = ""
    actions: int = 0
    writes: bool = False
    key: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.target}".strip()


@dataclass(frozen=True)
class Struck:
    """What a kind made of a call: what is answered, and how all calls after it go in this process."""

    answer: Answer = None
    outage: Outage | None = None


Kind = Callable[[Call, CarryOut], Struck]


def crash_before(_call: Call, _carry_out: CarryOut) -> Struck:
    raise Crash


def crash_after(_call: Call, carry_out: CarryOut) -> Struck:
    carry_out()
    raise Crash


def timeout_before(call: Call, _carry_out: CarryOut) -> Struck:
    raise unanswered(call)


def timeout_after(call: Call, carry_out: CarryOut) -> Struck:
    carry_out()
    raise unanswered(call)


def unanswered_for_good(call: Call, carry_out: CarryOut) -> Struck:
    """It takes effect, and neither its answer nor any other comes from that side in this process."""
    carry_out()

    def outage(later: Call) -> None:
        if later.wire == call.wire:
            raise unanswered(later)

    return Struck(unanswered(call), outage)


def throttle(call: Call, _carry_out: CarryOut) -> Struck:
    if call.wire == STRIPE:
        return Struck(_stripe_answer(429, "invalid_request_error", "rate_limit"))
    if call.wire == WEB:
        return Struck(429)
    raise throttled(call)


def throttled_for_good(call: Call, _carry_out: CarryOut) -> Struck:
    """DynamoDB carries nothing out any more in this process.

    A queue delivers in an order of each replay's own, so that the call to be struck may be another's than DynamoDB's.
    """
    if call.wire != DYNAMODB:
        return throttle(call, _carry_out)

    def outage(later: Call) -> None:
        if later.wire == call.wire:
            raise throttled(later)

    return Struck(throttled(call), outage)


def conflict(call: Call, _carry_out: CarryOut) -> Struck:
    """Somebody else writes the same; a call to another than DynamoDB meets a throttle, as in `throttled_for_good`."""
    if call.wire != DYNAMODB:
        return throttle(call, _carry_out)
    if call.name == "transact_write_items":
        raise _cancelled(call, "TransactionConflict")
    raise _client_error(call, "TransactionConflictException")


def error_before(call: Call, _carry_out: CarryOut) -> Struck:
    return _failing(call)


def error_after(call: Call, carry_out: CarryOut) -> Struck:
    carry_out()
    return _failing(call)


def _failing(call: Call) -> Struck:
    if call.wire == STRIPE:
        return Struck(failure())
    if call.wire == WEB:
        return Struck(500)
    raise _client_error(call, "InternalServerError")


def failure() -> tuple[str, int, dict[str, str]]:
    """Stripe's 500."""
    return _stripe_answer(500, "api_error", None)


def unanswered(call: Call) -> Exception:
    """No answer came in time."""
    if call.wire == STRIPE:
        return stripe.APIConnectionError("simulated: no whole answer", should_retry=True)  # type: ignore[no-untyped-call]
    if call.wire == WEB:
        return Undelivered("simulated: no answer")
    return ReadTimeoutError(endpoint_url="http://simulated")


def throttled(call: Call) -> ClientError:
    """DynamoDB, or SES, had no capacity left and carried nothing out."""
    if call.wire == SES:
        return _client_error(call, "TooManyRequestsException", ResponseMetadata={"HTTPStatusCode": 429})
    if call.name == "transact_write_items":
        return _cancelled(call, "ThrottlingError")
    return _client_error(call, "ProvisionedThroughputExceededException")


def _cancelled(call: Call, code: str) -> ClientError:
    reasons = [{"Code": code}] + [{"Code": "None"}] * (call.actions - 1)
    return _client_error(call, "TransactionCanceledException", CancellationReasons=reasons)


def _client_error(call: Call, code: str, **more: object) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "simulated"}, **more}
    return ClientError(response, call.name)


def _stripe_answer(status: int, error_type: str, code: str | None) -> tuple[str, int, dict[str, str]]:
    error = {"type": error_type, "message": "simulated", **({"code": code} if code else {})}
    return json.dumps({"error": error}), status, {"content-type": "application/json"}


KINDS: Final[dict[str, Kind]] = {
    "crash before": crash_before,
    "crash after": crash_after,
    "timeout before": timeout_before,
    "timeout after": timeout_after,
    "unanswered for good": unanswered_for_good,
    "throttle": throttle,
    "throttled for good": throttled_for_good,
    "conflict": conflict,
    "500 before": error_before,
    "500 after": error_after,
}
"""Kinds that break one call. Four more are the simulation's own: see `KEPT`, `DUPLICATE`, `LOST` and `DEAF`."""

KEPT: Final = "500 kept"
"""A 500 of Stripe's, after the effect, that it gives again to the same key for a day, as it says it does."""
DUPLICATE: Final = "duplicate"
"""Nothing breaks: right before the call, another process does the whole of the same step."""
LOST: Final = "crash, events lost"
"""A crash after the effect, and no webhook ever arrives: the reconciler alone finds what happened."""
DEAF: Final = "no webhooks"
"""No call is broken, and no webhook arrives from the beginning on."""

_OF_A_READ = ("crash before", "timeout before", "throttle", "500 before", DUPLICATE)
"""A read has no effect: before it and after it are one."""


def kinds_for(call: Call) -> list[str]:
    """The kinds that can happen to a call, and differ."""
    if not call.writes:
        return [*_OF_A_READ, *(["throttled for good"] if call.wire == DYNAMODB else [])]
    if call.wire == DYNAMODB:
        return [*KINDS, DUPLICATE, LOST]
    kinds = [kind for kind in KINDS if kind not in {"throttled for good", "conflict"}]
    return [*kinds, DUPLICATE, LOST, *([KEPT] if call.key else [])]
