"""The page of the restricted key says what the code does at Stripe."""

from __future__ import annotations

import ast

import pytest

from scripts import stripe_permissions
from scripts.stripe_permissions import Call, Unknown


def of(code: str) -> set[Call]:
    return set(stripe_permissions._calls(ast.parse(code)))


def test_the_page_is_the_one_that_the_code_asks_for() -> None:
    assert stripe_permissions.DOCUMENT.read_text(encoding="utf-8") == stripe_permissions.document()


def test_a_call_is_found_with_all_that_it_expands() -> None:
    code = 'x = connect().v1.payment_intents.retrieve("pi_1", {"expand": ["latest_charge", "data.latest_invoice"]})'
    assert of(code) == {
        Call("payment_intents", "retrieve"),
        Call("charges", "retrieve"),
        Call("invoices", "retrieve"),
    }
    assert of('P = "x"\nconnect().v1.prices.list({"expand": [f"data.product"]})') == {
        Call("prices", "list"),
        Call("products", "retrieve"),
    }
    assert of("self._connect().v1.checkout.sessions.create({})") == {Call("checkout.sessions", "create")}


def test_what_the_tables_do_not_know_is_said_and_never_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unknown, match="written out"):
        of('connect().v1.prices.list({"expand": [wanted]})')
    with pytest.raises(Unknown, match="mandate"):
        of('connect().v1.payment_intents.retrieve("pi_1", {"expand": ["mandate"]})')
    monkeypatch.setattr(stripe_permissions, "PERMISSIONS", {})
    with pytest.raises(Unknown, match=r"stripe_permissions\.py"):
        stripe_permissions.document()


def test_a_key_at_run_time_can_make_no_price_no_product_and_no_webhook_endpoint() -> None:
    writes = {
        call.resource for call in stripe_permissions.calls(stripe_permissions.PAYMENTS, below=False) if call.writes
    }
    assert not writes & {"prices", "products", "webhook_endpoints", "billing_portal.configurations"}
