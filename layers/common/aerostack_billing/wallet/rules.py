"""What moves money in a wallet: pure functions from a wallet as it is to a wallet as it will be, with its transfers.

Every transfer debits one ledger account and credits another, so that all balances sum to zero. A wallet is never
changed but by `WalletPosting`, which gives each transfer its number and the balances after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aerostack_billing.ledger.accounts import PROMO, STRIPE, available, debt, held
from aerostack_billing.ledger.chain import sealed
from aerostack_billing.ledger.models import Split, Transfer, TransferType
from aerostack_billing.platform import clock, correlation
from aerostack_billing.values.errors import BillingError, Inconsistent
from aerostack_billing.values.money import Micros, cents, whole_cents
from aerostack_billing.wallet.models import Month, Wallet
from aerostack_billing.wallet.reload_states import counted


class InsufficientBalance(BillingError):
    """The wallet is short: nothing was taken."""

    status, code = 402, "INSUFFICIENT_BALANCE"


class SpendCapReached(BillingError):
    """The user's own cap on a month's spending forbids it: nothing was taken."""

    status, code = 402, "SPEND_CAP_REACHED"


@dataclass
class WalletPosting:
    """A wallet's next state while it is worked out: each `move` appends one transfer."""

    wallet: Wallet
    transfers: list[Transfer] = field(default_factory=list)
    at: str = field(default_factory=clock.iso_now)

    def move(
        self,
        kind: TransferType,
        transfer_id: str,
        debit: str,
        credit: str,
        amount: Micros,
        description: str,
        *,
        reference: str | None = None,
        fingerprint: str | None = None,
        details: Mapping[str, object] | None = None,
        labels: Mapping[str, str] | None = None,
        split: Split | None = None,
        granted: Micros | None = None,
    ) -> Transfer:
        """Move `amount` from one ledger account to another; the wallet's own balances follow.

        `granted` of it is granted money: by default as much as there is where it leaves the balance, and all of it
        where it comes from the promotion account.
        """
        if granted is None:
            granted = amount if debit == PROMO else self.granted_of(amount) if self._leaves(debit) else 0
        if not 0 <= granted <= amount or debit == credit:
            raise Inconsistent(f"{kind} {transfer_id} would move {amount} from {debit} to {credit}")
        own = self.wallet.account_id
        changes = {name: _change(f"{name}:{own}", debit, credit, amount) for name in ("wallet", "held", "debt")}
        self.wallet = replace(
            self.wallet,
            seq=self.wallet.seq + 1,
            balance=self.wallet.balance + changes["wallet"],
            granted=self.wallet.granted + _change(available(own), debit, credit, granted),
            held=self.wallet.held + changes["held"],
            granted_held=self.wallet.granted_held + _change(held(own), debit, credit, granted),
            # The ledger account `debt` goes below zero by what is owed.
            debt=self.wallet.debt - changes["debt"],
        )
        transfer = Transfer(
            account_id=own,
            transfer_id=transfer_id,
            seq=self.wallet.seq,
            type=kind,
            debit=debit,
            credit=credit,
            amount=amount,
            effect=changes["wallet"],
            balance_after=self.wallet.balance,
            held_after=self.wallet.held,
            debt_after=self.wallet.debt,
            created_at=self.at,
            description=description,
            reference=reference,
            fingerprint=fingerprint,
            details=dict(details or {}),
            split=split,
            correlation_id=correlation.current(),
            labels=dict(labels or {}),
            caller=correlation.caller(),
            granted=granted or None,
        )
        if self.wallet.head is not None or self.wallet.seq == 1:
            transfer = sealed(transfer, self.wallet.head)
            self.wallet = replace(self.wallet, head=transfer.hash)
        self.transfers.append(transfer)
        return transfer

    def granted_of(self, amount: Micros) -> Micros:
        """How much of an amount that is spent now is granted money, which is spent first."""
        return min(self.wallet.granted, amount)

    def _leaves(self, debit: str) -> bool:
        return debit == available(self.wallet.account_id)

    def spend(self, amount: Micros) -> None:
        """Count `amount` as spent, in total and this month."""
        month = self.wallet.this_month
        month = Month(month.period, month.spent + amount, month.reloaded)
        self.wallet = replace(self.wallet, spent=self.wallet.spent + amount, month=month)


def check_funds(wallet: Wallet, amount: Micros) -> None:
    """Return if `amount` can be spent; InsufficientBalance (402) with the figures and a way out if not.

    Who owes spends nothing, not even what is free, so that a debt cannot be sat out.
    """
    if wallet.debt == 0 and wallet.balance >= amount:
        return
    missing = amount - wallet.balance + wallet.debt
    raise InsufficientBalance(
        "The balance is too low. Deposit at least the missing amount: POST /api/balance/deposit.",
        {
            "balance_cents": whole_cents(wallet.balance),
            "balance_micros": wallet.balance,
            "debt_cents": cents(wallet.debt),
            "required_cents": cents(amount),
            "missing_cents": cents(missing),
            "deposit": {"method": "POST", "path": "/api/balance/deposit"},
        },
    )


def check_cap(wallet: Wallet, amount: Micros) -> None:
    """Return if spending `amount` more keeps to the user's monthly cap; SpendCapReached (402) if not.

    What is held counts as if it were spent: a hold guarantees its capture.
    """
    if amount == 0 or wallet.spend_cap is None or amount <= under_cap(wallet, wallet.spend_cap):
        return
    raise SpendCapReached(
        "The charge would exceed this wallet's monthly spending cap. Raise the cap or wait for the next month.",
        {
            "cap_cents": cents(wallet.spend_cap),
            "spent_cents": cents(wallet.this_month.spent),
            "held_cents": cents(wallet.held),
            "required_cents": cents(amount),
        },
    )


def under_cap(wallet: Wallet, cap: Micros) -> Micros:
    """How much more may be spent this month; below zero where the cap came after the spending."""
    return cap - wallet.this_month.spent - wallet.held


def credit_payment(
    posting: WalletPosting, kind: TransferType, transfer_id: str, amount: Micros, reference: str
) -> None:
    """Credit a payment that Stripe received; a debt is paid out of it first."""
    wallet = posting.wallet
    posting.move(kind, transfer_id, STRIPE, available(wallet.account_id), amount, _PAYMENTS[kind], reference=reference)
    month = posting.wallet.this_month
    posting.wallet = replace(posting.wallet, deposited=posting.wallet.deposited + amount)
    if kind == "reload":
        month = Month(month.period, month.spent, month.reloaded + amount)
        posting.wallet = counted(replace(posting.wallet, month=month))
    pay_debt(posting, f"{transfer_id}:debt", reference)


_PAYMENTS: dict[TransferType, str] = {"deposit": "Deposit", "reload": "Auto-reload", "grant": "Grant"}


def pay_debt(posting: WalletPosting, transfer_id: str, reference: str) -> None:
    """Pay what is owed out of what can be spent, as far as it goes."""
    wallet = posting.wallet
    amount = min(wallet.debt, wallet.balance)
    if amount > 0:
        own = wallet.account_id
        posting.move("debt_payment", transfer_id, available(own), debt(own), amount, "Debt paid", reference=reference)


def take_back(posting: WalletPosting, kind: TransferType, transfer_id: str, amount: Micros, reference: str) -> None:
    """Take back money of a deposit that Stripe returned; what is spent already becomes debt.

    Deposited money goes first, granted money only where that does not do.
    """
    own = posting.wallet.account_id
    there = min(amount, posting.wallet.balance)
    granted = max(0, there - (posting.wallet.balance - posting.wallet.granted))
    described = "Deposit refunded" if kind == "refund" else "Deposit disputed"
    if there > 0:
        posting.move(kind, transfer_id, available(own), STRIPE, there, described, reference=reference, granted=granted)
    if amount > there:
        owed = f"{described}: spent already, now owed"
        posting.move(kind, f"{transfer_id}:owed", debt(own), STRIPE, amount - there, owed, reference=reference)


def give_back(posting: WalletPosting, kind: TransferType, transfer_id: str, amount: Micros, reference: str) -> None:
    """Give back money that was taken back before: a dispute was won, a refund failed. A debt is paid first."""
    own = posting.wallet.account_id
    described = "Dispute won" if kind == "dispute_reversal" else "Refund failed"
    posting.move(kind, transfer_id, STRIPE, available(own), amount, described, reference=reference)
    pay_debt(posting, f"{transfer_id}:debt", reference)


def _change(account: str, debit: str, credit: str, amount: Micros) -> Micros:
    return amount if account == credit else -amount if account == debit else 0
