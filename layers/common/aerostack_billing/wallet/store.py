"""Wallets and their ledger: money moves in one transaction, or not at all.

The Wallets table holds, of an account, the item `wallet`, one item for each open hold, and one for each deposit. A
wallet is written whole, under the condition that its `version` is the one read; a transfer is put under the condition
that its id does not exist, which dedupes for ever. Nothing in the Ledger table is ever changed.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Final

from pydantic import TypeAdapter

from aerostack_billing import clock
from aerostack_billing.dynamo import AlreadyMarked, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.errors import StoreUnavailable
from aerostack_billing.wallet.models import Deposit, Hold, Transfer, Wallet

WALLET: Final = "wallet"
HOLD_PREFIX: Final = "hold#"
DEPOSIT_PREFIX: Final = "deposit#"
AGENDA_INDEX: Final = "agenda"
RELOAD_AGENDA: Final = "reload"
HOLD_AGENDA: Final = "hold"
SEQ_INDEX: Final = "by_seq"

_WALLET = TypeAdapter(Wallet)
_TRANSFER = TypeAdapter(Transfer)
_HOLD = TypeAdapter(Hold)
_DEPOSIT = TypeAdapter(Deposit)
_QUEUES = 256
_DUE_PAGE = 1_000
# Spread over up to half a second, 64 processes that want one wallet get it one after another within seconds.
_ATTEMPTS = 40
_FIRST_WAIT_SECONDS = 0.005
_LONGEST_WAIT_SECONDS = 0.5


class TransferExists(Exception):
    """A transfer with this id stands: the act was done before. `transfer` is the first one, to answer with."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__(transfer.transfer_id)
        self.transfer = transfer


class Stale(Exception):
    """Another write that was to go along did not hold: what it was built on has changed. Look again."""


@dataclass(frozen=True)
class Change:
    """What a rule makes of a wallet: its next state, the transfers, and writes that go along with them."""

    wallet: Wallet
    transfers: Sequence[Transfer] = ()
    also: Sequence[Write] = ()
    mark: Write | None = None


class WalletStore:
    """Reads, and the transactions that carry the promises."""

    def __init__(self, dynamo: Dynamo, wallets: str, ledger: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._dynamo = dynamo
        self._wallets = wallets
        self._ledger = ledger
        self._sleep = sleep
        self._queues = [threading.Lock() for _ in range(_QUEUES)]

    def get(self, account_id: str) -> Wallet:
        """The wallet, consistently read; one never written is empty, at version 0."""
        return read_wallet(account_id, self._dynamo.get(self._wallets, _key(account_id, WALLET)))

    def apply(self, account_id: str, rule: Callable[[Wallet], Change]) -> Change:
        """Carry out what `rule` makes of the wallet, under the condition that the wallet is still as the rule saw it.

        A wallet that changed meanwhile is put before the rule again, which may then refuse. What the rule raises
        passes through. TransferExists if a transfer's id stands; Stale if a write in `also` did not hold; AlreadyMarked
        if the mark stands. A rule that changes nothing writes nothing but its mark.
        Two requests where nobody interferes: the read and the transaction.
        """
        # Threads of one process queue here rather than collide at the table. Other processes are met by the condition.
        with self._queues[hash(account_id) % _QUEUES]:
            return self._applied(account_id, rule)

    def _applied(self, account_id: str, rule: Callable[[Wallet], Change]) -> Change:
        for attempt in range(_ATTEMPTS):
            wallet = self.get(account_id)
            change = rule(wallet)
            if change.wallet == wallet and not change.transfers:
                self._only(change)
                return change
            change = replace(change, wallet=replace(change.wallet, version=wallet.version + 1))
            try:
                self._dynamo.transact(self._writes(wallet, change))
            except TransactionRefused as refused:
                self._raise_unless_raced(refused, change)
                self._wait(attempt)
                continue
            return change
        raise StoreUnavailable("The wallet is in great demand at this moment. Ask again with the same key.")

    def _only(self, change: Change) -> None:
        """Write what goes along with a change that leaves the wallet as it is."""
        if change.also:
            raise ValueError("a write that goes along needs a transfer to go along with")
        if change.mark is not None:
            self._dynamo.mark(change.mark)

    def _writes(self, read: Wallet, change: Change) -> list[Write]:
        as_read = "#version = :read" if read.version else "attribute_not_exists(account_id)"
        wallet = Write(
            self._wallets,
            {},
            put=_wallet_item(change.wallet),
            condition=as_read,
            names={"#version": "version"} if read.version else None,
            values={":read": read.version} if read.version else None,
        )
        transfers = [self._transfer(transfer) for transfer in change.transfers]
        return [wallet, *transfers, *change.also, *([change.mark] if change.mark else [])]

    def _transfer(self, transfer: Transfer) -> Write:
        return Write(self._ledger, {}, put=_present(asdict(transfer)), condition="attribute_not_exists(account_id)")

    def _raise_unless_raced(self, refused: TransactionRefused, change: Change) -> None:
        """Return if all that happened is that the wallet changed since it was read: then trying again helps."""
        wallet, *others = refused.reasons
        transfers, also = others[: len(change.transfers)], others[len(change.transfers) :]
        if change.mark is not None and also.pop().failed:
            raise AlreadyMarked from refused
        for reason in transfers:
            if reason.failed and reason.item is not None:
                raise TransferExists(_TRANSFER.validate_python(reason.item)) from refused
        if wallet.failed:
            return
        if any(reason.failed for reason in also):
            raise Stale(change.wallet.account_id) from refused
        raise refused

    def _wait(self, attempt: int) -> None:
        longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(attempt, 10))
        self._sleep(random.uniform(0, longest))  # noqa: S311 - spreads retries, guards nothing

    # The ledger

    def transfer(self, account_id: str, transfer_id: str) -> Transfer | None:
        """One transfer by its id."""
        item = self._dynamo.get(self._ledger, {"account_id": account_id, "transfer_id": transfer_id})
        return _TRANSFER.validate_python(item) if item else None

    def newest(self, account_id: str, below: int | None, limit: int) -> list[Transfer]:
        """Up to `limit` transfers with a number under `below`, newest first."""
        condition = "account_id = :account"
        values: dict[str, object] = {":account": account_id}
        if below is not None:
            condition, values = f"{condition} AND seq < :below", {**values, ":below": below}
        items = self._dynamo.query(self._ledger, condition, values, index=SEQ_INDEX, forward=False, page_size=limit)
        return [_TRANSFER.validate_python(item) for item in islice(items, limit)]

    def whole_ledger(self, account_id: str) -> list[Transfer]:
        """Every transfer of the account in order; for the audit."""
        items = self._dynamo.query(self._ledger, "account_id = :account", {":account": account_id})
        return sorted(map(_TRANSFER.validate_python, items), key=lambda transfer: transfer.seq)

    # Holds and deposits, which are items of their own beside the wallet

    def hold(self, account_id: str, hold_id: str) -> Hold | None:
        """The hold if it is open."""
        item = self._dynamo.get(self._wallets, _key(account_id, HOLD_PREFIX + hold_id))
        return _HOLD.validate_python(item) if item else None

    def open_holds(self, account_id: str) -> list[Hold]:
        """All open holds of the account."""
        items = self._dynamo.query(
            self._wallets,
            "account_id = :account AND begins_with(#item, :prefix)",
            {":account": account_id, ":prefix": HOLD_PREFIX},
            names={"#item": "item"},
        )
        return [_HOLD.validate_python(item) for item in items]

    def opening(self, hold: Hold) -> Write:
        """The write that opens a hold and puts its lapse on the agenda."""
        agenda = {"agenda": HOLD_AGENDA, "agenda_at": hold.expires_at}
        item = {**_key(hold.account_id, HOLD_PREFIX + hold.hold_id), **_present(asdict(hold)), **agenda}
        return Write(self._wallets, {}, put=item, condition="attribute_not_exists(account_id)")

    def closing(self, hold: Hold) -> Write:
        """The write that closes a hold which is open."""
        key = _key(hold.account_id, HOLD_PREFIX + hold.hold_id)
        return Write(self._wallets, key, delete=True, condition="attribute_exists(account_id)")

    def deposit(self, account_id: str, payment_intent_id: str) -> Deposit | None:
        """The deposit that a payment brought, once it was credited."""
        item = self._dynamo.get(self._wallets, _key(account_id, DEPOSIT_PREFIX + payment_intent_id))
        return _DEPOSIT.validate_python(item) if item else None

    def depositing(self, deposit: Deposit, read: Deposit | None) -> Write:
        """The write that stores a deposit if it is as it was read; None read: if there is none."""
        key = _key(deposit.account_id, DEPOSIT_PREFIX + deposit.payment_intent_id)
        item = {**key, **asdict(deposit)}
        if read is None:
            return Write(self._wallets, {}, put=item, condition="attribute_not_exists(account_id)")
        names, values = {"#version": "version"}, {":read": read.version}
        return Write(self._wallets, {}, put=item, condition="#version = :read", names=names, values=values)

    def due(self, agenda: str) -> Iterator[tuple[str, str]]:
        """Account and item of all that the agenda holds due now, longest due first, page by page as they are taken.

        Costs by what is due, not by what there is. What is taken off the agenda meanwhile may still be handed out.
        """
        values = {":agenda": agenda, ":now": clock.seconds()}
        condition = "agenda = :agenda AND agenda_at <= :now"
        for item in self._dynamo.query(self._wallets, condition, values, index=AGENDA_INDEX, page_size=_DUE_PAGE):
            yield str(item["account_id"]), str(item["item"])

    def all_accounts(self) -> list[str]:
        """Every account that has a wallet; reads the whole table, for the audit alone."""
        items = self._dynamo.scan(self._wallets, "#item = :wallet", {":wallet": WALLET}, names={"#item": "item"})
        return sorted(str(item["account_id"]) for item in items)


def read_wallet(account_id: str, item: Item | None) -> Wallet:
    """The wallet that the item holds; empty where there is none."""
    return _WALLET.validate_python(item) if item else Wallet(account_id)


_ON_AGENDA = frozenset({"due", "claimed", "submitted", "declined"})
"""The states in which time alone moves auto-reload on."""


def _wallet_item(wallet: Wallet) -> Item:
    item = {**_key(wallet.account_id, WALLET), **_present(asdict(wallet))}
    if wallet.reload.state in _ON_AGENDA and wallet.reload.next_attempt_at is not None:
        item |= {"agenda": RELOAD_AGENDA, "agenda_at": wallet.reload.next_attempt_at}
    return item


def _key(account_id: str, item: str) -> Item:
    return {"account_id": account_id, "item": item}


def _present(item: Item) -> Item:
    """The item without what is None or empty: reading it back gives the default, and the item stays small."""
    kept = {name: _present(value) if isinstance(value, dict) else value for name, value in item.items()}
    return {name: value for name, value in kept.items() if value is not None and value != {}}
