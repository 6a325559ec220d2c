"""The Wallets table: of an account its wallet, and an item for each open hold, each deposit, each budget."""

from __future__ import annotations

import heapq
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Final, cast

from aerostack_billing.ledger.ledger import Change, Ledger, if_as_read, present, written_now, written_since
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item, Page, Segment, Write
from aerostack_billing.values.errors import BillingError
from aerostack_billing.values.fields import adapter
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.agendas import FUNDING_AGENDA, HOLD_AGENDA, RELOAD_AGENDA, shard_of, shards
from aerostack_billing.wallet.domain_events import wallet_events
from aerostack_billing.wallet.models import Budget, Deposit, Hold, Wallet
from aerostack_billing.wallet.spending_store import marking

WALLET: Final = "wallet"
HOLD_PREFIX: Final = "hold#"
DEPOSIT_PREFIX: Final = "deposit#"
BUDGET_PREFIX: Final = "budget#"
AGENDA_INDEX: Final = "agenda"
FUNDING: Final = "funding"

LabelValue = tuple[str, str]
Labelled = Mapping[str, str] | Collection[LabelValue]
"""Labels with their values: of one act, or of several, which may give one label many values."""

_DUE_PAGE = 1_000
_BUDGETS_PAGE = 200
_REMEMBERED = 10_000
_ASKED_UNKNOWN = 16
"""So many counters are asked for where it is not known whether there are any; of more, the wallet is asked first."""
_READ_AT_ONCE = 100


class WalletStore:
    """Reads and conditional writes of wallets, holds and deposits."""

    def __init__(self, dynamo: Dynamo, table: str, ledger: Ledger, outbox: Outbox, low: Micros) -> None:
        self._dynamo = dynamo
        self._wallets = table
        self.ledger = ledger
        self._outbox = outbox
        self._low = low
        self._budgeted: dict[str, frozenset[str]] = {}

    def get(
        self, account_id: str, labels: Labelled | None = None, *, consistent: bool = True, surely: bool = False
    ) -> Wallet:
        """The wallet with the budgets that the labels may meet; one never written is empty, at version 0.

        One request: which labels have budgets stands in the wallet, and is remembered from the last read. Where that
        has changed since, or is not known of many labels, one more. `surely` reads the counters also where no budget
        is known: one may be left over.
        """
        wanted, known = _pairs(labels), None if surely else self._budgeted.get(account_id)
        if known is None and not surely and len(wanted) > _ASKED_UNKNOWN:
            wallet, known = self._read(account_id, frozenset(), consistent=consistent), frozenset[str]()
        else:
            asked = wanted if known is None else {pair for pair in wanted if pair[0] in known}
            wallet = self._read(account_id, asked, consistent=consistent or not asked)
        if len(self._budgeted) >= _REMEMBERED:
            self._budgeted.clear()
        self._budgeted[account_id] = frozenset(wallet.budgets)
        if known is None or {label for label, _ in wanted} & wallet.budgets.keys() <= known:
            return wallet
        return self._read(account_id, {pair for pair in wanted if pair[0] in wallet.budgets}, consistent=True)

    def _read(self, account_id: str, labels: Collection[LabelValue], *, consistent: bool) -> Wallet:
        if not labels:
            item = self._dynamo.get(self._wallets, _key(account_id, WALLET), consistent=consistent)
            return adapter(Wallet).validate_python(item) if item else Wallet(account_id)
        keys = [_key(account_id, WALLET), *(_key(account_id, budget_item(*label)) for label in labels)]
        found: dict[str, Item] = {}
        for first in range(0, len(keys), _READ_AT_ONCE):
            some = {self._wallets: keys[first : first + _READ_AT_ONCE]}
            items = self._dynamo.batch_get(some, consistent=consistent)[self._wallets]
            found |= {str(item["item"]): item for item in items}
        own = found.get(WALLET)
        wallet = adapter(Wallet).validate_python(own) if own else Wallet(account_id)
        met = [
            adapter(Budget).validate_python(found[name]) if name in found else Budget(account_id, label, value)
            for label, value in sorted(labels)
            if (name := budget_item(label, value)) in found or label in wallet.budgets
        ]
        return replace(wallet, met=tuple(met))

    def apply(
        self,
        account_id: str,
        rule: Callable[[Wallet], Change[Wallet]],
        labels: Labelled | None = None,
        *,
        surely: bool = False,
        known: Wallet | None = None,
    ) -> Change[Wallet]:
        """Carry out what `rule` makes of the wallet, as `Ledger.apply` promises, together with its domain events.

        The budgets that `labels` may meet are read with it, and written with it where the rule changes them. The first
        read of those costs half, for it need not be the latest: what is written is only if nothing has changed, and
        what is refused is put before the rule again. Nor need `known` be, the wallet with those budgets as the last
        change left it, which spares the first read.
        """
        look = _Look(known, eventual=bool(labels) and not surely)

        def read() -> Wallet:
            wallet, look.known = look.known, None
            if wallet is not None:
                look.was_latest = False
                return wallet
            look.was_latest, eventual, look.eventual = not look.eventual, look.eventual, False
            if not labels:
                return self.get(account_id)
            return self.get(account_id, labels, consistent=not eventual, surely=surely)

        def telling(wallet: Wallet) -> Change[Wallet]:
            change = rule(wallet)
            events = map(self._outbox.adding, wallet_events(wallet, change, self._low))
            marks = marking(self._wallets, wallet, change.owner)
            return replace(change, owner=_counted(wallet, change.owner), also=[*change.also, *events, *marks])

        try:
            return self.ledger.apply(account_id, read, self._writing, telling)
        except BillingError:
            if look.was_latest:
                raise
        return self.ledger.apply(account_id, read, self._writing, telling)

    def _writing(self, read: Wallet, after: Wallet) -> list[Write]:
        return [self._writing_wallet(read, after), *self._writing_budgets(read, after)]

    def _writing_budgets(self, read: Wallet, after: Wallet) -> Iterator[Write]:
        """The writes of the budgets that changed, if each is as it was read.

        The wallet's version orders all that writes them; their own condition guards against a read that was not one
        picture of wallet and budgets, and costs nothing.
        """
        before = {(budget.label, budget.value): budget for budget in read.met}
        for budget in after.met:
            was = before.pop((budget.label, budget.value), Budget(budget.account_id, budget.label, budget.value))
            if budget != was:
                key = _key(budget.account_id, budget_item(budget.label, budget.value))
                condition, names, values = if_as_read(was)
                item: Item = {**key, **present(asdict(budget))}
                yield Write(self._wallets, {}, put=item, condition=condition, names=names, values=values)
        for gone in (budget for budget in before.values() if budget.version > 0):
            key = _key(gone.account_id, budget_item(gone.label, gone.value))
            condition, names, values = if_as_read(gone)
            yield Write(self._wallets, key, delete=True, condition=condition, names=names, values=values)

    def _writing_wallet(self, read: Wallet, after: Wallet) -> Write:
        item = written_now({**_key(after.account_id, WALLET), **present(asdict(replace(after, met=())))})
        del item["met"]
        if after.reload.state in _ON_AGENDA and after.reload.next_attempt_at is not None:
            item |= {"agenda": shard_of(RELOAD_AGENDA, after.account_id), "agenda_at": after.reload.next_attempt_at}
        condition, names, values = if_as_read(read)
        return Write(self._wallets, {}, put=item, condition=condition, names=names, values=values)

    def owing_nothing(self, account_id: str) -> Write:
        """The check that the account owes nothing, for a transaction of whoever pays it."""
        condition = "attribute_not_exists(account_id) OR debt = :nothing"
        return Write(self._wallets, _key(account_id, WALLET), condition=condition, values={":nothing": 0})

    # Holds and deposits, which are items of their own beside the wallet

    def hold(self, account_id: str, hold_id: str) -> Hold | None:
        """The hold if it is open."""
        item = self._dynamo.get(self._wallets, _key(account_id, HOLD_PREFIX + hold_id))
        return adapter(Hold).validate_python(item) if item else None

    def open_holds(self, account_id: str) -> list[Hold]:
        """All open holds of the account."""
        items = self._dynamo.query(
            self._wallets,
            "account_id = :account AND begins_with(#item, :prefix)",
            {":account": account_id, ":prefix": HOLD_PREFIX},
            names={"#item": "item"},
        )
        return [adapter(Hold).validate_python(item) for item in items]

    def some_open_holds(self, account_id: str, most: int) -> list[Hold]:
        """At most that many open holds of the account, as one page of the table has them."""
        items = self._dynamo.query(
            self._wallets,
            "account_id = :account AND begins_with(#item, :prefix)",
            {":account": account_id, ":prefix": HOLD_PREFIX},
            names={"#item": "item"},
            page_size=most,
        )
        return [adapter(Hold).validate_python(item) for item in islice(items, most)]

    def opening(self, hold: Hold) -> Write:
        """The write that opens a hold and puts its lapse on the agenda."""
        agenda = {"agenda": shard_of(HOLD_AGENDA, hold.account_id), "agenda_at": hold.expires_at}
        item = {**_key(hold.account_id, HOLD_PREFIX + hold.hold_id), **present(asdict(hold)), **agenda}
        return Write(self._wallets, {}, put=item, condition="attribute_not_exists(account_id)")

    def changing(self, read: Hold, after: Hold) -> Write:
        """The write of a hold that was drawn down or extended, if it is open and as it was read."""
        agenda = {"agenda": shard_of(HOLD_AGENDA, after.account_id), "agenda_at": after.expires_at}
        kept = present(asdict(replace(after, version=read.version + 1)))
        item = {**_key(after.account_id, HOLD_PREFIX + after.hold_id), **kept, **agenda}
        condition, names, values = _hold_as_read(read)
        return Write(self._wallets, {}, put=item, condition=condition, names=names, values=values)

    def closing(self, hold: Hold) -> Write:
        """The write that closes a hold, if it is open and as it was read."""
        key = _key(hold.account_id, HOLD_PREFIX + hold.hold_id)
        condition, names, values = _hold_as_read(hold)
        return Write(self._wallets, key, delete=True, condition=condition, names=names, values=values)

    def budgets(self, account_id: str, after: str = "", label: str | None = None) -> Iterator[Budget]:
        """The counters of the account's budgets, those of one label if it is named, behind the item `after`."""
        first = budget_item(label, "") if label else BUDGET_PREFIX
        last = f"{first[:-1]}$"  # the sign after `#`
        items = self._dynamo.query(
            self._wallets,
            "account_id = :account AND #item BETWEEN :first AND :last",
            {":account": account_id, ":first": max(first, after), ":last": last},
            names={"#item": "item"},
            page_size=_BUDGETS_PAGE,
        )
        return (adapter(Budget).validate_python(item) for item in items if item["item"] != after)

    def deposit(self, account_id: str, payment_intent_id: str) -> Deposit | None:
        """The deposit that a payment brought, once it was credited."""
        item = self._dynamo.get(self._wallets, _key(account_id, DEPOSIT_PREFIX + payment_intent_id))
        return adapter(Deposit).validate_python(item) if item else None

    def credited(self, payments: Mapping[str, str]) -> set[str]:
        """Which of up to a hundred payments, each with its account, are deposits that were credited."""
        keys = [_key(account_id, DEPOSIT_PREFIX + payment) for payment, account_id in payments.items()]
        found = self._dynamo.batch_get({self._wallets: keys}, consistent=True)[self._wallets]
        return {str(item["payment_intent_id"]) for item in found}

    def deposits(self, account_id: str) -> Iterator[Deposit]:
        """Every deposit of the account."""
        items = self._dynamo.query(
            self._wallets,
            "account_id = :account AND begins_with(#item, :prefix)",
            {":account": account_id, ":prefix": DEPOSIT_PREFIX},
            names={"#item": "item"},
        )
        return (adapter(Deposit).validate_python(item) for item in items)

    def marking(self, account_id: str) -> Write:
        """The write that has somebody look, before creators are paid, at what the account's deposits paid for."""
        mark = {"mark": secrets.token_hex(16), "agenda": FUNDING_AGENDA, "agenda_at": clock.seconds()}
        return Write(self._wallets, {}, put={**_key(account_id, FUNDING), **mark})

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

        Costs by what is due, not by what there is: one request a key of the agenda, and one a page. What is taken off
        the agenda meanwhile may still be handed out.
        """
        due = [self._due_under(key) for key in shards(agenda)]
        # By time over all keys: a sweep that runs out of time leaves none of them waiting for ever.
        for item in heapq.merge(*due, key=lambda item: cast("int", item["agenda_at"])):
            yield str(item["account_id"]), str(item["item"])

    def _due_under(self, key: str) -> Iterator[Item]:
        values = {":agenda": key, ":now": clock.seconds()}
        condition = "agenda = :agenda AND agenda_at <= :now"
        return self._dynamo.query(self._wallets, condition, values, index=AGENDA_INDEX, page_size=_DUE_PAGE)

    def all_accounts(self) -> list[str]:
        """Every account that has a wallet; reads the whole table, for the audit alone."""
        return sorted(self.accounts())

    def accounts(self) -> Iterator[str]:
        """Every account that has a wallet, in the table's own order, page by page as they are taken."""
        items = self._dynamo.scan(self._wallets, "#item = :wallet", {":wallet": WALLET}, names={"#item": "item"})
        return (str(item["account_id"]) for item in items)

    def segment(self, segment: Segment, after: Item | None, since: int | None) -> Iterator[Page]:
        """The wallets of a segment behind that key; with `since`, those that were written at or after it."""
        condition, values = written_since(since)
        condition, values = f"#item = :wallet{condition}", {":wallet": WALLET, **values}
        return self._dynamo.scan_segment(
            self._wallets, segment, condition, values, names={"#item": "item"}, after=after
        )


@dataclass
class _Look:
    """How the next read of a wallet is made, and how the last one was."""

    known: Wallet | None
    eventual: bool
    was_latest: bool = True


def _pairs(labels: Labelled | None) -> frozenset[LabelValue]:
    return frozenset(labels.items() if isinstance(labels, Mapping) else labels or ())


def _counted(read: Wallet, after: Wallet) -> Wallet:
    """The wallet with the writes of its budgets counted: of those that changed."""
    before = {(budget.label, budget.value): budget for budget in read.met}
    met = [
        budget if budget == was else replace(budget, version=(was.version if was else 0) + 1)
        for budget in after.met
        for was in [before.get((budget.label, budget.value))]
    ]
    return replace(after, met=tuple(met))


def _hold_as_read(hold: Hold) -> tuple[str, dict[str, str], dict[str, object]]:
    """The condition that a hold is open and as it was read, with its names and values."""
    as_read = "#version = :read"
    if hold.version == 0:
        as_read = f"(attribute_not_exists(#version) OR {as_read})"
    return f"attribute_exists(account_id) AND {as_read}", {"#version": "version"}, {":read": hold.version}


def budget_item(label: str, value: str) -> str:
    """The item that counts a value of a label. A label has no `#`, so that a value may have any."""
    return f"{BUDGET_PREFIX}{label}#{value}"


_ON_AGENDA = frozenset({"due", "claimed", "submitted", "declined"})
"""The states in which time alone moves auto-reload on."""


def _key(account_id: str, item: str) -> Item:
    return {"account_id": account_id, "item": item}
