"""The ledger, and the one way to write it: an owner's next state and the transfers that explain it, or neither.

An owner is a wallet or a creator. It is written whole, under the condition that its `version` is the one read; a
transfer is put under the condition that its id does not exist, which dedupes for ever. Nothing in the Ledger table is
ever changed or deleted, and no function's role allows it to be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import Field, asdict, dataclass, replace
from itertools import islice
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from aerostack_billing.ledger.models import Transfer
from aerostack_billing.ledger.turns import Turns
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import AlreadyProcessed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.values.errors import Contended
from aerostack_billing.values.fields import adapter

SEQ_INDEX: Final = "by_seq"
WRITTEN_AT: Final = "written_at"

_ATTEMPTS = 40


class Versioned(Protocol):
    """What owns transfers: a frozen dataclass with a version that counts its writes."""

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def version(self) -> int:
        """How often it was written; 0 is never."""


Owner = TypeVar("Owner", bound=Versioned)


class LedgerListener(Protocol):
    """Whoever keeps track of what moves, and of how hard it was."""

    def moved(self, transfers: Sequence[Transfer]) -> None:
        """Called for the transfers of each transaction that was carried out."""

    def contended(self, times: int) -> None:
        """Called where an owner was changed by others that many times before it could be written, or could not."""


class TransferExists(Exception):
    """A transfer with this id stands: the act was done before. `transfer` is the first one, to answer with."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__(transfer.transfer_id)
        self.transfer = transfer


class Stale(Exception):
    """Another write that was to go along did not hold: what it was built on has changed. Look again."""


@dataclass(frozen=True)
class Change(Generic[Owner]):
    """What a rule makes of an owner: its next state, the transfers, and writes that go along with them."""

    owner: Owner
    transfers: Sequence[Transfer] = ()
    also: Sequence[Write] = ()
    processed: Write | None = None


class Ledger:
    """Reads transfers, and carries out changes in one transaction each."""

    def __init__(
        self, dynamo: Dynamo, table: str, listener: LedgerListener, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._dynamo = dynamo
        self._table = table
        self._listener = listener
        self._sleep = sleep
        self._turns = Turns()

    def apply(
        self,
        name: str,
        read: Callable[[], Owner],
        write: Callable[[Owner, Owner], Sequence[Write]],
        rule: Callable[[Owner], Change[Owner]],
    ) -> Change[Owner]:
        """Carry out what `rule` makes of the owner that `read` reads, if it is still as the rule saw it.

        `write` makes the conditional writes from the owner as read and as it will be. An owner that changed meanwhile
        is put before the rule again, which may then refuse. What the rule raises passes through. TransferExists if a
        transfer's id stands; Stale if a write in `also` did not hold; AlreadyProcessed if `processed` stands already. A
        rule that leaves its owner as it is writes what goes along and that record alone. Two requests where nobody
        interferes: read and transaction.
        """
        # Threads of one process queue here rather than collide at the table. Other processes are met by the condition.
        with self._turns.of(name) as turn:
            for attempt in range(_ATTEMPTS):
                began = time.monotonic()
                owner = read()
                change = rule(owner)
                if change.owner == owner and not change.transfers:
                    self._only(change)
                    return change
                change = replace(change, owner=replace(change.owner, version=owner.version + 1))
                owned = write(owner, change.owner)
                try:
                    self._dynamo.transact(self._writes(owned, change))
                except TransactionRefused as refused:
                    _raise_unless_raced(refused, change, len(owned))
                    if attempt < _ATTEMPTS - 1:
                        self._sleep(turn.collided(time.monotonic() - began))
                    continue
                turn.held()
                self._applied(change, attempt)
                return change
        self._listener.contended(_ATTEMPTS)
        raise Contended("This account is changing too often right now. Try again with the same key.")

    def _applied(self, change: Change[Owner], times: int) -> None:
        if change.transfers:
            self._listener.moved(change.transfers)
        if times:
            self._listener.contended(times)

    def _only(self, change: Change[Owner]) -> None:
        """Write what goes along with a change that leaves its owner as it is."""
        if not change.also:
            if change.processed is not None:
                self._dynamo.put_record(change.processed)
            return
        try:
            self._dynamo.transact([*change.also, *([change.processed] if change.processed else [])])
        except TransactionRefused as refused:
            if change.processed is not None and refused.reasons[-1].failed:
                raise AlreadyProcessed from refused
            raise Stale from refused

    def _writes(self, owned: Sequence[Write], change: Change[Owner]) -> list[Write]:
        transfers = [self.putting(transfer) for transfer in change.transfers]
        return [*owned, *transfers, *change.also, *([change.processed] if change.processed else [])]

    def putting(self, transfer: Transfer) -> Write:
        """The write of a transfer, on the condition that there is none of its id."""
        return Write(self._table, {}, put=present(asdict(transfer)), condition="attribute_not_exists(account_id)")

    def transfer(self, account_id: str, transfer_id: str) -> Transfer | None:
        """One transfer by its id."""
        item = self._dynamo.get(self._table, {"account_id": account_id, "transfer_id": transfer_id})
        return adapter(Transfer).validate_python(item) if item else None

    def those(self, account_id: str, transfer_ids: Collection[str]) -> dict[str, Transfer]:
        """Those of up to a hundred transfers that stand, by id, in one request."""
        keys: list[Item] = [{"account_id": account_id, "transfer_id": each} for each in dict.fromkeys(transfer_ids)]
        items = self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]
        return {str(item["transfer_id"]): adapter(Transfer).validate_python(item) for item in items}

    def newest(self, account_id: str, below: int | None, limit: int) -> list[Transfer]:
        """Up to `limit` transfers with a number under `below`, newest first."""
        condition = "account_id = :account"
        values: dict[str, object] = {":account": account_id}
        if below is not None:
            condition, values = f"{condition} AND seq < :below", {**values, ":below": below}
        items = self._dynamo.query(self._table, condition, values, index=SEQ_INDEX, forward=False, page_size=limit)
        return [adapter(Transfer).validate_python(item) for item in islice(items, limit)]

    def oldest(self, account_id: str, above: int, limit: int) -> list[Transfer]:
        """Up to `limit` transfers with a number above `above`, oldest first."""
        condition, values = "account_id = :account AND seq > :above", {":account": account_id, ":above": above}
        items = self._dynamo.query(self._table, condition, values, index=SEQ_INDEX, page_size=limit)
        return [adapter(Transfer).validate_python(item) for item in islice(items, limit)]

    def whole(self, account_id: str) -> list[Transfer]:
        """Every transfer of the account in order; for the audit."""
        items = self._dynamo.query(self._table, "account_id = :account", {":account": account_id})
        return sorted(map(adapter(Transfer).validate_python, items), key=lambda transfer: transfer.seq)

    def of_caller(self, caller: str) -> Iterator[Transfer]:
        """Every transfer that a service asked for, in no order; reads the whole table, for an operator alone."""
        items = self._dynamo.scan(self._table, "#caller = :caller", {":caller": caller}, names={"#caller": "caller"})
        return (adapter(Transfer).validate_python(item) for item in items)


def _raise_unless_raced(refused: TransactionRefused, change: Change[Owner], owned: int) -> None:
    """Return if all that happened is that the owner changed since it was read: then trying again helps.

    The first `owned` reasons are those of the owner's own writes.
    """
    owner, others = refused.reasons[:owned], list(refused.reasons[owned:])
    transfers, also = others[: len(change.transfers)], others[len(change.transfers) :]
    if change.processed is not None and also.pop().failed:
        raise AlreadyProcessed from refused
    for reason in transfers:
        if reason.failed and reason.item is not None:
            raise TransferExists(adapter(Transfer).validate_python(reason.item)) from refused
    if any(reason.failed for reason in owner):
        return
    if any(reason.failed for reason in also):
        raise Stale from refused
    raise refused


def if_as_read(owner: Versioned) -> tuple[str, dict[str, str] | None, dict[str, object] | None]:
    """The condition that an owner is as it was read, with its names and values."""
    if owner.version == 0:
        return "attribute_not_exists(#version)", {"#version": "version"}, None
    return "#version = :read", {"#version": "version"}, {":read": owner.version}


def written_now(item: Item) -> Item:
    """The item of an owner with when it is written (unix seconds), by which the audit finds what changed."""
    return {**item, WRITTEN_AT: clock.seconds()}


def written_since(since: int | None) -> tuple[str, dict[str, object]]:
    """The condition, with its values, that an owner was written at or after that time; None: at any.

    One that does not say when, as older releases wrote it, may have been.
    """
    if since is None:
        return "", {}
    return f" AND (attribute_not_exists({WRITTEN_AT}) OR {WRITTEN_AT} >= :since)", {":since": since}


def present(item: Item) -> Item:
    """The item without what is None or empty: reading it back gives the default, and the item stays small."""
    kept = {name: present(value) if isinstance(value, dict) else value for name, value in item.items()}
    return {name: value for name, value in kept.items() if value is not None and value != {}}
