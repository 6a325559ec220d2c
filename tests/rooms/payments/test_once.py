"""One object at Stripe, whatever is lost, kept, repeated or concurrent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_billing.payments.once import KEY_TRUSTED_SECONDS, RENEW_AFTER_SECONDS, Intent, NotKnownYet, once
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import KeyMismatch, PaymentsFailed, PaymentsRefused, PaymentsUnavailable
from tests.rooms.conftest import Time

Fate = Literal["ok", "lost before", "lost after", "failed before", "failed after"]
DAY = 24 * 3600


@dataclass
class Provider:
    """Stripe as far as keys go: what a key led to, a failure too, is kept for a day and given again."""

    fates: list[Fate] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    kept: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    def call(self, key: str) -> str:
        known = self.kept.get(key)
        if known is not None and clock.seconds() - known[0] < DAY:
            if known[1] is None:
                raise PaymentsFailed("kept")
            return known[1]
        fate = self.fates.pop(0) if self.fates else "ok"
        if fate == "lost before":
            raise PaymentsUnavailable("lost")
        if fate != "failed before":
            self.made.append(key)
        self.kept[key] = (clock.seconds(), None if fate.startswith("failed") else key)
        if fate == "lost after":
            raise PaymentsUnavailable("lost")
        if fate.startswith("failed"):
            raise PaymentsFailed("failed")
        return key


@dataclass
class Object:
    """An object that is wanted, with its stored intent."""

    provider: Provider
    intent: Intent
    wanted: bool = True

    def create(self, intent: Intent) -> str:
        return self.provider.call(intent.intent_id)

    def find(self, intent: Intent) -> str | None:
        del intent
        return self.provider.made[0] if self.provider.made else None

    def missed(self, intent: Intent) -> None:
        if self.intent == intent:
            self.intent = replace(intent, missed_at=clock.seconds())

    def renew(self, intent: Intent) -> Intent | None:
        if not self.wanted:
            return None
        if self.intent == intent:
            self.intent = Intent(f"{intent.intent_id}+", clock.seconds())
        return self.intent


def wanted(*fates: Fate) -> Object:
    return Object(Provider(list(fates)), Intent("key", clock.seconds()))


@given(
    st.lists(st.sampled_from(["lost before", "lost after", "failed before", "failed after"]), max_size=6),
    st.lists(st.integers(0, 30 * 3600), min_size=40, max_size=40),
)
@settings(deadline=None)
def test_whatever_fails_and_whenever_it_is_asked_again_one_object_is_made_in_the_end(
    fates: list[Fate], pauses: list[int]
) -> None:
    now = [1_000_000.0]
    with clock.using(lambda: now[0]):
        thing = wanted(*fates)
        answer = None
        for pause in pauses:
            try:
                answer = once(thing.intent, thing)
                break
            except (PaymentsUnavailable, PaymentsFailed):
                now[0] += max(pause, RENEW_AFTER_SECONDS)
        assert thing.provider.made == [answer]


def test_a_failure_that_stripe_keeps_is_left_behind_within_minutes(time_stands: Time) -> None:
    thing = wanted("failed before")
    with pytest.raises(PaymentsFailed):
        once(thing.intent, thing)
    with pytest.raises(NotKnownYet):
        once(thing.intent, thing)
    time_stands.forward(RENEW_AFTER_SECONDS)
    assert once(thing.intent, thing) == "key+"


def test_what_a_failed_call_made_is_found_and_not_made_again() -> None:
    thing = wanted("failed after")
    assert once(thing.intent, thing) == "key"
    assert thing.provider.made == ["key"]


def test_a_key_of_other_parameters_is_not_used_again() -> None:
    thing = wanted()

    def mismatch(_: Intent) -> str:
        raise KeyMismatch("used")

    thing.create = mismatch  # type: ignore[method-assign]
    with pytest.raises(NotKnownYet):
        once(thing.intent, thing)
    assert not thing.intent.key_is_trusted()


def test_what_is_not_wanted_any_more_is_not_made_under_a_new_key(time_stands: Time) -> None:
    thing = wanted("failed before")
    thing.wanted = False
    with pytest.raises(PaymentsFailed):
        once(thing.intent, thing)
    time_stands.forward(RENEW_AFTER_SECONDS)
    assert once(thing.intent, thing) is None
    assert thing.provider.made == []


def test_an_old_key_is_not_used_but_looked_for(time_stands: Time) -> None:
    thing = wanted("lost after")
    with pytest.raises(PaymentsUnavailable):
        once(thing.intent, thing)
    time_stands.forward(KEY_TRUSTED_SECONDS + 1)
    assert once(thing.intent, thing) == "key"
    assert thing.provider.made == ["key"]


def test_a_refusal_passes_through_and_leaves_the_intent() -> None:
    thing = wanted()

    def refused(_: Intent) -> str:
        raise PaymentsRefused("no")

    thing.create = refused  # type: ignore[method-assign]
    before = thing.intent
    with pytest.raises(PaymentsRefused):
        once(thing.intent, thing)
    assert thing.intent == before
