"""Charges: what a bot's conversation, an agent's run or a tool's call costs, taken once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, assert_never

from aerostack_billing.ledger.keys import Done, check_same, fingerprint, transfer_id
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import InvalidRequest, StoreUnavailable
from aerostack_billing.values.money import cents, whole_cents
from aerostack_billing.wallet.budgets import BudgetReached
from aerostack_billing.wallet.charging import SHORT, Line, charged_answer, check_spendable, count, taken_alone
from aerostack_billing.wallet.lapsing import Lapsing
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.pricing import Due, Pricing, shown
from aerostack_billing.wallet.quota import Quota
from aerostack_billing.wallet.requests import ChargeRequest
from aerostack_billing.wallet.rules import InsufficientBalance, SpendCapReached
from aerostack_billing.wallet.sharing import Sharing, check_payee
from aerostack_billing.wallet.tools import PriceChanged, ToolNotFound

_TURNS = 5
UNPRICED: Final = (InvalidRequest, ToolNotFound, PriceChanged)
"""Why a request has no price that could be charged."""


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
        saw it, that the transfer's id does not exist, that the plan's counter has the tokens, and that a tool costs
        what it did. ToolNotFound (404); PriceChanged (409) where it costs more than was allowed.
        """
        asked = fingerprint(request)
        try:
            line = self._line(request, latest=False)
            match request.billing_mode:
                case "plan_quota":
                    change = self._by_plan(line)
                case "wallet" | "byok":
                    change = self._spend(line) if line.tool is None else self._by_tool(line)
                case unknown:
                    assert_never(unknown)
        except TransferExists as exists:
            return Done(charged_answer(check_same(exists.transfer, asked)), replayed=True)
        return Done(charged_answer(change.transfers[0]))

    def line(self, request: ChargeRequest, *, latest: bool) -> Line:
        """The charge with its price and its id, its creator known; one of UNPRICED where it cannot be charged.

        `latest`: by what a tool costs now, and not when this process last looked.
        """
        due = self._pricing.due(request, latest=latest)
        self._check(request, due)
        if due.creator_id is not None:
            self._sharing.register(due.creator_id)
        charge_id, asked = charge_id_of(request), fingerprint(request)
        return Line(request, due.price, charge_id, asked, request.billing_mode, due.creator_id, due.tool)

    def _line(self, request: ChargeRequest, *, latest: bool) -> Line:
        """Likewise; TransferExists where it was charged before."""
        try:
            return self.line(request, latest=latest)
        except UNPRICED:
            self._lapsing.check_new(request.account_id, charge_id_of(request))
            raise

    def quote(self, request: ChargeRequest) -> dict[str, object]:
        """What `charge` would take now, and whether it would; nothing is written. InvalidRequest (422)."""
        due = self._pricing.due(request, latest=True)
        self._check(request, due)
        price = due.price
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

    def _check(self, request: ChargeRequest, due: Due) -> None:
        check_payee(request.account_id, due.creator_id)
        self._pricing.check(request.kind, due.price.amount, "amount_cents" if request.usage is None else "usage")

    def _by_tool(self, line: Line) -> Change[Wallet]:
        """Pay a tool's price, if it still is that in the transaction: else what it is now, or its refusal."""
        for _ in attempts(_TURNS):
            try:
                return self._spend(line)
            except Stale:
                line = self._line(line.request, latest=True)
            except SHORT:
                now = self._line(line.request, latest=True)
                if now == line:
                    raise
                line = now
        raise StoreUnavailable("The tool is changing right now. Try again with the same key.")

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

    def unchanged(self, lines: Iterable[Line]) -> list[Write]:
        """The writes that hold only if the lines' tools cost what they did."""
        return self._pricing.unchanged(line.tool for line in lines)

    def _spend(self, line: Line) -> Change[Wallet]:
        request = line.request
        return self._lapsing.spend(request.account_id, line.charge_id, self._taking(line), labels=request.labels)

    def _taking(self, line: Line, also: list[Write] | None = None) -> Callable[[Wallet], Change[Wallet]]:
        """The rule that takes one line; `also` is written with it."""

        def taken(wallet: Wallet) -> Change[Wallet]:
            folded = taken_alone(wallet, line, self._sharing.share)
            tools = self._pricing.unchanged([line.tool])
            writes = [*(also or []), *self._sharing.counting(folded.splits), *tools]
            return Change(folded.wallet, folded.transfers, writes)

        return taken


def charge_id_of(request: ChargeRequest) -> str:
    """The id that a charge's key makes, for ever."""
    return transfer_id("ch_", request.account_id, request.idempotency_key)
