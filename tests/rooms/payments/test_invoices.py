"""An invoice as Stripe lists it, and which of its payments a person is asked to confirm."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aerostack_billing.accounts.choice import Choice
from aerostack_billing.accounts.plan_state import facts_of
from aerostack_billing.payments.gateway import Payments
from aerostack_billing.payments.models import Invoice
from aerostack_billing.payments.wire import WireInvoice, read
from tests.rooms.accounts.test_choice import later

_NEWEST_FIRST = [("pi_new", 20), ("pi_old", 10)]


def invoice() -> Invoice:
    """An open invoice with two attempts that wait, as Stripe lists them."""
    listed = [
        {"status": "open", "created": created, "payment": {"type": "payment_intent", "payment_intent": intent}}
        for intent, created in _NEWEST_FIRST
    ]
    raw: dict[str, Any] = {"id": "in_1", "status": "open", "created": 1, "total": 4_900, "payments": {"data": listed}}
    return read(WireInvoice, raw).read()


def test_an_invoices_payments_are_read_oldest_first() -> None:
    assert invoice().intents("open") == ["pi_old", "pi_new"]


@pytest.mark.parametrize(("asked", "needs_action"), [("pi_new", True), ("pi_old", False)])
def test_only_the_newest_payment_of_an_invoice_asks_for_its_payer(asked: str, *, needs_action: bool) -> None:
    owing = later(0, "sub_1", "past_due")
    stripe = SimpleNamespace(
        open_invoices=lambda _customer: [(owing.subscription_id, invoice())],
        needs_action=lambda intent: intent == asked,
    )
    assert facts_of(Choice(owing), cast("Payments", stripe)).needs_action is needs_action
