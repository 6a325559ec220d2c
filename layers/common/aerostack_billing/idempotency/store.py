"""Idempotency records: which key was used for what, and the first answer.

A record belongs to one account and one kind of act. It guards answers only: money is guarded by the ledger, and what a
key counts is written in the transaction that writes the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.values.errors import IdempotencyKeyReused

KEPT_SECONDS = 25 * 3600
"""24 hours at least is the promise; Stripe forgets its keys after 24."""


@dataclass(frozen=True)
class Keyed:
    """A request made under an idempotency key: what identifies it, what it asked, and when.

    `at` decides whether a record is still valid, for the claim and for reading what refused it alike: a record that
    refuses the claim and expires before it is read answers the request all the same.
    """

    act: str
    account_id: str
    key: str
    fingerprint: str
    at: int = field(default_factory=clock.seconds, compare=False)

    @property
    def record_id(self) -> str:
        """The record's id; the caller's key is hashed, so that it may hold any character and is never stored."""
        digest = hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"idem#{self.act}#{self.account_id}#{digest}"


@dataclass(frozen=True)
class Answered:
    """The first answer to a key."""

    body: dict[str, object]


@dataclass(frozen=True)
class Begun:
    """The key is taken and has no answer yet; `before` where an earlier request took it."""

    before: bool


def keyed(act: str, account_id: str, key: str, asked: Mapping[str, object]) -> Keyed:
    """The request under its key; `asked` is what must be the same for the key to mean the same."""
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=str)
    return Keyed(act, account_id, key, hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest())


def key_reused() -> IdempotencyKeyReused:
    """The refusal of a key that stands for another request."""
    return IdempotencyKeyReused(
        "This idempotency key was used for another request. Use a new key for a new request.",
        {"idempotency_key": "used with another body"},
    )


class IdempotencyStore:
    """Records in the Events table. Expiry is tested here, never left to the table's TTL."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def find(self, request: Keyed) -> Answered | None:
        """The first answer, if there is one. IdempotencyKeyReused (409) if the key was used for another request."""
        item = self._dynamo.get(self._table, {"event_id": request.record_id})
        return self.read(request, item)

    def claim(
        self, request: Keyed, body: dict[str, object] | None = None, *, kept_seconds: int = KEPT_SECONDS
    ) -> Write:
        """The write, for the transaction of the effect, that takes the key unless a live record holds it.

        With `body`, where the answer is known before the effect, the record has it from the start.
        """
        now = request.at
        item: Item = {
            "event_id": request.record_id,
            "fingerprint": request.fingerprint,
            "created_at": now,
            "expires_at": now + kept_seconds,
        }
        if body is not None:
            item["answer"] = json.dumps(body)
        return Write(self._table, {}, put=item, condition=_FREE, values={":now": now})

    def begin(self, request: Keyed) -> Answered | Begun:
        """Take the key on its own, before an effect that is not in our tables; the first answer if there is one.

        Begun: the caller goes on, also where an earlier request broke off or is still at it: the effect must then be
        one that the same key makes only once. IdempotencyKeyReused (409) for another request.
        """
        try:
            self._dynamo.put(self.claim(request))
        except ConditionFailed as failed:
            return self.read(request, failed.item) or Begun(before=True)
        return Begun(before=False)

    def answer(self, request: Keyed, body: dict[str, object]) -> dict[str, object]:
        """Keep `body` as the first answer unless another is kept; the one that stands, which is to be given."""
        try:
            self._dynamo.update(
                Write(
                    self._table,
                    {"event_id": request.record_id},
                    update="SET answer = :answer",
                    condition="fingerprint = :fingerprint AND attribute_not_exists(answer)",
                    values={":answer": json.dumps(body), ":fingerprint": request.fingerprint},
                )
            )
        except ConditionFailed as failed:
            stands = self.read(request, failed.item)
            return stands.body if stands else body
        return body

    @staticmethod
    def read(request: Keyed, item: Item | None) -> Answered | None:
        """What a record says to the request: the first answer, or None while there is none.

        IdempotencyKeyReused (409) if the record was made for another request.
        """
        if item is None or cast("int", item["expires_at"]) <= request.at:
            return None
        if item["fingerprint"] != request.fingerprint:
            raise key_reused()
        return Answered(json.loads(str(item["answer"]))) if "answer" in item else None


_FREE = "attribute_not_exists(event_id) OR expires_at <= :now"
