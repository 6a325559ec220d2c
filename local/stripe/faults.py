"""Calls that are spoiled on order: no answer or a 500, before or after the effect took place."""

from __future__ import annotations

from local.stripe.errors import StripeError, invalid
from local.stripe.objects import Json
from local.stripe.routing import routes
from local.stripe.state import Store

KINDS = ("timeout_before", "timeout_after", "500_before", "500_after")


class AnswerLostError(ConnectionAbortedError):
    """The connection is closed without an answer; the HTTP server takes it as a caller who went away."""


class Faults:
    """The orders that are still to be carried out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def order(self, body: Json) -> Json:
        """Spoil the next `times` calls (1 where nothing is said) of the operation `on` in the way of `kind`."""
        name, kind, times = body.get("on"), body.get("kind"), body.get("times", 1)
        if name not in routes():
            raise invalid(f"`on` must name a call that is served: {', '.join(sorted(routes()))}", None, "on")
        if kind not in KINDS:
            raise invalid(f"`kind` must be one of {', '.join(KINDS)}", None, "kind")
        if not isinstance(times, int) or isinstance(times, bool) or times < 1:
            raise invalid("`times` must be a whole number of at least 1", None, "times")
        fault: Json = {"on": name, "kind": kind, "times": times}
        with self._store.changing() as state:
            state.faults.append(fault)
        return dict(fault)

    def strike(self, name: str, moment: str) -> None:
        """Raise the fault that is ordered for this call at this moment (`before` or `after`), if there is one."""
        with self._store.lock:
            ordered = self._store.state.faults
            found = next((f for f in ordered if f["on"] == name and f["kind"].endswith(moment)), None)
            if found is None:
                return
            with self._store.changing():
                found["times"] -= 1
                if found["times"] == 0:
                    ordered.remove(found)
        if found["kind"].startswith("timeout"):
            raise AnswerLostError(f"{name}: {found['kind']}")
        raise StripeError(500, "api_error", "An unknown error occurred. (ordered by a fault)")
