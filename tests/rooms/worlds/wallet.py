"""A wallet in the tests' hands: funded and owing without Stripe, charged, held, and explained by its ledger."""

from __future__ import annotations

import json
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.grants import GrantRequest
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.queued_charges import Message as QueuedMessage
from aerostack_billing.wallet.requests import CaptureRequest, ChargeRequest, HoldRequest, ReleaseRequest
from aerostack_billing.wallet.rules import WalletPosting, credit_payment, take_back


def fund(parts: Runtime, account: str, cents: int, payment: str = "pi_1") -> None:
    """Credit a payment as the settlement does, without Stripe."""

    def rule(wallet: Wallet) -> Change[Wallet]:
        posting = WalletPosting(wallet)
        credit_payment(posting, "deposit", payment, micros(cents), payment)
        return Change(posting.wallet, posting.transfers)

    parts.wallet.store.apply(account, rule)


def grant(parts: Runtime, account: str, cents: object, key: str = "g") -> dict[str, Any]:
    body = {"account_id": account, "amount_cents": cents, "idempotency_key": key, "description": "Welcome"}
    return parts.wallet.grants.grant(GrantRequest.model_validate(body)).body


def owe(parts: Runtime, account: str, cents: int, payment: str = "pi_1") -> None:
    """Take a deposit back as the settlement does, without Stripe."""

    def rule(wallet: Wallet) -> Change[Wallet]:
        posting = WalletPosting(wallet)
        take_back(posting, "refund", f"{payment}:refund", micros(cents), payment)
        return Change(posting.wallet, posting.transfers)

    parts.wallet.store.apply(account, rule)


def charge(parts: Runtime, account: str, amount: object, key: str, **more: object) -> dict[str, Any]:
    body = {
        "account_id": account,
        "kind": "bot_conversation",
        "amount_cents": amount,
        "billing_mode": "wallet",
        "idempotency_key": key,
        **more,
    }
    return parts.wallet.charges.charge(ChargeRequest.model_validate(body)).body


def hold(parts: Runtime, account: str, amount: object, key: str = "h", **more: object) -> dict[str, Any]:
    body = {"account_id": account, "kind": "agent_execution", "amount_cents": amount, "idempotency_key": key, **more}
    return parts.wallet.holds.take(HoldRequest.model_validate(body)).body


def capture(
    parts: Runtime, account: str, hold_id: str, amount: object, key: str | None = None, *, partial: bool = False
) -> dict[str, Any]:
    """Capture a hold, under a key of its own where none is named."""
    key = key or f"capture of {hold_id}"
    body = {"account_id": account, "amount_cents": amount, "idempotency_key": key, "allow_partial": partial}
    return parts.wallet.holds.capture(hold_id, CaptureRequest.model_validate(body)).body


def release(parts: Runtime, account: str, hold_id: str, key: str = "r") -> dict[str, Any]:
    return parts.wallet.holds.release(hold_id, ReleaseRequest(account_id=account, idempotency_key=key)).body


def lines(parts: Runtime, account: str) -> list[tuple[str, object]]:
    """Type and amount of every transaction, oldest first."""
    page: Any = parts.wallet.statement.transactions(account, "100", None, None)
    return [(line["type"], line["amount_cents"]) for line in reversed(page["transactions"])]


def audited(parts: Runtime, account: str) -> Wallet:
    """The wallet, after its audit found nothing wrong."""
    assert parts.audit.service.run(account).violations == ()
    return parts.wallet.store.get(account)


def queued(name: str, *charges: dict[str, Any], group: str | None = None) -> QueuedMessage:
    """A message of the charge queue: one charge alone, or a batch; in the group of its first account."""
    usual = {"kind": "bot_conversation", "billing_mode": "wallet"}
    bodies = [{**usual, **({} if {"usage", "tool_id"} & one.keys() else {"amount_cents": 2}), **one} for one in charges]
    body = bodies[0] if len(bodies) == 1 else {"charges": bodies}
    return QueuedMessage(name, json.dumps(body), group or str(bodies[0]["account_id"]), 1_772_357_400.012)


def charge_all(parts: Runtime, account: str, *charges: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of a batch; each charge is 2 cents of the account under the key of its place, unless it says else."""
    usual = {"account_id": account, "kind": "bot_conversation", "billing_mode": "wallet"}
    asked = []
    for place, given in enumerate(charges):
        price = {} if "usage" in given else {"amount_cents": 2}
        asked.append({**usual, **price, "idempotency_key": f"k{place}", **given})
    return [result.view() for result in parts.wallet.batch.run(asked)]
