"""What bounds a creator who turns charges into cash: a ceiling until reviewed, and a figure a day for refunds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators import reviews
from aerostack_billing.creators.earnings import RefundNeedsReview
from aerostack_billing.values.errors import OperatorRefused
from aerostack_billing.values.money import micros
from tests.rooms.conftest import Time
from tests.rooms.worlds.creators import call, no_violations, onboard, refund, shown, transfers
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import fund

DAY = 86_400


def sent(world: StripeWorld) -> list[int]:
    return [made["amount"] for made in transfers(world)]


def test_a_new_creator_is_paid_up_to_a_ceiling_until_reviewed(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    for _ in range(40):
        earned(10_000)
    time_stands.forward(8 * DAY)
    for _ in range(5):
        parts.creators.payouts.look_after(creator)
        time_stands.forward(DAY)
    assert (sent(world), shown(parts, creator)["payouts_held_for"]) == ([25_000], "review")
    time_stands.forward(30 * DAY)
    for _ in range(2):
        parts.creators.payouts.look_after(creator)
        time_stands.forward(DAY)
    assert (sent(world), shown(parts, creator)["payouts_held_for"]) == ([25_000, 75_000], "review")
    parts.creators.reviews.decide(creator, reviews.review)
    with pytest.raises(OperatorRefused):
        parts.creators.reviews.decide(creator, reviews.review)
    parts.creators.payouts.sweep()
    assert sent(world) == [25_000, 75_000, 220_000]
    no_violations(parts, creator)


def test_a_creator_from_before_there_were_ceilings_has_none(
    parts: Runtime, world: StripeWorld, creator: str, earned: Callable[[int], None], time_stands: Time
) -> None:
    onboard(parts, world, creator)
    item = {"creator_id": {"S": creator}, "item": {"S": "creator"}}
    parts.dynamo._client.update_item(TableName=parts.settings.creators_table, Key=item, UpdateExpression="REMOVE since")
    for _ in range(40):
        earned(10_000)
    time_stands.forward(8 * DAY)
    parts.creators.payouts.look_after(creator)
    assert sent(world) == [320_000]


@pytest.fixture
def paid_for(parts: Runtime, world: StripeWorld, account: str, creator: str, time_stands: Time) -> list[str]:
    """Charges of $100 each whose creator was paid."""
    onboard(parts, world, creator)
    fund(parts, account, 30_000)
    made = [call(parts, account, creator, 10_000, f"k{number}")["charge_id"] for number in range(3)]
    time_stands.forward(8 * DAY)
    parts.creators.payouts.look_after(creator)
    assert sent(world) == [24_000]
    return made


def test_refunds_of_what_is_paid_out_wait_for_an_operator_above_a_figure_a_day(
    parts: Runtime, account: str, creator: str, paid_for: list[str], time_stands: Time
) -> None:
    refund(parts, account, paid_for[0], "r0")
    assert shown(parts, creator)["owed_cents"] == 8_000
    with pytest.raises(RefundNeedsReview):
        refund(parts, account, paid_for[1], "r1")
    assert shown(parts, creator)["owed_cents"] == 8_000
    assert parts.wallet.store.get(account).balance == micros(10_000)
    time_stands.forward(DAY)
    refund(parts, account, paid_for[1], "r1")
    with pytest.raises(RefundNeedsReview):
        refund(parts, account, paid_for[2], "r2")
    parts.creators.reviews.decide(creator, reviews.allowing(micros(16_000)))
    refund(parts, account, paid_for[2], "r2")
    assert shown(parts, creator)["owed_cents"] == 24_000
    no_violations(parts, account, creator)


def test_a_refund_of_what_is_not_paid_out_yet_waits_for_nobody(
    parts: Runtime, account: str, creator: str, time_stands: Time
) -> None:
    fund(parts, account, 100_000)
    made = [call(parts, account, creator, 10_000, f"k{number}")["charge_id"] for number in range(8)]
    for each in made[:4]:
        refund(parts, account, each, f"r{each}")
    time_stands.forward(8 * DAY)
    parts.creators.payouts.look_after(creator)
    for each in made[4:]:
        refund(parts, account, each, f"r{each}")
    assert parts.wallet.store.get(account).balance == micros(100_000)
