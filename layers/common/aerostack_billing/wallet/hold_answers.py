"""What a hold, its capture and its release are answered with."""

from __future__ import annotations

from collections.abc import Sequence

from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform import clock
from aerostack_billing.values.checks import required_as
from aerostack_billing.values.money import cents, whole_cents
from aerostack_billing.wallet.pricing import shown


def taken_answer(transfer: Transfer) -> dict[str, object]:
    """The answer to a hold, made of its transfer alone: so is every replay."""
    expires_at = required_as(int, transfer.details["expires_at"], "the end of a hold")
    return {
        "hold_id": transfer.transfer_id,
        "amount_cents": cents(transfer.amount),
        "expires_at": clock.iso(expires_at),
        **shown(transfer.details),
        **_balances(transfer),
    }


def captured_answer(hold_id: str, transfer: Transfer) -> dict[str, object]:
    """The answer to a capture, made of its transfer."""
    short = required_as(int, transfer.details["short"], "what a capture is short of")
    return {
        "hold_id": hold_id,
        "charge_id": transfer.transfer_id,
        "captured_cents": cents(transfer.amount),
        "short_cents": cents(short),
        **shown(transfer.details),
        "remaining_cents": 0,
        "items": None,
        **_balances(transfer),
    }


def drawn_answer(hold_id: str, lines: Sequence[Transfer]) -> dict[str, object]:
    """The answer to a capture by items, made of their lines, first to last."""
    left = required_as(int, lines[0].details["left"], "what a hold still holds")
    items = [
        {"charge_id": line.transfer_id, "amount_cents": cents(line.amount), **shown(line.details)} for line in lines
    ]
    return {
        "hold_id": hold_id,
        "charge_id": lines[0].transfer_id,
        "captured_cents": cents(sum(line.amount for line in lines)),
        "short_cents": 0,
        **shown({}),
        "remaining_cents": cents(left),
        "items": items,
        **_balances(lines[-1]),
    }


def extended_answer(hold_id: str, transfer: Transfer) -> dict[str, object]:
    """The answer to an extension, made of its transfer."""
    expires_at = required_as(int, transfer.details["expires_at"], "the end of a hold")
    holds = required_as(int, transfer.details["holds"], "what a hold holds")
    return {
        "hold_id": hold_id,
        "amount_cents": cents(holds),
        "added_cents": cents(transfer.amount),
        "expires_at": clock.iso(expires_at),
        **_balances(transfer),
    }


def released_answer(hold_id: str, transfer: Transfer) -> dict[str, object]:
    """The answer to a release, made of its transfer."""
    given_back = required_as(int, transfer.details.get("given_back", transfer.amount), "what a release gives back")
    return {"hold_id": hold_id, "released_cents": cents(given_back), **_balances(transfer)}


def _balances(transfer: Transfer) -> dict[str, object]:
    return {
        "balance_cents": whole_cents(transfer.left_to_spend),
        "balance_micros": transfer.left_to_spend,
        "held_cents": cents(transfer.held_after),
    }
