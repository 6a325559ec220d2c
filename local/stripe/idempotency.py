"""Idempotency keys as Stripe treats them: one key, one call, one answer."""

from __future__ import annotations

import json
import threading

from local.stripe.errors import StripeError
from local.stripe.objects import Json
from local.stripe.state import Store

KEPT_SECONDS = 24 * 3600


class IdempotencyKeys:
    """Remembers the answers of calls that began to be carried out, for a day of the stack's time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: set[str] = set()
        self._guard = threading.Lock()

    def begin(self, key: str, call: str, params: Json, now: int) -> Json | None:
        """Claim the key. Returns the first answer where there is one.

        Raises Stripe's errors for a key used with another call or other parameters (400) and for one whose first
        call has not ended (409).
        """
        with self._guard:
            if key in self._in_flight:
                raise StripeError(
                    409,
                    "idempotency_error",
                    f"There is currently another in-progress request using this Idempotent Key (that probably means "
                    f"you submitted twice, and the other request is still going through): {key}. Please try again "
                    "later.",
                    "idempotency_key_in_use",
                )
            self._in_flight.add(key)
        with self._store.lock:
            kept = self._store.state.idempotency.get(key)
            if kept is None or kept["at"] + KEPT_SECONDS <= now:
                return None
        self.end(key)
        if kept["call"] != call or kept["params"] != _printed(params):
            same = "endpoint" if kept["call"] != call else "parameters"
            raise StripeError(
                400,
                "idempotency_error",
                f"Keys for idempotent requests can only be used with the same {same} they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
            )
        answer: Json = kept["answer"]
        return answer

    def keep(self, key: str, call: str, params: Json, now: int, answer: Json) -> None:
        """Remember the answer, and forget those whose day is over. Called with the store's lock held."""
        kept = self._store.state.idempotency
        for old in [name for name, entry in kept.items() if entry["at"] + KEPT_SECONDS <= now]:
            del kept[old]
        kept[key] = {"call": call, "params": _printed(params), "at": now, "answer": answer}

    def end(self, key: str) -> None:
        """The call is over: another with this key is served again."""
        with self._guard:
            self._in_flight.discard(key)


def _printed(params: Json) -> str:
    return json.dumps(params, sort_keys=True)
