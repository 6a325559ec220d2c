"""Charges: what a bot's conversation, an agent's run or a tool's call costs, taken once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import InvalidRequest, StoreUnavailable
from aerostack_billing.values.money import Micros, cents, whole_cents
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.charging import Line, charged_answer, check_spendable, count, taken_alone
from aerostack_billing.wallet.lapsing import Lapsing
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.pricing import Pricing, shown
from aerostack_billing.wallet.quota import Quota
from aerostack_billing.wallet.requests import ChargeRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached
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
        charge_id, asked = charge_id_of(request), fingerprint(request)
        try:
            try:
                line = self.line(request)
            except InvalidRequest:
                self._lapsing.check_new(request.account_id, charge_id)
                raise
            match request.billing_mode:
                case "plan_quota":
                    change = self._by_plan(line)
                case "wallet" | "byok":
                    change = self._spend(line)
                case unknown:
                    assert_never(unknown)
        except TransferExists as exists:
            return Done(charged_answer(check_same(exists.transfer, asked)), replayed=True)
        return Done(charged_answer(change.transfers[0]))

    def line(self, request: ChargeRequest) -> Line:
        """The charge with its price and its id, its creator known; InvalidRequest (422) where it cannot be charged."""
        price = self._pricing.price(request.amount_cents, request.usage)
        self._check(request, price.amount)
        if request.creator_id is not None:
            self._sharing.register(request.creator_id)
        charge_id = charge_id_of(request)
        return Line(request, price, charge_id, fingerprint(request), request.billing_mode)

    def quote(self, request: ChargeRequest) -> dict[str, object]:
        """What `charge` would take now, and whether it would; nothing is written. InvalidRequest (422)."""
        price = self._pricing.price(request.amount_cents, request.usage)
        self._check(request, price.amount)
        wallet = self._lapsing.wallet(request.account_id, request.labels)
        refusal = None
        try:
            if request.billing_mode == "wallet":
                check_spendable(wallet, price.amount)
            count(wallet, request.labels, price, request.billing_mode)
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

    def _check(self, request: ChargeRequest, amount: Micros) -> None:
        check_payee(request.account_id, request.creator_id)
        self._pricing.check(request.kind, amount, "amount_cents" if request.usage is None else "usage")

    def _by_plan(self, line: Line) -> Change[Wallet]:
        account_id, tokens, quota = line.request.account_id, line.tokens, self._quota()
        for _ in attempts(_TURNS):
            rule = self._taking(line, [quota.taking(account_id, tokens)])
            try:
                change = self._lapsing.spend(account_id, line.charge_id, rule)
            except Stale:
                refusal = quota.refusal(account_id, tokens)
                if refusal is None:
                    continue
                self._lapsing.check_new(account_id, line.charge_id)
                if line.request.fallback is None:
                    raise refusal from None
                return self._spend(replace(line, mode="wallet"))
            quota.tell(account_id)
            return change
        raise StoreUnavailable("The account's usage is changing right now. Try again with the same key.")

    def _spend(self, line: Line) -> Change[Wallet]:
        request = line.request
        return self._lapsing.spend(request.account_id, line.charge_id, self._taking(line), labels=request.labels)

    def _taking(self, line: Line, also: list[Write] | None = None) -> Callable[[Wallet], Change[Wallet]]:
        """The rule that takes one line; `also` is written with it."""

        def taken(wallet: Wallet) -> Change[Wallet]:
            folded = taken_alone(wallet, line, self._sharing.share)
            writes = [*(also or []), *self._sharing.counting(folded.splits)]
            return Change(folded.wallet, folded.transfers, writes)

        return taken


def charge_id_of(request: ChargeRequest) -> str:
    """The id that a charge's key makes, for ever."""
    return transfer_id("ch_", request.account_id, request.idempotency_key)
