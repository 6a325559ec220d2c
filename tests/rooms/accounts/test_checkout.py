"""Buying a plan: paid once and there at once, whatever is lost, doubled or done twice at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.accounts.models import PlanState
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.values.errors import (
    AlreadyOnPlan,
    CurrencyConflict,
    IdempotencyKeyReused,
    PaymentsUnavailable,
    SessionNotFound,
    SessionNotPaid,
)
from tests.rooms.conftest import Time, use_stripe
from tests.rooms.worlds.plans import Heard, buy, deliver, deliver_until_taken, open_page, pass_days, subscribe, verify
from tests.rooms.worlds.stripe import StripeWorld


def test_paying_makes_the_plan_at_once_on_return(parts: Runtime, world: StripeWorld, account: str) -> None:
    plan = buy(parts, world, account, "pro", "yearly")
    assert (plan.tier, plan.interval, plan.status) == ("pro", "yearly", "active")
    assert plan.period_start is not None
    assert plan.period_end is not None
    assert plan.period_end - plan.period_start == 365 * 86_400
    assert parts.accounts.store.get(account).plan == plan


def test_two_simultaneous_checkouts_make_one_customer(parts: Runtime, world: StripeWorld, account: str) -> None:
    # With retries, as deployed: Stripe answers 409 to a key whose first call is under way.
    use_stripe(parts, world.base, network_retries=2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: open_page(parts, account, "pro"), range(8)))
    customers = world.api("customers?limit=100")["data"]
    assert [c["id"] for c in customers] == [parts.accounts.store.get(account).customer_id]


def test_a_customer_whose_creation_was_lost_is_not_made_again(parts: Runtime, world: StripeWorld, account: str) -> None:
    world.door("faults", {"on": "customers.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        open_page(parts, account, "pro")
    open_page(parts, account, "pro")
    assert len(world.api("customers?limit=100")["data"]) == 1


def test_a_customer_lost_longer_than_stripe_keeps_keys_is_found_by_its_metadata(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    world.door("faults", {"on": "customers.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        open_page(parts, account, "pro")
    time_stands.forward(30 * 3600)
    open_page(parts, account, "pro")
    assert len(world.api("customers?limit=100")["data"]) == 1


def test_the_customer_that_was_recorded_first_stays_the_accounts(parts: Runtime, account: str) -> None:
    assert [parts.accounts.store.set_customer(account, customer) for customer in ("cus_a", "cus_b")] == [
        "cus_a",
        "cus_a",
    ]
    assert parts.accounts.store.get(account).customer_id == "cus_a"


def test_a_key_opens_one_page_and_another_body_under_it_is_refused(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    first = open_page(parts, account, "pro", key="k")
    assert open_page(parts, account, "pro", key="k") == first
    with pytest.raises(IdempotencyKeyReused):
        open_page(parts, account, "business", key="k")
    assert len(world.api("checkout/sessions?limit=100")["data"]) == 1


def test_a_key_that_expired_opens_a_new_page_as_the_old_one_has_lapsed(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    first = open_page(parts, account, "pro", key="k")
    pass_days(world, time_stands, 1.1)
    second = open_page(parts, account, "pro", key="k")
    assert second != first
    assert verify(parts, account, world.pay(second)).tier == "pro"


def test_a_page_whose_answer_was_lost_is_the_same_page_on_retry(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.door("faults", {"on": "checkout.sessions.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        open_page(parts, account, "pro", key="k")
    open_page(parts, account, "pro", key="k")
    assert len(world.api("checkout/sessions?limit=100")["data"]) == 1


def test_another_accounts_session_is_not_found(parts: Runtime, world: StripeWorld, account: str) -> None:
    session = world.pay(open_page(parts, account, "pro"))
    with pytest.raises(SessionNotFound):
        verify(parts, f"{account}x", session)
    assert parts.accounts.store.get(f"{account}x").version == 0


@pytest.mark.parametrize("session_id", ["", "cs_test_nothing", "../customers", "cs_test_a/b", "sub_1", "x" * 5_000])
def test_a_session_id_that_is_none_is_not_found(
    parts: Runtime, world: StripeWorld, account: str, session_id: str
) -> None:
    with pytest.raises(SessionNotFound):
        verify(parts, account, session_id)


def test_an_unpaid_session_changes_nothing(parts: Runtime, world: StripeWorld, account: str) -> None:
    session_id = open_page(parts, account, "pro").rpartition("/")[2]
    with pytest.raises(SessionNotPaid):
        verify(parts, account, session_id)
    assert parts.accounts.store.get(account).plan == PlanState()


def test_the_plan_that_is_held_is_not_sold_again(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    with pytest.raises(AlreadyOnPlan):
        open_page(parts, account, "pro")


def test_two_pages_opened_before_paying_and_both_paid_leave_one_subscription(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time
) -> None:
    first, second = open_page(parts, account, "pro"), open_page(parts, account, "business")
    world.pay(first)
    time_stands.forward(5)
    session = world.pay(second)
    plan = verify(parts, account, session)
    assert plan.tier == "pro"
    assert sorted(s["status"] for s in world.api("subscriptions?status=all")["data"]) == ["active", "canceled"]
    refunds = world.api("refunds")["data"]
    assert [refund["amount"] for refund in refunds] == [14_900]


@pytest.mark.parametrize("call", ["refunds.create", "subscriptions.cancel", "invoices.list"])
@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "500_before"])
def test_a_surplus_subscription_is_undone_by_itself_wherever_it_is_broken_off_and_blocks_nothing(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time, heard: Heard, call: str, kind: str
) -> None:
    pages = [open_page(parts, account, "pro"), open_page(parts, account, "pro")]
    session = [world.pay(page) for page in pages][1]
    world.door("faults", {"on": call, "kind": kind})
    assert verify(parts, account, session).tier == "pro"
    assert len(parts.accounts.store.get(account).upkeep.undoing) == 1
    for _ in range(2):
        assert account not in parts.accounts.store.due_for_review()
        # Past the day for which Stripe keeps a failure under its key.
        time_stands.forward(86_400)
        assert account in parts.accounts.store.due_for_review()
        parts.accounts.sync.make_true(account)
    assert [refund["amount"] for refund in world.api("refunds")["data"]] == [4_900]
    assert parts.accounts.store.get(account).upkeep.undoing == {}
    parts.accounts.sync.make_true(account)
    assert parts.accounts.store.get(account).upkeep.review_at is None


def test_a_surplus_payment_that_is_disputed_is_left_to_the_dispute_and_reported(
    parts: Runtime, world: StripeWorld, account: str, heard: Heard
) -> None:
    pages = [open_page(parts, account, "pro"), open_page(parts, account, "business")]
    session = [world.pay(page) for page in pages][1]
    payment = world.api("payment_intents?limit=1")["data"][0]["id"]
    world.door("disputes", {"payment_intent": payment, "status": "needs_response"})
    assert verify(parts, account, session).tier == "pro"
    assert heard.findings == [(account, "not_given_back", payment)]
    assert parts.accounts.store.get(account).upkeep.undoing == {}
    assert sorted(s["status"] for s in world.api("subscriptions?status=all")["data"]) == ["active", "canceled"]


def test_the_surplus_is_undone_once_when_all_deliveries_come_at_the_same_moment(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    for page in [open_page(parts, account, "pro"), open_page(parts, account, "pro")]:
        world.pay(page)
    use_stripe(parts, world.base, network_retries=2)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda event: deliver_until_taken(parts, event), world.events()))
    assert [refund["amount"] for refund in world.api("refunds")["data"]] == [4_900]
    assert parts.accounts.store.get(account).plan.tier == "pro"


def test_a_refund_of_a_surplus_payment_that_the_bank_sends_back_is_reported_once(
    parts: Runtime, world: StripeWorld, account: str, time_stands: Time, heard: Heard
) -> None:
    pages = [open_page(parts, account, "pro"), open_page(parts, account, "business")]
    world.pay(pages[0])
    session = world.pay(pages[1], "4000000000005126")
    payment = world.api("payment_intents?limit=1")["data"][0]["id"]
    assert verify(parts, account, session).tier == "pro"
    assert heard.findings == []
    pass_days(world, time_stands, 2)
    told = [event for event in world.events() if "refund" in event["type"]]
    for event in [*told, *told]:
        deliver(parts, event)
    assert "refund.failed" in {event["type"] for event in told}
    assert heard.findings == [(account, "refund_failed", payment)]


EURO = {"currency": "eur", "recurring[interval]": "month"}


def test_a_customer_who_is_billed_in_another_currency_is_told_so(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    subscribe(parts, world, account, **EURO)
    with pytest.raises(CurrencyConflict) as refused:
        open_page(parts, account, "pro")
    assert refused.value.details == {"currency": "eur"}


def test_a_plan_in_another_currency_is_a_plan_and_its_change_is_refused_with_a_word(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    subscribe(parts, world, account, **EURO, **{"metadata[tier]": "business"})
    with pytest.raises(CurrencyConflict):
        open_page(parts, account, "pro")
    assert parts.accounts.store.get(account).plan.tier == "business"
