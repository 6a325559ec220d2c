"""Stripe Connect: creators' accounts, the pages on which they are completed, and transfers to them.

All methods raise PaymentsUnavailable and PaymentsFailed (the outcome is unknown), PaymentsRefused (nothing happened).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import stripe
from pydantic import Field

from aerostack_billing.payments.client import translated
from aerostack_billing.payments.wire import Reference, Wire, read
from aerostack_billing.values.errors import ObjectMissing


@dataclass(frozen=True)
class ConnectedAccount:
    """A connected account as Stripe has it now."""

    account_id: str
    creator_id: str | None
    submitted: bool
    can_be_paid: bool


@dataclass(frozen=True)
class TransferMade:
    """A transfer to a connected account; whole cents. Its group and destination can be changed by nobody."""

    transfer_id: str
    payout_id: str | None
    creator_id: str | None
    destination: str | None
    amount_cents: int
    reversed_cents: int


class _Account(Wire):
    id: str
    details_submitted: bool = False
    payouts_enabled: bool = False
    capabilities: dict[str, str] = Field(default_factory=dict)
    metadata: dict[str, str] = Field(default_factory=dict)

    def read(self) -> ConnectedAccount:
        can_be_paid = self.payouts_enabled and self.capabilities.get("transfers") == "active"
        return ConnectedAccount(self.id, self.metadata.get("creator_id"), self.details_submitted, can_be_paid)


class _Transfer(Wire):
    id: str
    amount: int
    amount_reversed: int = 0
    transfer_group: str | None = None
    destination: Reference | None = None
    metadata: dict[str, str] = Field(default_factory=dict)

    def read(self) -> TransferMade:
        creator_id = self.metadata.get("creator_id")
        return TransferMade(
            self.id, self.transfer_group, creator_id, self.destination, self.amount, self.amount_reversed
        )


class Connect:
    """Connected accounts and transfers."""

    def __init__(self, connect: Callable[[], stripe.StripeClient]) -> None:
        self._connect = connect

    def create_account(self, creator_id: str, key: str) -> str:
        """Create the creator's connected account, once for `key`; its id."""
        with translated():
            account = self._connect().v1.accounts.create(
                {
                    "controller": {
                        "fees": {"payer": "application"},
                        "losses": {"payments": "application"},
                        "stripe_dashboard": {"type": "express"},
                    },
                    "capabilities": {"transfers": {"requested": True}},
                    "metadata": {"creator_id": creator_id},
                },
                {"idempotency_key": key},
            )
        return account.id

    def find_account(self, creator_id: str, since: int) -> str | None:
        """The account created for the creator since then, found without its key."""
        with translated():
            found = self._connect().v1.accounts.list({"created": {"gte": since}, "limit": 100})
            for account in found.auto_paging_iter():
                connected = read(_Account, account.to_dict()).read()
                if connected.creator_id == creator_id:
                    return connected.account_id
        return None

    def account(self, account_id: str) -> ConnectedAccount | None:
        """A connected account as it is now; None if there is none, or none of ours."""
        try:
            with translated():
                account = self._connect().v1.accounts.retrieve(account_id)
        except ObjectMissing:
            return None
        return read(_Account, account.to_dict()).read()

    def onboarding_page(self, account_id: str, return_url: str, refresh_url: str) -> str:
        """A page on which the creator completes the account; its URL. It can be opened once, and for minutes."""
        with translated():
            link = self._connect().v1.account_links.create(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        return link.url

    def transfer(self, creator_id: str, payout_id: str, amount_cents: int, destination: str, key: str) -> TransferMade:
        """Send money to a connected account for a payout, once for `key`."""
        with translated():
            made = self._connect().v1.transfers.create(
                {
                    "amount": amount_cents,
                    "currency": "usd",
                    "destination": destination,
                    "transfer_group": payout_id,
                    "description": "Creator earnings",
                    "metadata": {"payout_id": payout_id, "creator_id": creator_id},
                },
                {"idempotency_key": key},
            )
        return read(_Transfer, made.to_dict()).read()

    def find_transfer(self, payout_id: str) -> TransferMade | None:
        """The transfer that a payout made, found without its key."""
        with translated():
            found = self._connect().v1.transfers.list({"transfer_group": payout_id, "limit": 1})
        return next((read(_Transfer, made.to_dict()).read() for made in found.data), None)

    def made(self, transfer_id: str) -> TransferMade | None:
        """A transfer as it is now."""
        try:
            with translated():
                made = self._connect().v1.transfers.retrieve(transfer_id)
        except ObjectMissing:
            return None
        return read(_Transfer, made.to_dict()).read()
