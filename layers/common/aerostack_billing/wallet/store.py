"""The Wallets table: of an account the item `wallet`, one item for each open hold, and one for each deposit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Final

from aerostack_billing.ledger.ledger import Change, Ledger, if_as_read, present
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item, Write
from aerostack_billing.values.fields import adapter
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.domain_events import wallet_news
from aerostack_billing.wallet.models import Deposit, Hold, Wallet

WALLET: Final = "wallet"
HOLD_PREFIX: Final = "hold#"
DEPOSIT_PREFIX: Final = "deposit#"
AGENDA_INDEX: Final = "agenda"
RELOAD_AGENDA: Final = "reload"
HOLD_AGENDA: Final = "hold"

_DUE_PAGE = 1_000


class WalletStore:
    """Reads and conditional writes of wallets, holds and deposits."""

    def __init__(self, dynamo: Dynamo, table: str, ledger: Ledger, outbox: Outbox, low: Micros) -> None:
        self._dynamo = dynamo
        self._wallets = table
        self.ledger = ledger
        self._outbox = outbox
        self._low = low

    def get(self, account_id: str) -> Wallet:
        """The wallet, consistently read; one never written is empty, at version 0."""
        item = self._dynamo.get(self._wallets, _key(account_id, WALLET))
        return adapter(Wallet).validate_python(item) if item else Wallet(account_id)

    def apply(self, account_id: str, rule: Callable[[Wallet], Change[Wallet]]) -> Change[Wallet]:
        """Carry out what `rule` makes of the wallet, as `Ledger.apply` promises, together with the news of it."""

        def telling(wallet: Wallet) -> Change[Wallet]:
            change = rule(wallet)
            news = map(self._outbox.adding, wallet_news(wallet, change, self._low))
            return replace(change, also=[*change.also, *news])

        return self.ledger.apply(account_id, lambda: self.get(account_id), self._writing, telling)

    def _writing(self, read: Wallet, after: Wallet) -> Write:
        item = {**_key(after.account_id, WALLET), **present(asdict(after))}
        if after.reload.state in _ON_AGENDA and after.reload.next_attempt_at is not None:
            item |= {"agenda": RELOAD_AGENDA, "agenda_at": after.reload.next_attempt_at}
        condition, names, values = if_as_read(read)
        return Write(self._wallets, {}, put=item, condition=condition, names=names, values=values)

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

    def opening(self, hold: Hold) -> Write:
        """The write that opens a hold and puts its lapse on the agenda."""
        agenda = {"agenda": HOLD_AGENDA, "agenda_at": hold.expires_at}
        item = {**_key(hold.account_id, HOLD_PREFIX + hold.hold_id), **present(asdict(hold)), **agenda}
        return Write(self._wallets, {}, put=item, condition="attribute_not_exists(account_id)")

    def closing(self, hold: Hold) -> Write:
        """The write that closes a hold which is open."""
        key = _key(hold.account_id, HOLD_PREFIX + hold.hold_id)
        return Write(self._wallets, key, delete=True, condition="attribute_exists(account_id)")

    def deposit(self, account_id: str, payment_intent_id: str) -> Deposit | None:
        """The deposit that a payment brought, once it was credited."""
        item = self._dynamo.get(self._wallets, _key(account_id, DEPOSIT_PREFIX + payment_intent_id))
        return adapter(Deposit).validate_python(item) if item else None

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


_ON_AGENDA = frozenset({"due", "claimed", "submitted", "declined"})
"""The states in which time alone moves auto-reload on."""


def _key(account_id: str, item: str) -> Item:
    return {"account_id": account_id, "item": item}
