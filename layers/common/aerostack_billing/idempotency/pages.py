"""Pages of Stripe's that are opened once for an idempotency key: the same key gives the same page again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aerostack_billing.idempotency.store import Answered, IdempotencyStore, Keyed, keyed
from aerostack_billing.values.errors import KeyMismatch, PaymentsFailed


class KeyedRequest(Protocol):
    """A request that may carry a key."""

    @property
    def idempotency_key(self) -> str | None:
        """The caller's key."""

    def model_dump(self, *, exclude: set[str]) -> dict[str, object]:
        """The request as plain values."""


@dataclass(frozen=True)
class Page:
    """Where to send the person; `replayed` when it is the first answer to the key, given again."""

    url: str
    replayed: bool = False


class Pages:
    """Opens pages, once for each key."""

    def __init__(self, records: IdempotencyStore) -> None:
        self._records = records

    def once(self, act: str, account_id: str, request: KeyedRequest, make: Callable[[str], str]) -> Page:
        """The page that `make` opens, or the one that it opened for this key before.

        `make` gets the idempotency key to use at Stripe. It is derived from the caller's, so that a retry after a
        crash or a lost answer repeats the same call. Stripe keeps failures and refusals under a key for a day: a retry
        that meets one, or a key that Stripe knows with other parameters, opens the page under a new key. A page of
        which nobody knows costs nothing. IdempotencyKeyReused (409) for a key that stood for another request.
        """
        if request.idempotency_key is None:
            return Page(_opened(make, f"{act}-{uuid.uuid4()}", kept=False))
        asked = request.model_dump(exclude={"idempotency_key"})
        return self._under(keyed(act, account_id, request.idempotency_key, asked), make)

    def earlier(self, act: str, account_id: str, request: KeyedRequest) -> Page | None:
        """The page that was opened for the request's key before, if one was."""
        if request.idempotency_key is None:
            return None
        asked = request.model_dump(exclude={"idempotency_key"})
        answered = self._records.find(keyed(act, account_id, request.idempotency_key, asked))
        return _replayed(answered) if answered else None

    def _under(self, asked: Keyed, make: Callable[[str], str]) -> Page:
        begun = self._records.begin(asked)
        if isinstance(begun, Answered):
            return _replayed(begun)
        url = _opened(make, asked.record_id, kept=begun.before)
        return Page(str(self._records.answer(asked, {"url": url})["url"]))


def _opened(make: Callable[[str], str], key: str, *, kept: bool) -> str:
    """The page under `key`; under a new one where the key can lead to none, or, `kept`, may hold an old failure."""
    try:
        return make(key)
    except PaymentsFailed as failed:
        if not kept and not isinstance(failed, KeyMismatch):
            raise
    return make(f"{key}-{uuid.uuid4()}")


def _replayed(answered: Answered) -> Page:
    return Page(str(answered.body["url"]), replayed=True)
