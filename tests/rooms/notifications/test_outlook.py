"""What is coming is told ahead of time: once each, to who asks for it and to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.notifications.outlook import LookAhead
from aerostack_billing.notifications.outlook_store import OutlookStore
from aerostack_billing.payments.papers import PaymentMethod
from aerostack_billing.values.errors import PaymentsUnavailable
from tests.rooms.conftest import Meter, Time
from tests.rooms.worlds.deposits import deposit
from tests.rooms.worlds.notices import Desk, Queued
from tests.rooms.worlds.outbox import waiting_events
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.usage import consume, move_to

DAY = 86_400
AHEAD = ("usage.forecast", "card.expiring")
VISA = PaymentMethod("card", "visa", "4242", 4, 2026)


@dataclass
class Cards:
    """What pays, and how often Stripe was asked for it."""

    method: PaymentMethod | None = VISA
    asked: int = 0
    failing: bool = False
    meanwhile: Callable[[], None] = field(default=lambda: None)

    def kept(self, _account_id: str) -> PaymentMethod | None:
        self.asked += 1
        self.meanwhile()
        if self.failing:
            raise PaymentsUnavailable("no answer")
        return self.method


@pytest.fixture
def desk(parts: Runtime, account: str) -> Desk:
    return Desk(parts, account, Queued({account}))


class Alone(OutlookStore):
    """The store, in which one account alone is ever due: other tests leave theirs in the table."""

    def __init__(self, parts: Runtime, account: str) -> None:
        super().__init__(parts.dynamo, parts.settings.notifications_table, parts.outbox.store)
        self._account = account

    def due(self) -> Iterator[tuple[str, int]]:
        return (found for found in super().due() if found[0] == self._account)


def looking(parts: Runtime, account: str, cards: Cards | None = None) -> LookAhead:
    return LookAhead(Alone(parts, account), parts.usage.forecast, cards or Cards(None))


def told(parts: Runtime, account: str) -> list[tuple[str, Any]]:
    return [(event["type"], event["data"]) for event in waiting_events(parts, account) if event["type"] in AHEAD]


# Usage


def test_a_limit_that_is_reached_at_this_pace_is_told_once_a_month_with_its_day(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=["usage.forecast"])
    consume(parts, account, 20_000)
    look = looking(parts, account)
    look.run()
    assert told(parts, account) == []  # no day of the month is over
    time_stands.to(2026, 4, 11)
    assert look.run().told == 1
    ((kind, data),) = told(parts, account)
    assert (kind, data["metric"], data["used"], data["projected"]) == ("usage.forecast", "api_requests", 20_000, 60_000)
    assert (data["limit_reached_at"], data["hard_limit_reached_at"]) == ("2026-04-26T00:00:00Z", "2026-04-28T12:00:00Z")
    for _ in range(3):
        time_stands.forward(DAY)
        consume(parts, account, 2_000)
        assert (look.run().accounts, len(told(parts, account))) == (1, 1)
    time_stands.to(2026, 5, 1)
    consume(parts, account, 20_000)
    time_stands.to(2026, 5, 11)
    look.run()
    assert [data["period"] for _, data in told(parts, account)] == ["2026-04", "2026-05"]


def test_a_second_metric_is_told_beside_the_first(desk: Desk, parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=["usage.forecast"])
    look = looking(parts, account)
    for day, metric in ((11, "api_requests"), (12, "ai_tokens")):
        time_stands.to(2026, 4, day - 1)
        limit = parts.catalog.plan("free").quotas[metric].limit
        consume(parts, account, int(limit or 0) * 9 // 10, metric)
        time_stands.to(2026, 4, day)
        look.run()
    assert [data["metric"] for _, data in told(parts, account)] == ["api_requests", "ai_tokens"]


def test_a_limit_that_holds_at_this_pace_or_is_passed_already_is_not_told(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=["usage.forecast"])
    consume(parts, account, 16_000)
    time_stands.to(2026, 4, 11)
    looking(parts, account).run()
    consume(parts, account, 35_000)
    time_stands.to(2026, 4, 12, 1)
    looking(parts, account).run()
    assert told(parts, account) == []


# Who asks


@pytest.mark.parametrize("events", [[], ["usage.blocked"]])
def test_who_does_not_ask_is_never_looked_ahead_for(
    desk: Desk, parts: Runtime, account: str, time_stands: Time, events: list[str]
) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=events)
    consume(parts, account, 49_000)
    time_stands.to(2026, 4, 11)
    cards = Cards()
    assert looking(parts, account, cards).run().accounts == 0
    assert (told(parts, account), cards.asked) == ([], 0)


def test_who_asks_no_more_is_left_after_one_look_and_may_ask_again(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=["usage.forecast"])
    desk.choose(events=[])
    consume(parts, account, 49_000)
    time_stands.to(2026, 4, 11)
    look = looking(parts, account)
    assert look.run().accounts == 1
    time_stands.forward(2 * DAY)
    assert look.run().accounts == 0
    assert told(parts, account) == []
    desk.choose(events=["usage.forecast"])
    look.run()
    assert len(told(parts, account)) == 1


def test_who_asks_again_while_being_left_is_looked_ahead_for(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=["usage.forecast"])
    desk.choose(events=[])
    store = Alone(parts, account)
    write = store.write

    def raced(*given: Any) -> bool:  # noqa: ANN401 - whatever the store takes
        store.write = write  # type: ignore[method-assign]
        desk.choose(events=["usage.forecast"])
        return write(*given)

    store.write = raced  # type: ignore[method-assign]
    LookAhead(store, parts.usage.forecast, Cards(None)).run()
    time_stands.forward(DAY)
    assert looking(parts, account).run().accounts == 1


def test_choosing_again_neither_brings_a_look_forward_nor_tells_twice(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=["usage.forecast"])
    consume(parts, account, 20_000)
    time_stands.to(2026, 4, 11)
    assert looking(parts, account).run().told == 1
    desk.choose(events=["usage.forecast", "balance.low"])
    assert looking(parts, account).run().accounts == 0
    time_stands.forward(DAY)
    assert looking(parts, account).run().told == 0


# Cards


def test_a_card_that_ends_within_thirty_days_is_told_once(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 1, 1)
    desk.choose(events=["card.expiring"])
    cards = Cards()
    look = looking(parts, account, cards)
    for _ in range(125):
        look.run()
        time_stands.forward(DAY)
    ((kind, data),) = told(parts, account)
    assert (kind, data["exp_month"], data["exp_year"], data["expired"]) == ("card.expiring", 4, 2026, False)
    assert data["ends_at"] == "2026-05-01T00:00:00Z"
    (event,) = waiting_events(parts, account)
    assert event["occurred_at"].startswith("2026-04-01")
    assert cards.asked <= 6  # in four months


def test_a_card_that_is_replaced_in_time_is_not_told_and_the_next_one_is(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 1, 1)
    desk.choose(events=["card.expiring"])
    cards = Cards()
    look = looking(parts, account, cards)
    look.run()
    cards.method = replace(VISA, last4="0341", exp_month=6)
    for _ in range(180):
        time_stands.forward(DAY)
        look.run()
    ((_, data),) = told(parts, account)
    assert data["exp_month"] == 6


def test_a_second_card_that_ends_with_the_first_is_told_by_an_event_of_its_own(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 10)
    desk.choose(events=["card.expiring"])
    cards = Cards()
    look = looking(parts, account, cards)
    for method in (VISA, replace(VISA, last4="0341")):
        cards.method = method
        look.run()
        time_stands.forward(31 * DAY)
    assert len({event["id"] for event in waiting_events(parts, account)}) == 2


def test_no_card_and_no_end_are_nothing_to_tell(desk: Desk, parts: Runtime, account: str, time_stands: Time) -> None:
    desk.choose(events=["card.expiring"])
    cards = Cards(PaymentMethod("sepa_debit"))
    looking(parts, account, cards).run()
    time_stands.forward(31 * DAY)
    cards.method = None
    looking(parts, account, cards).run()
    assert (told(parts, account), cards.asked) == ([], 2)


def test_a_card_at_stripe_is_told_by_what_stripe_says_of_it(
    desk: Desk, parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 20)
    deposit(parts, world, account, 2_000)
    customer = parts.accounts.store.get(account).customer_id
    made = world.create(
        "payment_methods",
        type="card",
        **{"card[number]": "4242424242424242", "card[exp_month]": "4", "card[exp_year]": "2026"},
    )["id"]
    world.create(f"payment_methods/{made}/attach", customer=str(customer))
    world.create(f"customers/{customer}", **{"invoice_settings[default_payment_method]": made})
    desk.choose(events=["card.expiring"])
    LookAhead(Alone(parts, account), parts.usage.forecast, parts.accounts.paperwork).run()
    assert [data["ends_at"] for _, data in told(parts, account)] == ["2026-05-01T00:00:00Z"]


# Whatever happens


def test_while_stripe_does_not_answer_usage_is_told_and_the_card_asked_for_the_next_day(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=list(AHEAD))
    consume(parts, account, 20_000)
    time_stands.to(2026, 4, 11)
    cards = Cards(failing=True)
    assert looking(parts, account, cards).run().unanswered == 1
    assert [kind for kind, _ in told(parts, account)] == ["usage.forecast"]
    cards.failing = False
    time_stands.forward(DAY)
    looking(parts, account, cards).run()
    assert [kind for kind, _ in told(parts, account)] == ["usage.forecast", "card.expiring"]


def test_two_runs_at_once_tell_once(desk: Desk, parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 1)
    desk.choose(events=list(AHEAD))
    consume(parts, account, 20_000)
    time_stands.to(2026, 4, 11)
    cards = Cards()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: looking(parts, account, cards).run(), range(4)))
    assert (sum(each.accounts for each in done), sum(each.told for each in done)) == (1, 2)
    assert len(told(parts, account)) == 2


def test_a_look_that_was_overtaken_tells_nothing(desk: Desk, parts: Runtime, account: str, time_stands: Time) -> None:
    time_stands.to(2026, 4, 11)
    desk.choose(events=["card.expiring"])
    cards = Cards()

    def overtake() -> None:
        cards.meanwhile = lambda: None
        time_stands.forward(DAY)
        looking(parts, account, cards).run()
        time_stands.forward(1)

    cards.meanwhile = overtake
    looking(parts, account, cards).run()
    assert len(told(parts, account)) == 1


def test_a_look_that_fails_costs_the_account_a_day_and_the_next_account_nothing(
    desk: Desk, parts: Runtime, account: str, time_stands: Time
) -> None:
    time_stands.to(2026, 4, 11)
    desk.choose(events=["card.expiring"])

    def fail() -> None:
        raise RuntimeError("odd")

    with pytest.raises(RuntimeError):
        looking(parts, account, Cards(meanwhile=fail)).run()
    assert looking(parts, account, Cards()).run().accounts == 0
    time_stands.forward(DAY)
    assert looking(parts, account, Cards()).run().told == 1


def test_a_look_that_finds_nothing_new_is_four_requests_of_which_one_writes(
    desk: Desk, parts: Runtime, account: str, time_stands: Time, meter: Meter
) -> None:
    time_stands.to(2026, 4, 11)
    desk.choose(events=list(AHEAD))
    move_to(parts, account, "pro")
    looking(parts, account, Cards(replace(VISA, exp_year=2040))).run()
    time_stands.forward(DAY)
    store = Alone(parts, account)
    ((_, due_at),) = store.due()
    look = LookAhead(store, parts.usage.forecast, Cards(None))
    store.due = lambda: iter([(account, due_at)])  # type: ignore[method-assign]
    meter.reset()
    look.run()
    assert meter.spent()[:2] == (4, 3)  # moving it on in the agenda's index is two units
