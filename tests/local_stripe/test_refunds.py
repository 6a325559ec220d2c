from __future__ import annotations

import pytest
import stripe

from local.stripe.rules import balance
from tests.local_stripe.harness import Stack


def paid_intent(stack: Stack, card: str = "4242424242424242") -> str:
    session = stack.deposit(stack.customer().id)
    assert stack.post(session.url, card=card).status_code == 303
    return str(stack.v1.checkout.sessions.retrieve(session.id).payment_intent)


def test_a_payment_is_given_back_in_parts_and_never_beyond(stack: Stack) -> None:
    intent = paid_intent(stack)
    since = stack.position()
    first = stack.v1.refunds.create({"payment_intent": intent, "amount": 1000, "reason": "requested_by_customer"})
    assert (first.status, first.amount, first.payment_intent) == ("succeeded", 1000, intent)
    assert stack.event_types(since) == ["refund.created", "charge.refunded"]
    charge = stack.v1.charges.retrieve(str(first.charge), {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded) == (False, 1000)
    assert charge.refunds is not None
    assert [refund.id for refund in charge.refunds.data] == [first.id]
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        stack.v1.refunds.create({"payment_intent": intent, "amount": 1501})
    rest = stack.v1.refunds.create({"charge": charge.id})
    assert rest.amount == 1500
    assert stack.v1.charges.retrieve(charge.id).refunded is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_already_refunded"
    assert [refund.id for refund in stack.v1.refunds.list({"payment_intent": intent}).data] == [rest.id, first.id]
    assert stack.v1.refunds.retrieve(rest.id).amount == 1500


def test_the_door_refunds_too(stack: Stack) -> None:
    intent = paid_intent(stack)
    part = stack.door("/refunds", {"payment_intent": intent, "amount": 500})
    assert (part.status_code, part.json()["amount"]) == (200, 500)
    assert stack.door("/refunds", {"payment_intent": intent}).json()["amount"] == 2000
    assert stack.door("/refunds", {"payment_intent": intent}).status_code == 400
    assert stack.door("/refunds", {"payment_intent": intent, "amount": "5"}).status_code == 400
    assert stack.door("/refunds", {"payment_intent": "pi_none"}).status_code == 404


def test_a_payment_that_failed_has_nothing_to_give_back(stack: Stack) -> None:
    customer = stack.customer()
    stack.post(stack.deposit(customer.id).url, card="4000000000000002")
    intent = stack.v1.payment_intents.list({"customer": customer.id}).data[0]
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        stack.v1.refunds.create({"payment_intent": intent.id})


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_must_be_positive(stack: Stack, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        stack.v1.refunds.create({"payment_intent": paid_intent(stack), "amount": amount})


FAILED = ["refund.updated", "charge.refund.updated", "refund.failed"]


def test_a_refund_that_fails_later_puts_the_money_back_and_can_be_made_again(stack: Stack) -> None:
    intent = paid_intent(stack, "4000000000005126")
    before = balance.total(stack.world)
    made = stack.v1.refunds.create({"payment_intent": intent})
    assert (made.status, balance.total(stack.world) - before) == ("succeeded", -2500)
    since = stack.position()
    stack.advance(days=2)
    assert stack.event_types(since) == FAILED
    failed = stack.v1.refunds.retrieve(made.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.amount == 2500
    charge = stack.v1.charges.retrieve(str(made.charge))
    assert (charge.refunded, charge.amount_refunded, balance.total(stack.world)) == (False, 0, before)
    assert stack.events(since)[0]["data"]["previous_attributes"]["status"] == "succeeded"
    assert stack.v1.refunds.create({"payment_intent": intent}).amount == 2500


def test_a_refund_may_be_pending_before_it_arrives(stack: Stack) -> None:
    intent = paid_intent(stack, "4000000000007726")
    made = stack.v1.refunds.create({"payment_intent": intent, "amount": 700})
    assert (made.status, made.pending_reason) == ("pending", "processing")
    since = stack.position()
    stack.advance(days=2)
    assert stack.event_types(since) == FAILED[:2]
    assert stack.v1.refunds.retrieve(made.id).status == "succeeded"
    assert stack.v1.charges.retrieve(str(made.charge)).amount_refunded == 700


@pytest.mark.parametrize(
    ("card", "status", "answer"),
    [
        ("4242424242424242", "failed", FAILED),
        ("4000000000007726", "failed", FAILED),
        ("4000000000007726", "canceled", FAILED[:2]),
        ("4000000000007726", "succeeded", FAILED[:2]),
    ],
)
def test_the_bank_s_word_on_a_refund_may_be_ordered_and_is_final(
    stack: Stack, card: str, status: str, answer: list[str]
) -> None:
    made = stack.v1.refunds.create({"payment_intent": paid_intent(stack, card)})
    since = stack.position()
    assert stack.door(f"/refunds/{made.id}", {"status": status}).json()["status"] == status
    assert stack.door(f"/refunds/{made.id}", {"status": status}).status_code == 400
    stack.advance(days=3)
    assert stack.event_types(since) == answer
    assert stack.door("/refunds/re_none", {"status": "failed"}).status_code == 404


def test_a_refund_s_metadata_is_edited(stack: Stack) -> None:
    made = stack.v1.refunds.create({"payment_intent": paid_intent(stack)})
    since = stack.position()
    assert stack.v1.refunds.update(made.id, {"metadata": {"ticket": "7"}}).to_dict()["metadata"] == {"ticket": "7"}
    assert stack.event_types(since) == ["refund.updated", "charge.refund.updated"]
