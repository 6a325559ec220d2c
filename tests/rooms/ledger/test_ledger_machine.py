"""Every verb of a wallet in every order, with duplicates: the invariants hold after each step.

A Hypothesis state machine, on a store in this process for many runs and on DynamoDB Local for a few. Beside the wallet
it keeps the simplest model there is: what was put in, what was spent, what is held, what is owed.
"""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, replace
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.payments.cards import Payment
from aerostack_billing.platform import clock
from aerostack_billing.values.errors import Conflict
from aerostack_billing.values.money import cents, micros
from aerostack_billing.wallet import reload_states as states
from aerostack_billing.wallet.models import Attempt
from aerostack_billing.wallet.rules import InsufficientBalance
from aerostack_billing.wallet.settlement import Settled
from tests.rooms.conftest import Time
from tests.rooms.worlds.wallet import capture, charge, hold, release

amounts = st.one_of(st.integers(0, 3_000).map(micros), st.integers(1, 99_999))
_accounts = itertools.count()


@dataclass
class FakeCards:
    """Stripe's side of the payments, as the settlement asks for it: changed by the machine, read by the wallet."""

    payments: dict[str, Payment]

    def payment(self, payment_intent_id: str) -> Payment | None:
        return self.payments.get(payment_intent_id)

    def default_card(self, _customer: str) -> object:
        return object()

    def tax_of(self, payment: Payment) -> int:
        """A sixth of a deposit, as of 20 % on top."""
        return payment.received_cents // 6 if payment.kind == "deposit" else 0


class WalletMachine(RuleBasedStateMachine):
    parts: ClassVar[Runtime]
    time: ClassVar[Time]

    charges = Bundle("charges")
    holds = Bundle("holds")
    payments = Bundle("payments")

    def __init__(self) -> None:
        super().__init__()
        self.account = f"machine_{id(self)}_{next(_accounts)}"
        self.customer = f"cus_{self.account}"
        self.keys = itertools.count()
        self.cards = FakeCards({})
        self.parts.wallet.settlement._cards = self.cards  # type: ignore[assignment]
        self.parts.accounts.store.set_customer(self.account, self.customer)
        self.deposited = self.spent = self.taken_back = 0

    def wallet_is(self) -> tuple[int, int, int]:
        wallet = self.parts.wallet.store.get(self.account)
        return wallet.balance, wallet.held, wallet.debt

    # Money in

    @rule(target=payments, amount=st.integers(500, 3_000), kind=st.sampled_from(["deposit", "reload"]))
    def pay(self, amount: int, kind: str) -> str:
        """Stripe receives a payment; nobody has told yet."""
        payment_id = f"pi_{next(self.keys)}"
        self.cards.payments[payment_id] = Payment(
            payment_id, "succeeded", self.account, self.customer, kind, None, amount, 0, 0, "pm", None, None, None
        )
        return payment_id

    @rule(payment=payments)
    def settle(self, payment: str) -> None:
        """An event of the payment arrives: the first, a late one, or the tenth copy of one."""
        before = self.parts.wallet.store.deposit(self.account, payment)
        self.parts.wallet.settlement.settle(payment)
        after = self.parts.wallet.store.deposit(self.account, payment)
        assert after is not None
        self.deposited += after.amount if before is None else 0
        taken = (after.refunded + after.disputed) - (before.refunded + before.disputed if before else 0)
        self.taken_back += taken
        assert after.refunded + after.disputed <= after.amount

    @rule(payment=payments, share=st.integers(0, 100))
    def refund_at_stripe(self, payment: str, share: int) -> None:
        paid = self.cards.payments[payment]
        refunded = max(paid.refunded_cents, paid.received_cents * share // 100)
        self.cards.payments[payment] = replace(paid, refunded_cents=refunded)

    @rule(payment=payments, opened=st.booleans())
    def dispute_at_stripe(self, payment: str, *, opened: bool) -> None:
        paid = self.cards.payments[payment]
        self.cards.payments[payment] = replace(paid, disputed_cents=paid.received_cents if opened else 0)

    # Money out

    @rule(target=charges, amount=amounts)
    def charge(self, amount: int) -> object:
        key = f"k{next(self.keys)}"
        balance, _, debt = self.wallet_is()
        try:
            charge(self.parts, self.account, str(cents(amount)), key)
        except InsufficientBalance:
            assert amount > balance or debt > 0
            return multiple()
        assert amount == 0 or (debt == 0 and self.wallet_is()[0] >= 0)
        self.spent += amount
        return key, amount

    @rule(made=charges)
    def charge_again(self, made: tuple[str, int]) -> None:
        before = self.wallet_is()
        charge(self.parts, self.account, str(cents(made[1])), made[0])
        assert self.wallet_is() == before

    @rule(target=holds, amount=amounts, ttl=st.integers(1, 3_600))
    def hold(self, amount: int, ttl: int) -> object:
        try:
            taken = hold(self.parts, self.account, str(cents(amount)), f"h{next(self.keys)}", ttl_seconds=ttl)
        except InsufficientBalance:
            return multiple()
        return taken["hold_id"]

    @rule(held=holds, amount=amounts, partial=st.booleans(), key=st.sampled_from(["c1", "c2"]))
    def capture(self, held: str, amount: int, key: str, *, partial: bool) -> None:
        before = self.parts.wallet.store.get(self.account).spent
        try:
            capture(self.parts, self.account, held, str(cents(amount)), key, partial=partial)
        except (InsufficientBalance, Conflict):
            assert self.parts.wallet.store.get(self.account).spent == before
            return
        self.spent += self.parts.wallet.store.get(self.account).spent - before

    @rule(held=holds, key=st.sampled_from(["r1", "r2"]))
    def release(self, held: str, key: str) -> None:
        before = self.parts.wallet.store.get(self.account).spent
        with contextlib.suppress(Conflict):
            release(self.parts, self.account, held, key)
        assert self.parts.wallet.store.get(self.account).spent == before

    # Time, and what it does

    @rule(seconds=st.integers(1, 4_000))
    def time_passes(self, seconds: int) -> None:
        self.time.forward(seconds)

    @rule()
    def lapse(self) -> None:
        for item in self.parts.wallet.store.open_holds(self.account):
            if item.lapsed:
                self.parts.wallet.lapsing.lapse(item)

    # Auto-reload

    @rule(enabled=st.booleans(), threshold=st.integers(1, 2_000), amount=st.integers(500, 2_000))
    def configure(self, threshold: int, amount: int, *, enabled: bool) -> None:
        self.parts.wallet.store.apply(
            self.account,
            lambda wallet: Change(
                states.configured(
                    wallet, enabled=enabled, threshold=micros(threshold), amount=micros(amount), monthly_cap=None
                )
            ),
        )

    @rule(target=payments, outcome=st.sampled_from(["succeeded", "lost", "declined", "action"]))
    def reload(self, outcome: str) -> object:
        """An attempt as the sweep makes it: stored first, then paid, declined, or its answer lost."""
        attempt = Attempt(f"attempt_{next(self.keys)}", 0, self.customer, "pm", "fp", clock.seconds())
        after = self.parts.wallet.store.apply(self.account, lambda w: Change(states.claimed(w, attempt, 5))).owner
        claimed = after.reload.attempt
        if claimed is None or claimed.attempt_id != attempt.attempt_id:
            return multiple()
        payment_id = f"pi_{next(self.keys)}"
        status = {"declined": "requires_payment_method", "action": "requires_action"}.get(outcome, "succeeded")
        received = claimed.amount // 10_000 if status == "succeeded" else 0
        payment = Payment(
            payment_id,
            status,  # type: ignore[arg-type]
            self.account,
            self.customer,
            "reload",
            attempt.attempt_id,
            received,
            0,
            0,
            "pm",
            "https://bank",
            "generic_decline" if status == "requires_payment_method" else None,
            None,
        )
        self.cards.payments[payment_id] = payment
        if status != "succeeded":
            for _ in range(2):
                self.parts.reload.service.heard(Settled(self.account, payment))
            return multiple()
        if outcome == "succeeded":
            self.settle(payment_id)
        return payment_id

    # What must always be

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        assert self.parts.audit.service.run(self.account).violations == ()
        WalletMachine.total_steps += 1

    total_steps: ClassVar[int] = 0

    @invariant()
    def the_wallet_is_what_went_in_less_what_went_out(self) -> None:
        balance, held, debt = self.wallet_is()
        assert balance + held - debt == self.deposited - self.taken_back - self.spent

    @invariant()
    def a_reload_is_due_if_and_only_if_it_should_be(self) -> None:
        wallet = self.parts.wallet.store.get(self.account)
        if wallet.reload.state == "armed" and states.is_below(wallet):
            # Only money taken back leaves an armed wallet low: the next charge fires it.
            assert self.taken_back > 0
        if wallet.reload.state == "off":
            assert not wallet.reload.enabled
        assert (wallet.reload.attempt is not None) == (
            wallet.reload.state in {"claimed", "submitted", "action_required"}
        )


def _run(parts: Runtime, time: Time, examples: int) -> None:
    WalletMachine.parts, WalletMachine.time, WalletMachine.total_steps = parts, time, 0
    run_state_machine_as_test(
        WalletMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert WalletMachine.total_steps > 20 * examples


def test_the_invariants_hold_after_every_step_in_any_order(parts_in_memory: Runtime, time_stands: Time) -> None:
    _run(parts_in_memory, time_stands, 60)


def test_the_invariants_hold_after_every_step_on_dynamodb_local(parts: Runtime, time_stands: Time) -> None:
    _run(parts, time_stands, 5)
