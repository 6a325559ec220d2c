"""Charges: what a bot's conversation, an agent's run or a tool's call costs, taken once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from aerostack_billing.ledger.accounts import REVENUE, available
from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import InvalidRequest, StoreUnavailable
from aerostack_billing.values.money import Micros, cents, whole_cents
from aerostack_billing.wallet.budgets import BudgetReached, Counted, spend_room
from aerostack_billing.wallet.lapsing import Lapsing
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.pricing import Price, Pricing, shown
from aerostack_billing.wallet.quota import Quota
from aerostack_billing.wallet.reload_states import after_spending
from aerostack_billing.wallet.requests import BillingMode, ChargeRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached, WalletPosting, check_cap, check_funds
from aerostack_billing.wallet.sharing import Sharing, check_payee

_TURNS = 5


class Charges:
    """Takes charges from wallets."""

    def __init__(self, lapsing: Lapsing, sharing: Sharing, pricing: Pricing, quota: Callable[[], Quota]) -> None:
        self._lapsing = lapsing
        self._sharing = sharing
        self._pricing = pricing
        self._quota = quota

    def charge(self, request: ChargeRequest) -> Done:
        """Take the price, once for the key, for ever.

        Nothing is taken where the customer's own key paid (`byok`), and tokens in place of money by `plan_quota`:
        PlanLimitExceeded (403) where they do not suffice, unless the wallet is to pay the whole then.
        InsufficientBalance, SpendCapReached and BudgetReached (402) with nothing taken; InvalidRequest (422) above the
        kind's highest price; IdempotencyKeyReused (409). Written under the conditions that the wallet is as the rule
        saw it, that the transfer's id does not exist, and that the plan's counter has the tokens.
        """
        charge_id = transfer_id("ch_", request.account_id, request.idempotency_key)
        asked = fingerprint(request)
        try:
            price = self._priced(request, charge_id)
            if request.creator_id is not None:
                self._sharing.register(request.creator_id)
            match request.billing_mode:
                case "plan_quota":
                    change = self._by_plan(request, price, charge_id, asked)
                case "wallet" | "byok" as mode:
                    rule = self._charging(request, price, mode, charge_id, asked)
                    change = self._lapsing.spend(request.account_id, charge_id, rule, labels=request.labels)
                case unknown:
                    assert_never(unknown)
        except TransferExists as exists:
            return Done(_answer(check_same(exists.transfer, asked)), replayed=True)
        return Done(_answer(change.transfers[0]))

    def quote(self, request: ChargeRequest) -> dict[str, object]:
        """What `charge` would take now, and whether it would; nothing is written. InvalidRequest (422)."""
        price = self._pricing.price(request.amount_cents, request.usage)
        self._check(request, price.amount)
        wallet = self._lapsing.wallet(request.account_id, request.labels)
        refusal = None
        try:
            if request.billing_mode == "wallet":
                check_spendable(wallet, price.amount)
            _counted(wallet, request.labels, price, request.billing_mode)
        except (InsufficientBalance, SpendCapReached, BudgetReached) as refused:
            refusal = refused.view()["error"]
        return {
            "dry_run": True,
            "account_id": request.account_id,
            "kind": request.kind,
            "amount_cents": cents(price.amount if request.billing_mode == "wallet" else 0),
            "estimated_cents": None if request.billing_mode == "wallet" else cents(price.amount),
            "billing_mode": request.billing_mode,
            **shown(price.basis),
            "balance_cents": whole_cents(wallet.balance),
            "balance_micros": wallet.balance,
            "refusal": refusal,
        }

    def _priced(self, request: ChargeRequest, charge_id: str) -> Price:
        """The price; InvalidRequest (422) where it cannot be charged, TransferExists where it was before."""
        try:
            price = self._pricing.price(request.amount_cents, request.usage)
            self._check(request, price.amount)
        except InvalidRequest:
            self._lapsing.check_new(request.account_id, charge_id)
            raise
        return price

    def _check(self, request: ChargeRequest, amount: Micros) -> None:
        check_payee(request.account_id, request.creator_id)
        self._pricing.check(request.kind, amount, "amount_cents" if request.usage is None else "usage")

    def _by_plan(self, request: ChargeRequest, price: Price, charge_id: str, asked: str) -> Change[Wallet]:
        account_id, quota = request.account_id, self._quota()
        for _ in attempts(_TURNS):
            also = [quota.taking(account_id, price.tokens)]
            rule = self._charging(request, price, "plan_quota", charge_id, asked, also)
            try:
                change = self._lapsing.spend(account_id, charge_id, rule)
            except Stale:
                refusal = quota.refusal(account_id, price.tokens)
                if refusal is None:
                    continue
                self._lapsing.check_new(account_id, charge_id)
                if request.fallback is None:
                    raise refusal from None
                rule = self._charging(request, price, "wallet", charge_id, asked)
                return self._lapsing.spend(account_id, charge_id, rule, labels=request.labels)
            quota.tell(account_id)
            return change
        raise StoreUnavailable("The account's usage is changing right now. Try again with the same key.")

    def _charging(
        self,
        request: ChargeRequest,
        price: Price,
        mode: BillingMode,
        charge_id: str,
        asked: str,
        also: list[Write] | None = None,
    ) -> Callable[[Wallet], Change[Wallet]]:
        """The rule that takes the price by `mode`, which may be the wallet in place of the plan."""
        taken = price.amount if mode == "wallet" else 0
        details: dict[str, object] = {"kind": request.kind, "billing_mode": mode, **price.basis}
        if mode != "wallet":
            details["estimated"] = price.amount

        def charged(wallet: Wallet) -> Change[Wallet]:
            if mode == "wallet":
                check_spendable(wallet, taken)
            counted = _counted(wallet, request.labels, price, mode)
            posting = WalletPosting(counted.wallet)
            split = None
            if request.creator_id and taken > 0:
                split = self._sharing.share(request.creator_id, taken, posting.granted_of(taken))
            posting.move(
                "charge",
                charge_id,
                available(wallet.account_id),
                REVENUE,
                taken,
                request.kind.replace("_", " ").capitalize(),
                reference=request.reference,
                fingerprint=asked,
                details={**details, **counted.details},
                labels=request.labels,
                split=split,
            )
            posting.spend(taken)
            writes = [*(also or []), *self._sharing.counting([split] if split else [])]
            return Change(after_spending(posting.wallet), posting.transfers, writes)

        return charged


def _counted(wallet: Wallet, labels: Mapping[str, str], price: Price, mode: BillingMode) -> Counted:
    """The wallet with its budgets counting the price: what a plan pays, none counts."""
    if mode == "plan_quota":
        return Counted(wallet, {})
    return spend_room(wallet, labels, price.amount, byok=mode == "byok")


def check_spendable(wallet: Wallet, amount: Micros) -> None:
    """Return if the wallet can pay `amount` more; InsufficientBalance or SpendCapReached (402) if not."""
    check_funds(wallet, amount)
    check_cap(wallet, amount)


def _answer(transfer: Transfer) -> dict[str, object]:
    """The answer to a charge, made of its transfer alone: so is every replay."""
    estimated = transfer.details.get("estimated")
    return {
        "charge_id": transfer.transfer_id,
        "account_id": transfer.account_id,
        "kind": transfer.details["kind"],
        "amount_cents": cents(transfer.amount),
        "estimated_cents": cents(estimated) if isinstance(estimated, int) else None,
        "billing_mode": transfer.details["billing_mode"],
        **shown(transfer.details),
        "balance_cents": whole_cents(transfer.balance_after),
        "balance_micros": transfer.balance_after,
        "created_at": transfer.created_at,
    }
