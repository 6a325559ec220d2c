"""Claims, beside the wallet of who paid: what is claimed of a creator's earnings, by the day on which they fall due."""

from __future__ import annotations

from dataclasses import dataclass

from aerostack_billing.creators.funding import DueEarning
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.values.fields import adapter
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.agendas import FUNDING_AGENDA
from aerostack_billing.wallet.store import FUNDING

CLAIM_PREFIX = "claim#"


@dataclass(frozen=True)
class Claim:
    """How much of what a creator earned of this account, due on a day, is claimed."""

    account_id: str
    creator_id: str
    due_day: str
    amount: Micros = 0
    version: int = 0


class ClaimStore:
    """Reads and conditional writes of claims, and of the marks that say whose are to be looked at."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def claims(self, account_id: str) -> dict[DueEarning, Claim]:
        """The claims of what the account paid, by creator and day."""
        items = self._dynamo.query(
            self._table,
            "account_id = :account AND begins_with(#item, :prefix)",
            {":account": account_id, ":prefix": CLAIM_PREFIX},
            names={"#item": "item"},
        )
        found = [adapter(Claim).validate_python(item) for item in items]
        return {(claim.creator_id, claim.due_day): claim for claim in found}

    def claiming(self, read: Claim, amount: Micros) -> Write:
        """The write of a claim, if it is as it was read."""
        key = _key(read.account_id, f"{CLAIM_PREFIX}{read.creator_id}#{read.due_day}")
        item: Item = {
            **key,
            "creator_id": read.creator_id,
            "due_day": read.due_day,
            "amount": amount,
            "version": read.version + 1,
        }
        if read.version == 0:
            return Write(self._table, {}, put=item, condition="attribute_not_exists(account_id)")
        names, values = {"#version": "version"}, {":read": read.version}
        return Write(self._table, {}, put=item, condition="#version = :read", names=names, values=values)

    def mark(self, account_id: str) -> str | None:
        """The mark of an account, which every new reason to look replaces; None if there is none."""
        item = self._dynamo.get(self._table, _key(account_id, FUNDING))
        return str(item["mark"]) if item else None

    def looked(self, account_id: str, mark: str, again_at: int | None) -> None:
        """Have the account looked at again then, or (None) no more, unless it was marked again meanwhile."""
        key, values = _key(account_id, FUNDING), {":mark": mark}
        write = Write(self._table, key, delete=True, condition="mark = :mark", values=values)
        if again_at is not None:
            item = {**key, "mark": mark, "agenda": FUNDING_AGENDA, "agenda_at": again_at}
            write = Write(self._table, {}, put=item, condition="mark = :mark", values=values)
        try:
            self._dynamo.put(write) if write.put is not None else self._dynamo.delete(write)
        except ConditionFailed:
            return


def _key(account_id: str, item: str) -> Item:
    return {"account_id": account_id, "item": item}
