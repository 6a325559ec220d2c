"""Items and expressions of the other tables, each at the most that it may come to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import stripe

from aerostack_billing.accounts.models import PaymentIssue, PendingChange, PlanState, Upkeep
from aerostack_billing.accounts.sync import _REPORTED_AT_MOST
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.creators.store import SHARDS
from aerostack_billing.creators.tools import MOST_TOOLS, ToolRequest, TooManyTools
from aerostack_billing.idempotency.store import Answered, Begun, keyed
from aerostack_billing.notifications.dispatch import MOST_FOLDED
from aerostack_billing.notifications.events import TYPES
from aerostack_billing.notifications.models import LONGEST_EMAIL, LONGEST_URL, MOST_EMAILS, NotificationsRequest
from aerostack_billing.notifications.preferences import MOST_COMPLAINTS, Preferences, TooManyComplaints
from aerostack_billing.outbox.models import DomainEvent
from aerostack_billing.plans.models import MOST_COUNTED
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.usage.periods import BEGAN_ITEM, Began, read_began, storing
from aerostack_billing.values.fields import validated
from tests.rooms.bounds.longest import KB, LARGEST_ITEM, longest_caller, size, stored, text
from tests.rooms.conftest import Time
from tests.rooms.worlds.notices import PUBLIC, Desk, Queued, message
from tests.rooms.worlds.outbox import waiting
from tests.rooms.worlds.plans import subscribe
from tests.rooms.worlds.stripe import StripeWorld

# Accounts

OF_ONE_CUSTOMER = 500
"""Subscriptions that Stripe lets a customer have."""


def surplus(number: int) -> str:
    return f"sub_{number:028}"


def test_an_account_with_everything_in_it_at_its_longest_is_a_tenth_of_an_item(parts: Runtime, account: str) -> None:
    plan = PlanState(
        tier="business",
        status="past_due",
        interval="yearly",
        subscription_id=surplus(0),
        period_start=10**10,
        period_end=10**10,
        cancel_at=10**10,
        pending_change=PendingChange("starter", "monthly", 10**10),
        payment_issue=PaymentIssue("action_required", "u" * 5_000, 10**10),
        tier_override="enterprise",
        grace_ends_at=10**10,
    )
    undoing = {surplus(number): 10**10 for number in range(OF_ONE_CUSTOMER)}
    reported = tuple(surplus(number) for number in range(50))
    store = parts.accounts.store
    store.set_customer(account, "cus_" + "c" * 251)
    after = store.write_plan(store.get(account), plan, [], None, Upkeep(undoing, reported, 10**10))
    assert store.get(account) == after
    item = stored(parts, parts.settings.accounts_table, account_id=account)
    assert size(item) < LARGEST_ITEM / 10


@pytest.mark.parametrize("count", [1, 99, 100, 101, OF_ONE_CUSTOMER])
def test_as_many_surplus_subscriptions_as_a_customer_may_have_are_taken_off_when_they_are_undone(
    parts: Runtime, account: str, count: int
) -> None:
    store = parts.accounts.store
    undoing = {surplus(number): 10**10 for number in range(count)} | {"sub_left": None}
    store.write_plan(store.get(account), PlanState(), [], None, Upkeep(undoing))
    store.undone(account, [surplus(number) for number in range(count)])
    assert store.get(account).upkeep.undoing == {"sub_left": None}


def test_fifty_subscriptions_that_are_no_plan_are_reported_and_the_others_once_these_are_gone(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    first = subscribe(parts, world, account, **{"recurring[interval]": "month"})
    again = {"items[0][price]": first["items"]["data"][0]["price"]["id"], "customer": first["customer"]}
    card = {"default_payment_method": first["default_payment_method"]}
    made = [first["id"], *(world.create("subscriptions", **again, **card)["id"] for _ in range(_REPORTED_AT_MOST))]

    def reported() -> list[str]:
        parts.accounts.sync.make_true(account)
        return list(parts.accounts.store.get(account).upkeep.reported)

    before = reported()
    assert before == sorted(made)[:_REPORTED_AT_MOST]
    (left_out,) = set(made) - set(before)
    stripe.StripeClient("sk_test_local", base_addresses={"api": world.base}).v1.subscriptions.cancel(before[0])
    assert reported() == sorted({*before[1:], left_out})


# Notifications


@pytest.fixture
def preferences(parts: Runtime) -> Preferences:
    room = parts.notifications
    return Preferences(room.settings, parts.wallet.store, PUBLIC, room.outlooks, mail=True)


def address(number: int) -> str:
    domain = ".".join(["d" * 61, "d" * 61, "d" * 61, "com"])
    return f"{number:04}".rjust(LONGEST_EMAIL - len(domain) - 1, "a") + f"@{domain}"


def wanting(*emails: str, **more: object) -> NotificationsRequest:
    return validated(NotificationsRequest, {"emails": list(emails), "events": list(TYPES), **more})


def complained(preferences: Preferences, account: str, first: int, count: int) -> list[str]:
    """Let the account name so many further addresses, all of whose owners complain."""
    named = [address(number) for number in range(first, first + count)]
    preferences.put(account, wanting(*named))
    for each in named:
        assert preferences.mute(account, each, "complained")
    return named


def test_a_hundred_readers_complain_and_no_further_address_is_named(
    parts: Runtime, preferences: Preferences, account: str, time_stands: Time
) -> None:
    assert len(address(1)) == LONGEST_EMAIL
    for first in range(0, MOST_COMPLAINTS - MOST_EMAILS, MOST_EMAILS):
        complained(preferences, account, first, MOST_EMAILS)
        # A day has only so many addresses that are named anew.
        time_stands.forward(86_400)
    complained(preferences, account, MOST_COMPLAINTS - MOST_EMAILS, MOST_EMAILS - 1)
    last = complained(preferences, account, MOST_COMPLAINTS, MOST_EMAILS)
    preferences.put(account, wanting(*last, webhook_url="https://h.example/".ljust(LONGEST_URL, "u")))
    preferences.rotate(account)
    before = preferences.get(account), parts.notifications.settings.get(account)
    with pytest.raises(TooManyComplaints) as refused:
        preferences.put(account, wanting(*last[1:], address(9_999), balance_low_cents=700))
    assert list(refused.value.details) == ["emails"]
    assert (preferences.get(account), parts.notifications.settings.get(account)) == before
    assert len(before[1].muted) == MOST_COMPLAINTS - 1 + MOST_EMAILS
    item = stored(parts, parts.settings.notifications_table, account_id=account, item="settings")
    assert size(item) < LARGEST_ITEM / 8
    # What needs no further address goes on: fewer of them, those of before, the webhook.
    assert preferences.put(account, wanting(last[0].upper().replace("COM", "com"), address(0)))["webhook_url"] is None
    assert preferences.put(account, wanting(webhook_url="https://h.example/"))["emails"] == []


def test_a_few_complaints_keep_nobody_from_naming_another(preferences: Preferences, account: str) -> None:
    complained(preferences, account, 0, MOST_EMAILS)
    assert preferences.put(account, wanting(address(77)))["emails"] == [address(77)]


@pytest.mark.parametrize(("count", "mails"), [(MOST_FOLDED - 1, 1), (MOST_FOLDED, 1), (MOST_FOLDED + 1, 2)])
def test_a_mail_tells_ninety_notices_and_the_next_one_the_others(
    parts: Runtime, account: str, time_stands: Time, count: int, mails: int
) -> None:
    desk = Desk(parts, account, Queued({account}))
    desk.choose(webhook_url=None, emails=[address(0)])
    bodies = [message(account, f"evt_{'e' * 28}{number:04}", padding=text(1_000)) for number in range(count)]
    assert desk.take(*bodies) == count
    time_stands.forward(600)
    desk.round()
    assert len(desk.post_box.sent) == mails
    assert {notice.state for notice in desk.notices()} == {"sent"}


def test_every_quota_of_the_fullest_catalog_and_a_card_are_foreseen_by_one_transaction(
    parts: Runtime, account: str
) -> None:
    store = parts.notifications.outlooks
    store.begin(account)
    _, read = store.look(account)
    metrics = tuple(f"m{number:02}".ljust(40, "m") for number in range(MOST_COUNTED))
    events = [DomainEvent("usage.forecast", account, name, {"metric": name}) for name in (*metrics, "card")]
    assert store.write(read, replace(read, period="2026-03", metrics=metrics, card="c" * 255), events)
    _, told = store.look(account)
    assert (told.metrics, len(waiting(parts, account))) == (metrics, MOST_COUNTED + 1)


# Usage


def test_where_a_period_began_is_kept_for_every_quota_of_the_fullest_catalog(parts: Runtime, account: str) -> None:
    sums = {f"m{number:02}".ljust(40, "m"): 10**15 + number for number in range(MOST_COUNTED)}
    earlier = {f"2026-{month:02}": sums for month in range(1, 13)}
    began = Began(10**10, "2026-03", sums, "2026-04", sums, sums, earlier, sums)
    table = parts.settings.usage_table
    parts.dynamo.update(storing(table, account, None, began))
    parts.dynamo.update(storing(table, account, began, began))
    item = stored(parts, table, account_id=account, period=BEGAN_ITEM)
    assert read_began(item) == began
    assert size(item) < 32 * KB


# Creators


@pytest.mark.parametrize("count", [79, 80, 81, 2 * SHARDS])
def test_as_many_counters_as_there_are_become_payable_by_as_few_transactions_as_take_them(
    parts: Runtime, creator: str, count: int
) -> None:
    parts.creators.store.register(creator, 0)
    for number in range(count):
        day, shard = divmod(number, SHARDS)
        key = {"creator_id": creator, "item": f"due#2026-03-0{day + 1}#{shard:02}"}
        adding = "ADD amount :amount, granted :none, fee_fraction :none"
        parts.dynamo.update(
            Write(parts.settings.creators_table, key, update=adding, values={":amount": 10_000, ":none": 0})
        )
    parts.creators.payouts.look_after(creator)
    found = parts.creators.store.get(creator)
    assert (found.payable, found.seq) == (10_000 * count, 1 if count <= 80 else 2)
    assert parts.creators.store.pending(creator) == {}


def test_a_creator_has_200_tools_and_a_201st_once_one_is_withdrawn(parts: Runtime, creator: str) -> None:
    tools = parts.creators.tools

    def publish(number: int, price: int = 25) -> None:
        tools.put(creator, f"{creator}_{number}", validated(ToolRequest, {"name": text(128), "price_cents": price}))

    for number in range(MOST_TOOLS):
        publish(number)
    before = tools.list(creator)
    with pytest.raises(TooManyTools):
        publish(MOST_TOOLS)
    assert tools.list(creator) == before
    publish(0, price=26)
    tools.delete(creator, f"{creator}_1")
    publish(MOST_TOOLS)
    assert len(tools.list(creator)["tools"]) == MOST_TOOLS  # type: ignore[arg-type]


# Events, Outbox, operators


def test_an_answer_under_a_key_may_be_a_page_of_the_longest_address(parts: Runtime, account: str) -> None:
    asked = keyed("checkout", account, text(255), {"success_url": text(2_000)})
    assert parts.idempotency.begin(asked) == Begun(before=False)
    page: dict[str, object] = {"url": "https://checkout.stripe.com/".ljust(8 * KB, "u")}
    assert parts.idempotency.answer(asked, page) == page
    assert parts.idempotency.find(asked) == Answered(page)
    assert size(stored(parts, parts.settings.events_table, event_id=asked.record_id)) < 10 * KB


@pytest.mark.parametrize("count", [99, 100, 101])
def test_more_events_than_a_transaction_holds_are_put_by_several(parts: Runtime, account: str, count: int) -> None:
    with longest_caller():
        parts.outbox.store.put(
            [DomainEvent("budget.alert", account, f"{n}", {"value": text(128, n), "label": "l"}) for n in range(count)]
        )
    found = waiting(parts, account)
    assert len(found) == count
    assert max(len(record.detail) for record in found) < 4 * KB


@pytest.mark.parametrize("more", [0, 1])
def test_an_act_of_arguments_as_long_as_its_line_holds_is_noted_whole_and_a_longer_one_by_name(
    parts: Runtime, more: int
) -> None:
    log, emoji = parts.operator_log, "\U0001f600"
    long = "x" * (300_000 - len('{"note": ""}') + more)
    intent = log.intend(emoji * 40, "callers reverse", {"note": long}, emoji * 500, "a" * 128)
    log.end(intent, "done", {"note": long})
    entry = next(each for each in log.entries(1) if each.intent.operation_id == intent.operation_id)
    kept = {"left_out": ["note"]} if more else {"note": long}
    assert entry.intent.arguments == kept
    assert entry.outcome is not None
    assert entry.outcome.result == kept
