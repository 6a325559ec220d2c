"""Once at Stripe: an object is created once, whatever is lost, repeated, concurrent or kept by Stripe.

Whoever needs an object stores an `Intent` first: its id is Stripe's idempotency key. Then `once` decides by the
intent alone:

1. As a rule the call is made under the key, also again after a lost answer: Stripe carries it out once.
2. After a failure of Stripe (a 5xx, which it keeps under the key and repeats for a day), a key that it knows with other
   parameters, or near the end of the day for which it keeps keys, the key is not used any more. The object is looked
   for; one that is found is the answer.
3. Not found, the time of that is stored with the intent. Not found again, minutes later, when no call under the old key
   can be under way any more: the intent is replaced by one with a new key, if the object is still wanted.

A refusal (PaymentsRefused) passes through: nothing happened. It is kept under the key too, so the caller drops the
intent, or renews it, before it asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from aerostack_billing.platform import clock
from aerostack_billing.values.errors import KeyMismatch, PaymentsFailed, PaymentsRefused, PaymentsUnavailable

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)

KEY_TRUSTED_SECONDS = 20 * 3600
"""Stripe keeps idempotency keys for 24 hours; when that nears, the key alone no longer guards against a second one."""
RENEW_AFTER_SECONDS = 300
"""Between the two looks: longer than Stripe's search lags, and than a call of an earlier request may be under way."""


@dataclass(frozen=True)
class Intent:
    """That an object is about to be created at Stripe. Times are unix seconds.

    `intent_id` is the idempotency key. `missed_at` is when the object was first looked for in vain; once it is set, the
    key is not used any more.
    """

    intent_id: str
    created_at: int
    missed_at: int | None = None

    def key_is_trusted(self) -> bool:
        """Whether the call may be made, or repeated, under this key."""
        return self.missed_at is None and clock.seconds() - self.created_at <= KEY_TRUSTED_SECONDS

    def may_be_renewed(self) -> bool:
        """Whether the object, looked for in vain now, has been so for long enough to be created under a new key."""
        return self.missed_at is not None and clock.seconds() - self.missed_at >= RENEW_AFTER_SECONDS


class Creation(Protocol[Made_co]):
    """The object that is wanted: how it is created and found at Stripe, and where its intent is stored."""

    def create(self, intent: Intent) -> Made_co:
        """Create the object under the intent's id as the idempotency key; raises as all of `payments` does."""

    def find(self, intent: Intent) -> Made_co | None:
        """The object that a call under this intent created, looked for without the key; None if there is none."""

    def missed(self, intent: Intent) -> None:
        """Store `missed_at` = now on the intent, if it is still the one that is stored and has none."""

    def renew(self, intent: Intent) -> Intent | None:
        """Replace the intent by one with a new id, if it is still the one that is stored, and return what is stored.

        None if the object is not wanted any more: then no call is made.
        """


class NotKnownYet(PaymentsUnavailable):
    """Whether an earlier attempt created the object is not known yet; it is known after RENEW_AFTER_SECONDS."""


def once(intent: Intent, creation: Creation[Made]) -> Made | None:
    """The object of the intent: created now, or before; None if it was given up since it is not wanted any more.

    PaymentsUnavailable: Stripe did not answer; the same call is repeated next time. PaymentsFailed: Stripe failed; next
    time the object is looked for. NotKnownYet (503): it was looked for in vain, and is again after
    RENEW_AFTER_SECONDS. PaymentsRefused: nothing happened and nothing will under this key.
    """
    failure: PaymentsFailed | None = None
    if intent.key_is_trusted():
        try:
            return creation.create(intent)
        except PaymentsRefused:
            raise
        except PaymentsFailed as failed:
            failure = failed
    found = creation.find(intent)
    if found is not None:
        return found
    if intent.may_be_renewed():
        renewed = creation.renew(intent)
        return creation.create(renewed) if renewed is not None else None
    if intent.missed_at is None:
        creation.missed(intent)
    if failure is not None and not isinstance(failure, KeyMismatch):
        raise failure
    raise NotKnownYet("An earlier attempt may have succeeded. Try again in five minutes.")
