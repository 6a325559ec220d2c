"""Calls that are spoiled on order: no answer, or another answer than the one that was due."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.routing import routes
from local.stripe.state import Store


class AnswerLostError(ConnectionAbortedError):
    """The connection is closed without an answer; the HTTP server takes it as a caller who went away."""


@dataclass(frozen=True)
class Kind:
    """One way to spoil a call. `status` None: there is no answer. `after`: the effect takes place all the same.

    `kept`: Stripe had begun to carry the call out, so the answer stays under the call's idempotency key for a day.
    """

    status: int | None
    message: str = ""
    code: str | None = None
    after: bool = False
    kept: bool = False


_FAILED = "An unknown error occurred. (ordered by a fault)"
KINDS = {
    "timeout_before": Kind(None),
    "timeout_after": Kind(None, after=True),
    "500_before": Kind(500, _FAILED, kept=True),
    "500_after": Kind(500, _FAILED, after=True, kept=True),
    "429": Kind(429, "Request rate limit exceeded. (ordered by a fault)", "rate_limit"),
    "403": Kind(403, "The provided key does not have the required permissions for this endpoint."),
    "401": Kind(401, "Invalid API Key provided: sk_test_****"),
    "400": Kind(400, "Received unknown parameter. (ordered by a fault)", "parameter_unknown"),
    "400_refused": Kind(400, "Your account cannot currently make charges.", "account_invalid", kept=True),
}


@dataclass(frozen=True)
class Fault:
    """An order that has come due for one call."""

    name: str
    kind: str
    code: str | None
    message: str | None

    @property
    def after(self) -> bool:
        """Whether the call takes effect before it is spoiled."""
        return KINDS[self.kind].after

    @property
    def kept(self) -> bool:
        """Whether the spoiled answer stays under the call's idempotency key."""
        return KINDS[self.kind].kept

    def answer(self) -> Json:
        """The answer in place of the one that was due. Raises AnswerLostError where there is none."""
        kind = KINDS[self.kind]
        if kind.status is None:
            raise AnswerLostError(f"{self.name}: {self.kind}")
        error_type = "api_error" if kind.status >= 500 else "invalid_request_error"
        seen = StripeError(kind.status, error_type, self.message or kind.message, self.code or kind.code)
        return {"status": seen.status, "body": seen.body()}


class Faults:
    """The orders that are still to be carried out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def order(self, body: Json) -> Json:
        """Spoil the next `times` calls (1 where nothing is said) of the operation `on` in the way of `kind`.

        `on` may be a pattern: `*` is any call, `customers.*` any of customers. `code` and `message` replace those of
        the kind's error.
        """
        name, kind, times = body.get("on"), body.get("kind"), body.get("times", 1)
        if not isinstance(name, str) or not fnmatch.filter(routes(), name):
            raise invalid(f"`on` must name a call that is served: {', '.join(sorted(routes()))}", None, "on")
        if kind not in KINDS:
            raise invalid(f"`kind` must be one of {', '.join(KINDS)}", None, "kind")
        if not isinstance(times, int) or isinstance(times, bool) or times < 1:
            raise invalid("`times` must be a whole number of at least 1", None, "times")
        for field in ("code", "message"):
            if not isinstance(body.get(field), str | None):
                raise invalid(f"`{field}` must be a string", None, field)
        fault: Json = {"on": name, "kind": kind, "times": times}
        fault.update({field: body[field] for field in ("code", "message") if body.get(field)})
        with self._store.changing() as state:
            state.faults.append(fault)
        return dict(fault)

    def take(self, name: str) -> Fault | None:
        """The oldest fault that is ordered for this call, used up by it; None where there is none."""
        with self._store.lock:
            ordered = self._store.state.faults
            found = next((fault for fault in ordered if fnmatch.fnmatchcase(name, fault["on"])), None)
            if found is None:
                return None
            with self._store.changing():
                found["times"] -= 1
                if found["times"] == 0:
                    ordered.remove(found)
        return Fault(name, found["kind"], found.get("code"), found.get("message"))
