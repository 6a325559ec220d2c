"""Deposits: credited once by whoever hears first; refunds and disputes take back at most what a deposit brought."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.payments.cards import Payment
from aerostack_billing.values.errors import IdempotencyKeyReused, PaymentsUnavailable, SessionNotFound, SessionNotPaid
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.models import Wallet
from tests.rooms.conftest import Time, use_stripe
from tests.rooms.worlds.deposits import deposit, dispute, events, hear_all, open_deposit, refund
from tests.rooms.worlds.plans import buy, deliver
from tests.rooms.worlds.stripe import StripeWorld
from tests.rooms.worlds.wallet import audited, charge, lines

# Crediting


def test_a_deposit_counts_at_once_on_return_and_once_with_its_webhooks(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    session_id = world.pay(open_deposit(parts, account))
    answer = parts.wallet.checkout_return.verify(account, session_id)
    assert (answer["balance_cents"], answer["lifetime_deposited_cents"]) == (2_500, 2_500)
    parts.wallet.checkout_return.verify(account, session_id)
    hear_all(parts, world)
    hear_all(parts, world)
    assert audited(parts, account).balance == micros(2_500)
    assert lines(parts, account) == [("deposit", 2_500)]


def test_every_order_of_a_deposits_events_credits_it_once(parts: Runtime, world: StripeWorld, account: str) -> None:
    wanted = events_of_deposit = ("checkout.session.completed", "payment_intent.succeeded", "charge.succeeded")
    for number, order in enumerate(itertools.permutations(range(len(events_of_deposit)))):
        own = f"{account}{number}"
        world.pay(open_deposit(parts, own))
        made = events(world, *wanted)[-len(wanted) :]
        for index in order:
            deliver(parts, made[index])
        assert audited(parts, own).balance == micros(2_500)


def test_webhook_and_return_at_the_same_moment_credit_once(parts: Runtime, world: StripeWorld, account: str) -> None:
    session_id = world.pay(open_deposit(parts, account))
    use_stripe(parts, world.base, network_retries=2)
    acts = [lambda: parts.wallet.checkout_return.verify(account, session_id)] * 4
    acts += [lambda e=e: deliver(parts, e) for e in world.events()]  # type: ignore[misc, list-item]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda act: act(), acts))
    assert audited(parts, account).balance == micros(2_500)


def test_an_unpaid_deposit_brings_nothing(parts: Runtime, world: StripeWorld, account: str) -> None:
    url = open_deposit(parts, account)
    with pytest.raises(SessionNotPaid):
        parts.wallet.checkout_return.verify(account, url.rpartition("/")[2])
    assert world.submit(url, card="4000000000000002")[0] == 402
    hear_all(parts, world)
    assert parts.wallet.store.get(account).version == 0


def test_another_accounts_deposit_session_is_not_found(parts: Runtime, world: StripeWorld, account: str) -> None:
    session_id = world.pay(open_deposit(parts, account))
    with pytest.raises(SessionNotFound):
        parts.wallet.checkout_return.verify(f"{account}x", session_id)
    assert parts.wallet.store.get(f"{account}x").version == 0


def test_the_same_top_up_posted_twice_under_a_key_is_one_page(parts: Runtime, world: StripeWorld, account: str) -> None:
    assert open_deposit(parts, account, key="k") == open_deposit(parts, account, key="k")
    with pytest.raises(IdempotencyKeyReused):
        open_deposit(parts, account, 600, key="k")


def test_a_page_whose_answer_was_lost_is_the_same_page_on_retry(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.door("faults", {"on": "checkout.sessions.create", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        open_deposit(parts, account, key="k")
    open_deposit(parts, account, key="k")
    assert len(world.api("checkout/sessions?limit=100")["data"]) == 1


def test_an_async_payment_credits_only_when_it_is_paid(parts: Runtime, world: StripeWorld, account: str) -> None:
    url = open_deposit(parts, account)
    status, _ = world.submit(url, card="us_bank_account")
    assert status == 303
    hear_all(parts, world)
    assert parts.wallet.store.get(account).version == 0
    with pytest.raises(SessionNotPaid):
        parts.wallet.checkout_return.verify(account, url.rpartition("/")[2])


def test_the_first_card_becomes_the_default_and_a_later_one_does_not(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    deposit(parts, world, account)
    customer_id = parts.accounts.store.get(account).customer_id or ""
    first = parts.payments.cards.default_card(customer_id)
    assert first is not None
    deposit(parts, world, account, card="5555555555554444")
    assert parts.payments.cards.default_card(customer_id) == first


def test_a_subscriptions_payment_is_no_deposit(parts: Runtime, world: StripeWorld, account: str) -> None:
    buy(parts, world, account, "pro")
    for event in events(world, "payment_intent.succeeded"):
        assert deliver(parts, event).result == "ignored"
    assert parts.wallet.store.get(account).version == 0


def test_a_payment_of_the_customers_for_something_else_is_no_deposit(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    deposit(parts, world, account, 500)
    customer_id = parts.accounts.store.get(account).customer_id or ""
    card = parts.payments.cards.default_card(customer_id)
    assert card is not None
    paying = {"customer": customer_id, "payment_method": card.payment_method_id, "confirm": "true"}
    claiming = {"metadata[account_id]": account, "metadata[kind]": "invoice"}
    made = world.create("payment_intents", amount="50000", currency="usd", **paying, **claiming)
    assert made["status"] == "succeeded"
    hear_all(parts, world)
    assert parts.wallet.settlement.settle(str(made["id"])) is None  # asked by name, as a replay by an operator does
    assert lines(parts, account) == [("deposit", 500)]


# Refunds and disputes


def test_a_refund_takes_back_what_it_brought(parts: Runtime, world: StripeWorld, account: str) -> None:
    payment = deposit(parts, world, account)
    refund(world, payment, 1_000)
    hear_all(parts, world)
    refund(world, payment)
    hear_all(parts, world)
    hear_all(parts, world)
    assert lines(parts, account) == [("deposit", 2_500), ("refund", -1_000), ("refund", -1_500)]
    assert audited(parts, account).balance == 0


def test_a_refund_heard_of_before_the_deposit_asks_credits_and_takes_back(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    session_id = world.pay(open_deposit(parts, account))
    refund(world, str(world.api(f"checkout/sessions/{session_id}")["payment_intent"]))
    for event in events(world, "charge.refunded"):
        deliver(parts, event)
    assert lines(parts, account) == [("deposit", 2_500), ("refund", -2_500)]
    hear_all(parts, world)
    assert audited(parts, account).balance == 0


def test_an_answer_of_stripes_older_than_what_was_posted_since_undoes_nothing(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    payment = deposit(parts, world, account)
    ask = parts.payments.cards.payment

    def overtaken(payment_intent_id: str) -> Payment | None:
        parts.payments.cards.payment = ask  # type: ignore[method-assign]
        answer = ask(payment_intent_id)
        refund(world, payment)
        hear_all(parts, world)
        return answer

    parts.payments.cards.payment = overtaken  # type: ignore[method-assign]
    parts.wallet.settlement.settle(payment)
    assert lines(parts, account) == [("deposit", 2_500), ("refund", -2_500)]
    assert audited(parts, account).balance == 0


def test_a_dispute_that_is_won_before_it_was_posted_stands_over_an_older_answer(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    payment = deposit(parts, world, account)
    hear_all(parts, world)
    dispute(world, payment, "needs_response")
    ask, answers = parts.payments.cards.payment, itertools.count()

    def overtaken(payment_intent_id: str) -> Payment | None:
        answer = ask(payment_intent_id)
        if next(answers) == 1:
            dispute(world, payment, "won")
            deliver(parts, events(world, "charge.dispute.closed")[-1])
        return answer

    parts.payments.cards.payment = overtaken  # type: ignore[method-assign]
    parts.wallet.settlement.settle(payment)
    assert lines(parts, account) == [("deposit", 2_500)]
    assert audited(parts, account).balance == micros(2_500)


def test_a_dispute_takes_the_money_and_a_won_one_gives_it_back(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    payment = deposit(parts, world, account)
    dispute(world, payment, "needs_response")
    hear_all(parts, world)
    assert audited(parts, account).balance == 0
    dispute(world, payment, "won")
    hear_all(parts, world)
    assert lines(parts, account) == [("deposit", 2_500), ("dispute", -2_500), ("dispute_reversal", 2_500)]
    assert audited(parts, account).balance == micros(2_500)


def test_a_dispute_of_money_spent_is_a_debt_and_a_won_one_pays_it(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    payment = deposit(parts, world, account)
    charge(parts, account, 2_000, "a")
    dispute(world, payment, "needs_response")
    hear_all(parts, world)
    wallet: Wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (0, micros(2_000))
    dispute(world, payment, "lost")
    hear_all(parts, world)
    assert audited(parts, account).debt == micros(2_000)
    deposit(parts, world, account, 3_000)
    wallet = audited(parts, account)
    assert (wallet.balance, wallet.debt) == (micros(1_000), 0)


def test_dispute_then_refund_of_one_deposit_takes_it_once(parts: Runtime, world: StripeWorld, account: str) -> None:
    payment = deposit(parts, world, account)
    deposit(parts, world, account, 1_000)
    dispute(world, payment, "needs_response")
    hear_all(parts, world)
    world.api(f"payment_intents/{payment}")
    settled = parts.wallet.settlement.look(payment)
    assert settled is not None
    assert settled.payment.disputed_cents == 2_500
    dispute(world, payment, "lost")
    hear_all(parts, world)
    assert audited(parts, account).balance == micros(1_000)


def test_a_claw_back_takes_at_most_what_the_deposit_brought() -> None:
    """Stripe's figures are capped by the deposit, whatever a refund and a dispute add up to."""
    from dataclasses import replace

    from aerostack_billing.wallet.settlement import Settlement

    payment = Payment("pi_1", "succeeded", "acct_1", "cus_1", "deposit", None, 2_500, 0, 0, None, None, None, None)
    settlement = Settlement(_Wallets(), None, None)  # type: ignore[arg-type]
    wallet = settlement._settled(
        Wallet("acct_1"), payment=payment, tax=0, read=None, processed=None, warned=False
    ).owner
    assert wallet.balance == micros(2_500)
    both = replace(payment, refunded_cents=2_000, disputed_cents=2_500)
    after = settlement._settled(Wallet("acct_1"), payment=both, tax=0, read=None, processed=None, warned=False)
    assert after.owner.balance == 0
    assert after.owner.debt == 0
    assert [(t.type, t.amount) for t in after.transfers] == [
        ("deposit", micros(2_500)),
        ("refund", micros(2_000)),
        ("dispute", micros(500)),
    ]


def test_a_refund_takes_at_most_what_the_deposit_brought(parts: Runtime, account: str) -> None:
    payment = Payment("pi_1", "succeeded", account, "cus_1", "deposit", None, 2_500, 3_000, 0, None, None, None, None)
    after = parts.wallet.settlement._settled(
        Wallet(account), payment=payment, tax=0, read=None, processed=None, warned=False
    )
    assert [(t.type, t.amount) for t in after.transfers] == [("deposit", micros(2_500)), ("refund", micros(2_500))]


class _Wallets:
    def depositing(self, *_: object) -> None:
        return None

    def marking(self, _: str) -> None:
        return None


def test_a_settlement_that_breaks_off_leaves_the_event_to_be_sent_again(
    parts: Runtime, world: StripeWorld, account: str
) -> None:
    world.pay(open_deposit(parts, account))
    event = events(world, "payment_intent.succeeded")[-1]
    world.door("faults", {"on": "customers.update", "kind": "timeout_after"})
    with pytest.raises(PaymentsUnavailable):
        deliver(parts, event)
    assert parts.wallet.store.get(account).version == 0
    assert deliver(parts, event).result == "processed"
    assert audited(parts, account).balance == micros(2_500)


def test_a_plan_change_touches_no_money(parts: Runtime, world: StripeWorld, account: str, time_stands: Time) -> None:
    deposit(parts, world, account)
    before = parts.wallet.store.get(account)
    buy(parts, world, account, "pro")
    parts.accounts.subscriptions.cancel(account)
    time_stands.forward(40 * 86_400)
    world.stripe.run_due()
    hear_all(parts, world)
    assert parts.wallet.store.get(account) == before


def test_a_payment_in_another_currency_is_no_deposit(parts: Runtime, world: StripeWorld, account: str) -> None:
    customer = parts.accounts.customers.ensure(parts.accounts.store.get(account))
    number = {"card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2040"}
    card = world.create("payment_methods", type="card", **number)["id"]
    world.create(f"payment_methods/{card}/attach", customer=customer)
    ours = {"metadata[account_id]": account, "metadata[kind]": "deposit"}
    paid = {"amount": "5000", "customer": customer, "payment_method": card, "confirm": "true", "off_session": "true"}
    world.create("payment_intents", currency="eur", **paid, **ours)
    event = events(world, "payment_intent.succeeded")[-1]
    assert deliver(parts, event).result == "ignored"
    assert lines(parts, account) == []
    world.create("payment_intents", currency="usd", **paid, **ours)
    assert deliver(parts, events(world, "payment_intent.succeeded")[-1]).result == "processed"
    assert lines(parts, account) == [("deposit", 5_000)]


@pytest.mark.parametrize("gone", ["customer", "card"])
def test_a_deposit_whose_customer_or_card_is_gone_by_then_is_credited(
    parts: Runtime, world: StripeWorld, account: str, gone: str
) -> None:
    session = world.pay(open_deposit(parts, account, 2_500))
    payment = world.api(f"checkout/sessions/{session}")["payment_intent"]
    made = world.api(f"payment_intents/{payment}")
    if gone == "customer":
        world.delete(f"customers/{made['customer']}")
    else:
        world.create(f"payment_methods/{made['payment_method']}/detach")
    hear_all(parts, world)
    assert parts.wallet.store.get(account).balance == micros(2_500)
