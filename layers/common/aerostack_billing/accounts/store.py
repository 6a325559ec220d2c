"""The Accounts table: one item an account, its plan state guarded by `version`; one a customer, which says whose."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final, cast

from aerostack_billing.accounts.domain_events import plan_events
from aerostack_billing.accounts.models import Account, PlanState, Upkeep
from aerostack_billing.outbox.store import Outbox
from aerostack_billing.payments.once import Intent
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import AlreadyProcessed, ConditionFailed, Dynamo, Item, TransactionRefused, Write
from aerostack_billing.values.errors import Contended
from aerostack_billing.values.fields import adapter

AGENDA_INDEX: Final = "agenda"
_AGENDA: Final = "plan"
_UNDONE_AT_ONCE: Final = 100
"""An expression has 4 KB, and each takes 27 bytes of it at most."""


class VersionConflict(Exception):
    """The account changed since it was read: nothing was written; read it again."""


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

    def write_plan(
        self,
        account: Account,
        plan: PlanState,
        counters: Sequence[Write],
        processed: Write | None,
        upkeep: Upkeep | None = None,
    ) -> Account:
        """Set the plan state with `counters`, `processed` and its domain event, if the version is as read.

        `upkeep` stays as it is where none is given. VersionConflict if the account or a counter is not as it was read;
        AlreadyProcessed if the record `processed` stands, which is how an event counts once. What is right already
        is not written, except with a `processed` record: the version must move on, or whoever asked Stripe before this
        event and writes after it would put the older answer back.
        """
        after = account.on(plan, upkeep)
        if (plan, after.upkeep) == (account.plan, account.upkeep) and processed is None:
            return account
        condition, values = _if_as_read(account)
        agenda, agenda_values = _agenda(after.upkeep)
        write = Write(
            self.table,
            self.key(account.account_id),
            update=f"SET #plan = :plan, #version = :next, updated_at = :now, upkeep = :upkeep{agenda}",
            condition=condition,
            names={"#plan": "plan", "#version": "version"},
            values={
                **values,
                **agenda_values,
                ":plan": asdict(plan),
                ":next": after.version,
                ":now": clock.iso_now(),
                ":upkeep": {"undoing": after.upkeep.undoing, "reported": list(after.upkeep.reported)},
            },
        )
        events = map(self._outbox.adding, plan_events(account, plan))
        try:
            self._dynamo.transact([write, *counters, *events, *([processed] if processed else [])])
        except TransactionRefused as refused:
            if processed is not None and refused.reasons[-1].failed:
                raise AlreadyProcessed from refused
            raise VersionConflict(account.account_id) from refused
        return after

    def undone(self, account_id: str, subscription_ids: Sequence[str]) -> None:
        """Take surplus subscriptions off what is to be undone; those that are not on it change nothing.

        So many by one write as its expression holds, and a customer may have far more of them.
        """
        for first in range(0, len(subscription_ids), _UNDONE_AT_ONCE):
            some = subscription_ids[first : first + _UNDONE_AT_ONCE]
            names = {f"#undone{number}": name for number, name in enumerate(some)}
            removed = ", ".join(f"upkeep.undoing.{name}" for name in names)
            write = Write(
                self.table,
                self.key(account_id),
                update=f"REMOVE {removed}",
                condition="attribute_exists(upkeep.undoing)",
                names=names,
            )
            with contextlib.suppress(ConditionFailed):
                self._dynamo.update(write)

    def due_for_review(self) -> Iterator[str]:
        """Every account whose plan time alone changes now, longest due first; costs by what is due."""
        condition, values = "agenda = :agenda AND agenda_at <= :now", {":agenda": _AGENDA, ":now": clock.seconds()}
        for item in self._dynamo.query(self.table, condition, values, index=AGENDA_INDEX):
            yield str(item["account_id"])

    # The customer at Stripe, and whose one is

    def intend_customer(self, account_id: str) -> Intent:
        """The one intent to create the account's customer: the first caller's, for all that come after."""
        return self._intent(
            account_id,
            "SET customer_intent = if_not_exists(customer_intent, :intent)",
            {":intent": {"intent_id": str(uuid.uuid4()), "created_at": clock.seconds()}},
        )

    def customer_missed(self, account_id: str, intent: Intent) -> None:
        """Store that the intent's customer was looked for in vain now; nothing where another intent stands."""
        with contextlib.suppress(ConditionFailed):
            self._intent(
                account_id,
                "SET customer_intent.missed_at = if_not_exists(customer_intent.missed_at, :now)",
                {":now": clock.seconds(), ":id": intent.intent_id},
                "customer_intent.intent_id = :id",
            )

    def renew_customer(self, account_id: str, intent: Intent) -> Intent:
        """Replace the intent by a new one if it is still the one that is stored; the one that is stored then."""
        try:
            return self._intent(
                account_id,
                "SET customer_intent = :intent",
                {
                    ":intent": {"intent_id": str(uuid.uuid4()), "created_at": clock.seconds()},
                    ":id": intent.intent_id,
                },
                "customer_intent.intent_id = :id",
            )
        except ConditionFailed:
            return self.intend_customer(account_id)

    def _intent(self, account_id: str, update: str, values: Item, condition: str | None = None) -> Intent:
        write = Write(self.table, self.key(account_id), update=update, condition=condition, values=values)
        stored: Intent = adapter(Intent).validate_python(self._dynamo.update(write)["customer_intent"])
        return stored

    def set_customer(self, account_id: str, customer_id: str) -> str:
        """Record the account's customer, and the customer's account, unless a customer is recorded; the one that is."""
        record = Write(
            self.table,
            self.key(account_id),
            update="SET customer_id = :customer",
            condition="attribute_not_exists(customer_id)",
            values={":customer": customer_id},
        )
        try:
            self._dynamo.transact([record, self._owning(customer_id, account_id)])
        except TransactionRefused:
            recorded = self.get(account_id).customer_id
            if recorded is None:
                raise Contended("The account is changing right now. Try again.") from None
            return recorded
        return customer_id

    def forget_customer(self, account_id: str, customer_id: str) -> None:
        """Let the account have no customer, if it has this one, and keep whose it was.

        The version moves on: what was asked of Stripe about this customer before is not written any more.
        """
        forget = Write(
            self.table,
            self.key(account_id),
            update="REMOVE customer_id, customer_intent ADD #version :one",
            condition="customer_id = :customer",
            names={"#version": "version"},
            values={":customer": customer_id, ":one": 1},
        )
        with contextlib.suppress(TransactionRefused):
            self._dynamo.transact([forget, self._owning(customer_id, account_id)])

    def owner_of(self, customer_id: str) -> str | None:
        """The account that recorded this customer, also one that has another by now; consistently read."""
        item = self._dynamo.get(self.table, self._owner_key(customer_id))
        return str(item["owner"]) if item else None

    def keep_owner(self, customer_id: str, account_id: str) -> None:
        """Keep whose customer this is; done before, nothing changes."""
        self._dynamo.update(self._owning(customer_id, account_id))

    def _owning(self, customer_id: str, account_id: str) -> Write:
        return Write(
            self.table,
            self._owner_key(customer_id),
            update="SET #owner = if_not_exists(#owner, :account)",
            names={"#owner": "owner"},
            values={":account": account_id},
        )

    def _owner_key(self, customer_id: str) -> Item:
        # No account id holds a `#`.
        return self.key(f"customer#{customer_id}")


def read_account(account_id: str, item: Item | None) -> Account:
    """The account that the item holds; Free where there is none."""
    if item is None:
        return Account(account_id)
    return Account(
        account_id=account_id,
        version=cast("int", item.get("version", 0)),
        customer_id=cast("str | None", item.get("customer_id")),
        plan=adapter(PlanState).validate_python(item.get("plan", {})),
        upkeep=adapter(Upkeep).validate_python(
            {**cast("Item", item.get("upkeep", {})), "review_at": item.get("agenda_at")}
        ),
    )


def _agenda(upkeep: Upkeep) -> tuple[str, Item]:
    """The rest of the update that puts the account on the agenda, or takes it off, with its values."""
    if upkeep.review_at is None:
        return " REMOVE agenda, agenda_at", {}
    return ", agenda = :agenda, agenda_at = :agenda_at", {":agenda": _AGENDA, ":agenda_at": upkeep.review_at}


def _if_as_read(account: Account) -> tuple[str, dict[str, object]]:
    """The condition on `#version` that the plan state is still the one read, with its values."""
    if account.version == 0:
        return "attribute_not_exists(#version)", {}
    return "#version = :read", {":read": account.version}
