"""With tax a deposit credits what was bought, and what goes back is divided as it was paid: exact over all of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.accounts.models import PreviewRequest
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.cards import CardPayments
from aerostack_billing.payments.client import connect
from aerostack_billing.payments.gateway import PageTerms, Payments
from aerostack_billing.payments.previews import Previews
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.models import Deposit
from tests.rooms.worlds.deposits import dispute, hear_all, open_deposit, refund
from tests.rooms.worlds.plans import open_page, verify
from tests.rooms.worlds.reload import configure, spend_to_400
from tests.rooms.worlds.stripe import StripeWorld

TEN, WITH_TAX = 1_000, 1_190


def taxing(parts: Runtime, world: StripeWorld, *, enabled: bool = True) -> None:
    """Have the pages compute tax, or not any more."""
    stripe = connect("sk_test_local", world.base, network_retries=0)
    terms = PageTerms(automatic_tax=enabled)
    parts.payments.gateway = Payments(lambda: stripe, None, None, terms)
    parts.payments.cards = CardPayments(lambda: stripe, terms)
    parts.payments.previews = Previews(lambda: stripe, terms)


def paid_in(parts: Runtime, world: StripeWorld, account: str, cents: int = TEN, country: str = "DE") -> str:
    """Deposit from a country, and come back; the payment."""
    page = open_deposit(parts, account, cents)
    assert world.submit(page, card="4242424242424242", country=country)[0] == 303
    session = page.rpartition("/")[2]
    parts.wallet.checkout_return.verify(account, session)
    return str(world.api(f"checkout/sessions/{session}")["payment_intent"])


def lines(parts: Runtime, account: str) -> list[tuple[str, int]]:
    return [(line.type, line.effect) for line in parts.wallet.store.ledger.whole(account)]


def test_a_deposit_with_tax_credits_what_was_bought(parts: Runtime, world: StripeWorld, account: str) -> None:
    taxing(parts, world)
    payment = paid_in(parts, world, account)
    assert world.api(f"payment_intents/{payment}")["amount_received"] == WITH_TAX
    assert parts.wallet.store.get(account).balance == micros(TEN)
    hear_all(parts, world)
    assert lines(parts, account) == [("deposit", micros(TEN))]
    papers: Any = parts.accounts.paperwork.invoices(account, None, None)["invoices"]
    assert [paper["total_cents"] for paper in papers] == [WITH_TAX]


def test_where_no_tax_is_due_all_of_it_is_credited(parts: Runtime, world: StripeWorld, account: str) -> None:
    taxing(parts, world)
    payment = paid_in(parts, world, account, country="US")
    assert world.api(f"payment_intents/{payment}")["amount_received"] == TEN
    assert parts.wallet.store.get(account).balance == micros(TEN)


def test_a_payment_made_before_tax_was_switched_off_credits_what_was_bought(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    taxing(parts, world)
    page = open_deposit(parts, account, TEN)
    taxing(parts, world, enabled=False)
    assert world.submit(page, card="4242424242424242", country="DE")[0] == 303
    hear_all(parts, world)
    assert parts.wallet.store.get(account).balance == micros(TEN)


def test_a_payment_whose_metadata_staff_took_away_credits_what_was_bought(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    taxing(parts, world)
    page = open_deposit(parts, account, TEN)
    assert world.submit(page, card="4242424242424242", country="DE")[0] == 303
    payment = world.api(f"checkout/sessions/{page.rpartition('/')[2]}")["payment_intent"]
    world.create(f"payment_intents/{payment}", **{"metadata[automatic_tax]": ""})
    hear_all(parts, world)
    assert parts.wallet.store.get(account).balance == micros(TEN)


def test_a_full_refund_takes_back_what_was_bought(parts: Runtime, world: StripeWorld, account: str) -> None:
    taxing(parts, world)
    refund(world, paid_in(parts, world, account))
    hear_all(parts, world)
    assert lines(parts, account) == [("deposit", micros(TEN)), ("refund", -micros(TEN))]


def test_half_refunded_takes_half_and_the_rest_the_rest(parts: Runtime, world: StripeWorld, account: str) -> None:
    taxing(parts, world)
    payment = paid_in(parts, world, account)
    refund(world, payment, 595)
    hear_all(parts, world)
    assert lines(parts, account)[1:] == [("refund", -micros(500))]
    refund(world, payment, 595)
    hear_all(parts, world)
    assert lines(parts, account)[1:] == [("refund", -micros(500)), ("refund", -micros(500))]


def test_refunds_that_do_not_divide_are_rounded_down_to_a_micro_and_add_up(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    taxing(parts, world)
    payment = paid_in(parts, world, account)
    for cents in (100, 100, 990):
        refund(world, payment, cents)
        hear_all(parts, world)
    # 100/1190 of $10 are 840,336.13 micros, 200/1190 of it 1,680,672.27.
    assert lines(parts, account)[1:] == [("refund", -840_336), ("refund", -840_336), ("refund", -8_319_328)]


def test_a_dispute_takes_what_was_bought_and_gives_it_back_when_it_is_won(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    taxing(parts, world)
    payment = paid_in(parts, world, account)
    dispute(world, payment, "needs_response")
    hear_all(parts, world)
    dispute(world, payment, "won")
    hear_all(parts, world)
    assert lines(parts, account)[1:] == [("dispute", -micros(TEN)), ("dispute_reversal", micros(TEN))]


def test_a_reload_is_charged_and_credited_without_tax(parts: Runtime, world: StripeWorld, account: str) -> None:
    taxing(parts, world)
    paid_in(parts, world, account, 2_500)
    configure(parts, account)
    spend_to_400(parts, account)
    parts.reload.service.sweep()
    kind, effect = lines(parts, account)[-1]
    newest = world.api("payment_intents?limit=1")["data"][0]
    assert (kind, effect) == ("reload", micros(newest["amount_received"]))
    assert newest["metadata"]["kind"] == "reload"


def test_a_plan_is_sold_with_tax_and_its_preview_says_so_once_the_country_is_known(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    taxing(parts, world)
    paid_in(parts, world, account)
    shown: Any = parts.accounts.preview.show(account, PreviewRequest(tier="pro", billing_interval="monthly"))
    assert (shown["due_now_cents"], shown["next_amount_cents"]) == (5_831, 5_831)
    page = open_page(parts, account, "pro")
    assert world.submit(page, card="4242424242424242", country="DE")[0] == 303
    assert verify(parts, account, page.rpartition("/")[2]).tier == "pro"
    papers: Any = parts.accounts.paperwork.invoices(account, None, None)["invoices"]
    assert papers[0]["total_cents"] == 5_831


# The division


AMOUNT = st.integers(1, 50_000).map(micros)
DEPOSITS = st.tuples(AMOUNT, st.integers(0, 12_000).map(micros)).map(
    lambda paid: Deposit("acct_a", "pi_a", paid[0], tax=paid[1])
)


@given(DEPOSITS, st.lists(st.integers(1, 10_000), max_size=12))
def test_parts_of_any_refunds_add_up_to_the_deposit_and_each_is_within_a_micro(
    deposit: Deposit, refunds: list[int]
) -> None:
    paid = deposit.amount + deposit.tax
    back, taken = 0, 0
    for cents in refunds:
        back = min(paid, back + micros(cents))
        part = deposit.part_refunded(back)
        assert part >= taken
        assert 0 <= back * deposit.amount - part * paid < paid
        taken = part
    assert deposit.part_refunded(paid) == deposit.amount


@given(DEPOSITS, st.data())
def test_what_refunds_and_disputes_take_together_is_never_more_than_was_credited_and_all_when_all_is_gone(
    deposit: Deposit, data: st.DataObject
) -> None:
    paid = deposit.amount + deposit.tax
    refunded = data.draw(st.integers(0, paid // 10_000)) * 10_000
    disputed = data.draw(st.integers(0, (paid - refunded) // 10_000)) * 10_000
    together = deposit.part_refunded(refunded) + deposit.part_disputed(disputed)
    assert together <= deposit.amount
    assert deposit.part_refunded(refunded) + deposit.part_disputed(paid - refunded) == deposit.amount


@given(AMOUNT, st.integers(0, 60_000).map(micros))
def test_without_tax_what_is_refunded_is_what_is_taken(amount: int, back: int) -> None:
    deposit = Deposit("acct_a", "pi_a", amount)
    assert (deposit.part_refunded(back), deposit.part_disputed(back)) == (min(back, amount),) * 2


@pytest.mark.parametrize("country", ["DE", "FR", "PL"])
def test_an_odd_amount_is_credited_to_the_cent(parts: Runtime, world: StripeWorld, account: str, country: str) -> None:
    taxing(parts, world)
    paid_in(parts, world, account, 1_337, country)
    assert parts.wallet.store.get(account).balance == micros(1_337)
