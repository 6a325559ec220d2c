from __future__ import annotations

import pytest
import stripe

from local.stripe.rules import balance
from tests.local_stripe.harness import Stack


def paid(stack: Stack, card: str = "4242424242424242") -> str:
    session = stack.deposit(stack.customer().id)
    assert stack.post(session.url, card=card).status_code == 303
    return str(stack.v1.checkout.sessions.retrieve(session.id).payment_intent)


@pytest.mark.parametrize(("end", "moved"), [("lost", -2500 - 1500), ("won", -1500)])
def test_a_dispute_is_opened_and_closed(stack: Stack, end: str, moved: int) -> None:
    intent = paid(stack)
    before, mark = balance.total(stack.world), stack.mark()
    opened = stack.door("/disputes", {"payment_intent": intent, "status": "needs_response"})
    assert opened.status_code == 200
    dispute = stack.v1.disputes.retrieve(opened.json()["id"], {"expand": ["charge", "payment_intent"]})
    assert (dispute.status, dispute.amount) == ("needs_response", 2500)
    assert isinstance(dispute.charge, stripe.Charge)
    assert dispute.charge.disputed is True
    assert balance.total(stack.world) - before == -2500 - 1500
    assert stack.door("/disputes", {"payment_intent": intent, "status": end}).json()["status"] == end
    assert balance.total(stack.world) - before == moved
    told = ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]
    assert stack.told(mark) == told + (["charge.dispute.funds_reinstated"] if end == "won" else [])
    assert stack.door("/disputes", {"payment_intent": intent, "status": end}).status_code == 400
    assert [d.id for d in stack.v1.disputes.list({"payment_intent": intent}).data] == [dispute.id]


def test_opening_twice_opens_once(stack: Stack) -> None:
    intent = paid(stack)
    ids = {stack.door("/disputes", {"payment_intent": intent}).json()["id"] for _ in range(2)}
    assert len(ids) == 1


def test_accepting_a_dispute_loses_it(stack: Stack) -> None:
    dispute = stack.door("/disputes", {"payment_intent": paid(stack)}).json()["id"]
    assert stack.v1.disputes.close(dispute).status == "lost"


def test_a_card_may_be_disputed_by_itself(stack: Stack) -> None:
    intent = paid(stack, "4000000000000259")
    assert stack.v1.disputes.list({"payment_intent": intent}).data[0].reason == "fraudulent"


def test_a_disputed_payment_is_not_refunded_except_at_the_same_time(stack: Stack) -> None:
    intent = paid(stack)
    stack.door("/disputes", {"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.refunds.create({"payment_intent": intent})
    assert refused.value.code == "charge_disputed"
    assert stack.door("/refunds", {"payment_intent": intent}).status_code == 200


def test_only_what_is_not_refunded_can_be_disputed(stack: Stack) -> None:
    intent = paid(stack)
    stack.door("/refunds", {"payment_intent": intent, "amount": 1000})
    assert stack.door("/disputes", {"payment_intent": intent}).json()["amount"] == 1500
    other = paid(stack)
    stack.door("/refunds", {"payment_intent": other})
    assert stack.door("/disputes", {"payment_intent": other}).status_code == 400
    assert stack.door("/disputes", {"payment_intent": other, "status": "maybe"}).status_code == 400
    assert stack.door("/disputes", {"payment_intent": "pi_none"}).status_code == 404
