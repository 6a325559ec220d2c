"""Which deposits paid for what, read from the lines alone, and money that is never lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from aerostack_billing.creators.funding import Funding, changes
from aerostack_billing.ledger.accounts import PROMO, REVENUE, available, held
from aerostack_billing.ledger.models import Split
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.rules import WalletPosting, credit_payment, give_back, pay_debt, take_back

DAY = "2026-03-18"
MAKER, OTHER = ("maker", DAY), ("other", DAY)


class Book:
    """A wallet that is written by the rules, without a store."""

    def __init__(self) -> None:
        self.posting = WalletPosting(Wallet("acct"))
        self.charges: dict[str, tuple[int, int]] = {}
        self.holds: list[tuple[int, int]] = []

    @property
    def wallet(self) -> Wallet:
        return self.posting.wallet

    def deposit(self, amount: int, name: str) -> None:
        credit_payment(self.posting, "deposit", name, amount, name)

    def grant(self, amount: int) -> None:
        own = f"grant_{self.wallet.seq}"
        self.posting.move("grant", own, PROMO, available("acct"), amount, "Grant")
        pay_debt(self.posting, f"{own}:debt", own)

    def charge(self, amount: int, creator: str = "maker") -> str:
        own, granted = f"ch_{self.wallet.seq}", self.posting.granted_of(amount)
        split = Split(REVENUE, f"earning:{creator}", amount, creator, DAY, granted)
        self.posting.move("charge", own, available("acct"), REVENUE, amount, "Tool call", split=split)
        self.charges[own] = (amount, granted)
        return own

    def refund(self, charge_id: str) -> None:
        amount, granted = self.charges.pop(charge_id)
        own = f"{charge_id}:refund"
        self.posting.move(
            "charge_refund", own, REVENUE, available("acct"), amount, "", reference=charge_id, granted=granted
        )
        pay_debt(self.posting, f"{own}:debt", own)

    def hold(self, amount: int) -> None:
        granted = self.posting.granted_of(amount)
        self.posting.move("hold", f"hold_{self.wallet.seq}", available("acct"), held("acct"), amount, "Hold")
        self.holds.append((amount, granted))

    def release(self) -> None:
        amount, granted = self.holds.pop()
        own = f"end_{self.wallet.seq}"
        self.posting.move("release", own, held("acct"), available("acct"), amount, "Release", granted=granted)
        pay_debt(self.posting, f"{own}:debt", own)

    def back(self, amount: int, name: str) -> None:
        take_back(self.posting, "dispute", f"{name}:{self.wallet.seq}", amount, name)

    def won(self, amount: int, name: str) -> None:
        give_back(self.posting, "dispute_reversal", f"{name}:won:{self.wallet.seq}", amount, name)

    def unpaid(self, *contested: str) -> dict[tuple[str, str], int]:
        funding = Funding()
        funding.read(self.posting.transfers)
        return funding.unpaid(contested)


def test_a_disputed_deposit_leaves_unpaid_what_it_paid_for_and_nothing_else() -> None:
    book = Book()
    book.deposit(100, "a")
    book.charge(100, "maker")
    book.deposit(100, "b")
    book.charge(100, "other")
    assert book.unpaid() == {}
    book.back(100, "b")
    assert book.unpaid() == {OTHER: 100}
    book.won(100, "b")
    assert book.unpaid() == {}
    book.back(100, "a")
    assert book.unpaid() == {MAKER: 100}


def test_what_is_left_of_a_deposit_is_taken_before_what_it_paid_for() -> None:
    book = Book()
    book.deposit(100, "a")
    book.charge(30)
    book.back(70, "a")
    assert book.unpaid() == {}
    book.back(10, "a")
    assert book.unpaid() == {MAKER: 10}


def test_a_deposit_that_made_up_for_another_pays_for_what_that_one_paid() -> None:
    book = Book()
    book.deposit(100, "a")
    book.charge(100)
    book.deposit(100, "b")
    book.back(100, "a")
    assert book.unpaid() == {}
    book.back(100, "b")
    assert book.unpaid() == {MAKER: 100}


def test_granted_money_makes_up_for_nothing() -> None:
    book = Book()
    book.deposit(100, "a")
    book.charge(100)
    book.grant(100)
    book.back(100, "a")
    assert (book.wallet.debt, book.unpaid()) == (0, {MAKER: 100})
    owing = Book()
    owing.deposit(100, "a")
    owing.charge(100)
    owing.back(100, "a")
    owing.grant(100)
    assert (owing.wallet.debt, owing.unpaid()) == (0, {MAKER: 100})


def test_a_debt_that_is_paid_by_a_deposit_pays_for_what_was_unpaid() -> None:
    book = Book()
    book.deposit(100, "a")
    book.charge(100)
    book.back(100, "a")
    book.deposit(40, "b")
    assert book.unpaid() == {MAKER: 60}
    book.deposit(60, "c")
    assert book.unpaid() == {}
    book.back(40, "b")
    assert book.unpaid() == {MAKER: 40}


def test_a_contested_deposit_leaves_unpaid_what_it_pays_for() -> None:
    book = Book()
    book.deposit(100, "a")
    book.charge(60)
    book.deposit(100, "b")
    book.charge(100, "other")
    assert book.unpaid("a") == {MAKER: 60, OTHER: 40}
    assert book.unpaid("b") == {OTHER: 60}


def test_a_hold_of_a_deposit_that_is_gone_is_unpaid_once_it_is_captured() -> None:
    book = Book()
    book.deposit(100, "a")
    book.hold(80)
    book.back(100, "a")
    assert (book.wallet.debt, book.wallet.held, book.unpaid()) == (80, 80, {})
    amount, granted = book.holds.pop()
    book.posting.move("release", "end", held("acct"), available("acct"), amount, "Captured", granted=granted)
    book.charge(80)
    assert book.unpaid() == {MAKER: 80}


def test_a_refunded_charge_is_unpaid_no_more_and_its_money_pays_for_others() -> None:
    book = Book()
    book.deposit(100, "a")
    first = book.charge(100)
    book.refund(first)
    book.charge(100, "other")
    book.back(100, "a")
    assert book.unpaid() == {OTHER: 100}


def test_what_is_claimed_is_brought_to_what_is_unpaid() -> None:
    assert changes({MAKER: 10, OTHER: 5}, {MAKER: 30}) == {MAKER: 20, OTHER: -5}
    assert changes({MAKER: 10}, {MAKER: 10}) == {}


_AMOUNTS = st.integers(1, 100)
_ACTS = st.lists(st.tuples(st.integers(0, 6), _AMOUNTS, st.integers(0, 9)), max_size=40)


@given(_ACTS)
@settings(max_examples=300, deadline=None)
def test_no_money_is_lost_between_deposits(acts: list[tuple[int, int, int]]) -> None:
    """What deposits have left is the wallet's deposited money; without grants, what nobody paid is what is owed."""
    book, brought, back = Book(), dict[str, int](), dict[str, int]()

    def deposit(amount: int, _: int) -> None:
        name = f"pi_{len(brought)}"
        brought[name], back[name] = amount, 0
        book.deposit(amount, name)

    def take(amount: int, which: int) -> None:
        name = f"pi_{which}"
        if name in brought and (amount := min(amount, brought[name] - back[name])) > 0:
            back[name] += amount
            book.back(amount, name)

    def give(amount: int, which: int) -> None:
        name = f"pi_{which}"
        if name in brought and (amount := min(amount, back[name])) > 0:
            back[name] -= amount
            book.won(amount, name)

    def charge(amount: int, which: int) -> None:
        if book.wallet.debt == 0 and book.wallet.balance >= amount:
            book.charge(amount, ("maker", "other")[which % 2])

    def hold(amount: int, _: int) -> None:
        if book.wallet.debt == 0 and book.wallet.balance >= amount:
            book.hold(amount)

    def release(_amount: int, _which: int) -> None:
        if book.holds:
            book.release()

    def refund(_amount: int, which: int) -> None:
        if book.charges:
            book.refund(sorted(book.charges)[which % len(book.charges)])

    verbs: list[Callable[[int, int], None]] = [deposit, take, give, charge, hold, release, refund]
    for verb, amount, which in acts:
        verbs[verb](amount, which)
    funding = Funding()
    funding.read(book.posting.transfers)
    left = sum(lot.left for lot in funding._lots.values()) + funding._nobody.left
    assert left == book.wallet.deposited_left
    assert funding._nobody.left + sum(funding._nobody.pays.values()) == book.wallet.debt
    whole = sum(amount for amount, _ in book.charges.values())
    pays = sum(sum(lot.pays.values()) for lot in (*funding._lots.values(), funding._nobody))
    assert pays == whole
    assert replace(book.wallet, head=None).granted == 0
