"""Where the entries come from: each table is read by its own store, and nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from aerostack_billing.ledger.ledger import Ledger
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.notifications.models import NOTICE_KEY, Notice
from aerostack_billing.notifications.store import NoticeStore
from aerostack_billing.operators.log import Entry as Act
from aerostack_billing.operators.log import OperatorLog
from aerostack_billing.timeline.models import Entry, Kind, Part, Row
from aerostack_billing.values.money import cents
from aerostack_billing.webhooks.models import Record
from aerostack_billing.webhooks.store import EventStore

Found = TypeVar("Found")

_SEQ = re.compile(r"[0-9]{1,18}")
_EVENT = re.compile(r"[0-9TZ:.-]{20,32}#[A-Za-z0-9_-]{1,255}")
_ACT = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])(#op_[0-9a-f_]{20,64})?")


def _part(found: Sequence[Found], row: Callable[[Found], Row], since: str, most: int) -> Part:
    """The rows of what was found, down to `since`: a source that gave as many as it was asked for may have more."""
    every = [row(each) for each in found]
    rows = [each for each in every if each.entry.at >= since]
    goes_on = len(found) >= most and len(rows) == len(every)
    return Part(rows, rows[-1].place if rows else None, min(r.entry.at for r in rows) if rows and goes_on else None)


class Transfers:
    """Lines of the ledger: those of the account's wallet, or of what it earns as a creator."""

    def __init__(self, ledger: Ledger, kind: Kind, partition: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._kind: Final = kind
        self._partition = partition

    def takes(self, place: str) -> bool:
        """A line's number."""
        return _SEQ.fullmatch(place) is not None

    def read(self, account_id: str, place: str | None, since: str, most: int) -> Part:
        """One request."""
        below = None if place is None else int(place)
        return _part(self._ledger.newest(self._partition(account_id), below, most), self._row, since, most)

    def _row(self, transfer: Transfer) -> Row:
        entry = Entry(
            at=transfer.created_at,
            kind=self._kind,
            type=transfer.type,
            id=transfer.transfer_id,
            state="posted",
            correlation_id=transfer.correlation_id,
            by=transfer.caller,
            amount_cents=cents(transfer.effect),
            text=transfer.description,
            reference=transfer.reference,
            labels=transfer.labels,
        )
        return Row(str(transfer.seq), entry)


class StripeEvents:
    """Stripe's events that were about the account, each with its outcome; they are kept for ninety days."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def takes(self, place: str) -> bool:
        """When an event came, and its id."""
        return _EVENT.fullmatch(place) is not None

    def read(self, account_id: str, place: str | None, since: str, most: int) -> Part:
        """One request."""
        after = None
        if place is not None:
            at, _, event_id = place.partition("#")
            after = at, event_id
        return _part(self._events.of_account(account_id, most, after), self._row, since, most)

    def _row(self, record: Record) -> Row:
        entry = Entry(
            at=record.received_at,
            kind="stripe_event",
            type=record.event_type,
            id=record.event_id,
            state=record.result,
            correlation_id=record.correlation_id,
            by="stripe",
        )
        return Row(f"{record.received_at}#{record.event_id}", entry)


class Notices:
    """Domain events that the account has somebody told of, each with its delivery; they are kept for thirty days."""

    def __init__(self, notices: NoticeStore) -> None:
        self._notices = notices

    def takes(self, place: str) -> bool:
        """A notice's key."""
        return NOTICE_KEY.fullmatch(place) is not None

    def read(self, account_id: str, place: str | None, since: str, most: int) -> Part:
        """One request."""
        return _part(self._notices.newest(account_id, most, place), self._row, since, most)

    def _row(self, notice: Notice) -> Row:
        detail = json.loads(notice.detail)
        found = detail.get("correlation_id") if isinstance(detail, dict) else None
        told = f"attempt {notice.attempts}" if notice.attempts else "not attempted yet"
        if notice.status_code is not None:
            told += f", answered {notice.status_code}"
        if notice.error is not None:
            told += f": {notice.error}"
        entry = Entry(
            at=notice.occurred_at,
            kind="notice",
            type=notice.type,
            id=notice.event_id,
            state=notice.state,
            correlation_id=found if isinstance(found, str) else None,
            channel=notice.channel,
            text=told,
        )
        return Row(notice.item, entry)


class OperatorActs:
    """What operators did about the account. Its correlation id is the act's own: all that the act made carries it."""

    def __init__(self, log: OperatorLog) -> None:
        self._log = log

    def takes(self, place: str) -> bool:
        """A month of the log, and an act in it."""
        return _ACT.fullmatch(place) is not None

    def read(self, account_id: str, place: str | None, since: str, most: int) -> Part:
        """As many requests as `OperatorLog.stretch` makes, whatever `most` says: acts about others are passed over."""
        del most
        stretch = self._log.stretch(place, since)
        acts = [act for act in stretch.acts if act.intent.account_id == account_id and act.intent.at >= since]
        return Part([_act_row(act) for act in acts], stretch.place, stretch.reached)


def _act_row(act: Act) -> Row:
    intent = act.intent
    entry = Entry(
        at=intent.at,
        kind="operator_act",
        type=intent.verb,
        id=intent.operation_id,
        state=act.outcome.state if act.outcome else "unknown",
        correlation_id=intent.operation_id,
        by=intent.who,
        text=intent.reason,
    )
    return Row(OperatorLog.place_of(intent), entry)
