"""An entry of the timeline, and the page of one source that it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from aerostack_billing.notifications.models import Channel
from aerostack_billing.values.fields import AccountId, RequestModel

Kind = Literal["transfer", "earning", "stripe_event", "notice", "operator_act"]

Missing = Literal["refused_requests", "untold_events"]
"""What no table keeps, so that no timeline shows it.

Refusals are lines of the log, under their correlation id; a domain event that the account has nobody told of is gone
once the bus has it.
"""


class AccountName(RequestModel):
    """The path of an account's timeline."""

    account_id: AccountId


@dataclass(frozen=True)
class Entry:
    """Something that happened to the account.

    `id` is its own: of the transfer, Stripe's event, the domain event, the act. `state` is what became of it. Entries
    with the same `correlation_id` are of one request, one run or one act. `by` is who asked. `amount_cents` is what it
    did to the balance, signed. `channel` is how a notice goes. `text`, `reference` and `labels` were written by others:
    callers, receivers, operators.
    """

    at: str
    kind: Kind
    type: str
    id: str
    state: str
    correlation_id: str | None = None
    by: str | None = None
    channel: Channel | None = None
    amount_cents: float | None = None
    text: str | None = None
    reference: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """An entry, and the place in its source behind which the source is read on from it."""

    place: str
    entry: Entry


@dataclass(frozen=True)
class Part:
    """What one read of a source found, newest first.

    `place` is behind all of it. `reached` is the time down to which nothing is missing; None where the source ends.
    """

    rows: Sequence[Row]
    place: str | None
    reached: str | None


class Source(Protocol):
    """What holds one kind of entries."""

    def takes(self, place: str) -> bool:
        """Whether `place` is one that this source hands out."""

    def read(self, account_id: str, place: str | None, since: str, most: int) -> Part:
        """Entries behind `place`, the newest where it is None; a bounded number of requests."""
