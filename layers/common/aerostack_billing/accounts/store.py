"""The Accounts table: one item an account, its plan state guarded by `version`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

from aerostack_billing.accounts.domain_events import plan_news
from aerostack_billing.accounts.models import Account, PlanState
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import AlreadyMarked, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.values.fields import adapter


class VersionConflict(Exception):
    """The account changed since it was read: nothing was written; read it again."""


@dataclass(frozen=True)
class CustomerIntent:
    """That a Stripe customer is about to be created for the account; its id is Stripe's idempotency key."""

    intent_id: str
    created_at: int


class AccountStore:
    """Reads and conditional writes of accounts."""

    def __init__(self, dynamo: Dynamo, table: str, outbox: Outbox) -> None:
        self._dynamo = dynamo
        self.table = table
        self._outbox = outbox

    def key(self, account_id: str) -> Item:
        """The account's key, for reads that span tables."""
        return {"account_id": account_id}

    def get(self, account_id: str) -> Account:
        """The account, consistently read; one never seen is Free at version 0."""
        return read_account(account_id, self._dynamo.get(self.table, self.key(account_id)))

    def unchanged(self, account: Account) -> Write:
        """The condition, for another room's transaction, that the plan state is still the one read."""
        condition, values = _if_as_read(account)
        return Write(
            self.table, self.key(account.account_id), condition=condition, names={"#version": "version"}, values=values
        )

    def write_plan(self, account: Account, plan: PlanState, counters: Sequence[Write], mark: Write | None) -> Account:
        """Set the plan state together with `counters`, `mark` and the news of it, if the version is as read.

        VersionConflict if the account or a counter is not as it was read; AlreadyMarked if the mark stands, which is
        how an event takes effect once. A plan state that is already right is not written, but with a mark: its version
        must move on, or whoever asked Stripe before this event and writes after it would put the older answer back.
        """
        if plan == account.plan and mark is None:
            return account
        condition, values = _if_as_read(account)
        write = Write(
            self.table,
            self.key(account.account_id),
            update="SET #plan = :plan, #version = :next, updated_at = :now",
            condition=condition,
            names={"#plan": "plan", "#version": "version"},
            values={**values, ":plan": asdict(plan), ":next": account.version + 1, ":now": clock.iso_now()},
        )
        news = map(self._outbox.adding, plan_news(account, plan))
        try:
            self._dynamo.transact([write, *counters, *news, *([mark] if mark else [])])
        except TransactionRefused as refused:
            if mark is not None and refused.reasons[-1].failed:
                raise AlreadyMarked from refused
            raise VersionConflict(account.account_id) from refused
        return account.on(plan)

    def intend_customer(self, account_id: str) -> CustomerIntent:
        """The one intent to create the account's Stripe customer: the first caller's, for all that come after."""
        item = self._dynamo.update(
            Write(
                self.table,
                self.key(account_id),
                update="SET customer_intent = if_not_exists(customer_intent, :intent)",
                values={":intent": {"intent_id": str(uuid.uuid4()), "created_at": clock.seconds()}},
            )
        )
        intent = cast("dict[str, object]", item["customer_intent"])
        return CustomerIntent(str(intent["intent_id"]), cast("int", intent["created_at"]))

    def set_customer(self, account_id: str, customer_id: str) -> str:
        """Record the account's Stripe customer unless one is recorded; the one that stands."""
        item = self._dynamo.update(
            Write(
                self.table,
                self.key(account_id),
                update="SET customer_id = if_not_exists(customer_id, :customer)",
                values={":customer": customer_id},
            )
        )
        return str(item["customer_id"])


def read_account(account_id: str, item: Item | None) -> Account:
    """The account that the item holds; Free where there is none."""
    if item is None:
        return Account(account_id)
    return Account(
        account_id=account_id,
        version=cast("int", item.get("version", 0)),
        customer_id=cast("str | None", item.get("customer_id")),
        plan=adapter(PlanState).validate_python(item.get("plan", {})),
    )


def _if_as_read(account: Account) -> tuple[str, dict[str, object]]:
    """The condition on `#version` that the plan state is still the one read, with its values."""
    if account.version == 0:
        return "attribute_not_exists(#version)", {}
    return "#version = :read", {":read": account.version}
