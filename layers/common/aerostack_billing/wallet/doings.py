"""What one service did, by the name in its tokens: listed, and taken back in one act when its token leaked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aerostack_billing.ledger.ledger import Ledger
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.values.errors import BillingError, Conflict, InvalidRequest
from aerostack_billing.values.money import Micros, cents
from aerostack_billing.wallet.holds import Holds
from aerostack_billing.wallet.refunds import AlreadyRefunded, Refunds
from aerostack_billing.wallet.requests import RefundRequest, ReleaseRequest
from aerostack_billing.wallet.store import WalletStore

MOST_SHOWN: Final = 1_000
_DESCRIPTION = "Refunded by the platform"


@dataclass(frozen=True)
class Span:
    """A span of time, as lines are stamped: from `since`, before `until`."""

    since: str
    until: str

    @classmethod
    def asked(cls, since: str | None, until: str | None) -> Span:
        """Days or times in ISO 8601, in UTC where they name no zone; all time by default. InvalidRequest (422)."""
        return cls(_moment("from", since, "0001-01-01"), _moment("until", until, "9999-12-31"))

    def covers(self, moment: str) -> bool:
        """Whether a moment, in ISO 8601 and UTC, is in it."""
        return self.since <= moment < self.until

    def has(self, line: Transfer) -> bool:
        """Whether a line was made in it."""
        return self.covers(line.created_at)


@dataclass(frozen=True)
class TakenBack:
    """What was taken back of a caller's charges and open holds, and what could not be."""

    refunded: int
    refunded_amount: Micros
    refunded_before: int
    released: int
    failed: tuple[tuple[str, str, str], ...]
    """Account, charge or hold, and the code of the refusal."""

    def view(self) -> dict[str, object]:
        """As it is shown."""
        return {
            "refunded": self.refunded,
            "refunded_cents": cents(self.refunded_amount),
            "refunded_before": self.refunded_before,
            "released_holds": self.released,
            "failed": [{"account_id": who, "id": what, "code": code} for who, what, code in self.failed],
        }


class Doings:
    """Finds a caller's lines, and takes back what they took."""

    def __init__(self, ledger: Ledger, wallets: WalletStore, refunds: Refunds, holds: Holds) -> None:
        self._ledger = ledger
        self._wallets = wallets
        self._refunds = refunds
        self._holds = holds

    def lines(self, caller: str, span: Span, account_id: str | None = None) -> list[Transfer]:
        """The lines that the caller's requests made, oldest first; without an account it reads the whole ledger."""
        found = self._ledger.of_caller(caller) if account_id is None else iter(self._ledger.whole(account_id))
        return sorted(
            (line for line in found if line.caller == caller and span.has(line)),
            key=lambda line: (line.created_at, line.account_id, line.seq),
        )

    def view(self, caller: str, span: Span, account_id: str | None = None) -> dict[str, object]:
        """The lines as they are shown, the newest of them first, with what they come to."""
        lines = self.lines(caller, span, account_id)
        return {
            "caller": caller,
            "lines": len(lines),
            "accounts": len({line.account_id for line in lines}),
            "charged_cents": cents(sum(line.amount for line in lines if line.type in {"charge", "capture"})),
            "newest": [
                {
                    "account_id": line.account_id,
                    "id": line.transfer_id,
                    "type": line.type,
                    "amount_cents": cents(line.amount),
                    "created_at": line.created_at,
                    "reference": line.reference,
                }
                for line in reversed(lines[-MOST_SHOWN:])
            ],
        }

    def foresee(self, caller: str, span: Span, account_id: str | None = None) -> dict[str, object]:
        """What `take_back` would find: charges that are not refunded, and holds that are open."""
        lines = self.lines(caller, span, account_id)
        charges = [line for line in _charges(lines) if self._refund_of(line) is None]
        return {
            "caller": caller,
            "accounts": len({line.account_id for line in lines}),
            "to_refund": len(charges),
            "to_refund_cents": cents(sum(line.amount for line in charges)),
            "to_release": sum(1 for _ in self._open(lines)),
        }

    def take_back(
        self,
        caller: str,
        span: Span,
        account_id: str | None = None,
        step: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> TakenBack:
        """Refund every charge and capture that the caller made, and release its holds that are open.

        Each as its own route does it, once, whatever is repeated; what is refused is named, and stops no other.
        """
        lines = self.lines(caller, span, account_id)
        charges, open_holds = list(_charges(lines)), list(self._open(lines))
        refunded = amount = before = released = 0
        failed: list[tuple[str, str, str]] = []
        for number, line in enumerate(charges):
            step(number, len(charges) + len(open_holds))
            try:
                done = self._refunds.refund(line.transfer_id, _refunding(line))
            except AlreadyRefunded:
                before += 1
            except BillingError as error:
                failed.append((line.account_id, line.transfer_id, error.code))
            else:
                before += int(done.replayed)
                refunded += int(not done.replayed)
                amount += 0 if done.replayed else line.amount
        for line in open_holds:
            wanted = ReleaseRequest(account_id=line.account_id, idempotency_key=f"taken back: {line.transfer_id}")
            try:
                self._holds.release(line.transfer_id, wanted)
            except Conflict as ended:
                failed.append((line.account_id, line.transfer_id, ended.code))
            else:
                released += 1
        return TakenBack(refunded, amount, before, released, tuple(failed))

    def _open(self, lines: list[Transfer]) -> Iterator[Transfer]:
        return (
            line
            for line in lines
            if line.type == "hold" and self._wallets.hold(line.account_id, line.transfer_id) is not None
        )

    def _refund_of(self, charge: Transfer) -> Transfer | None:
        return self._ledger.transfer(charge.account_id, f"{charge.transfer_id}:refund")


def _charges(lines: list[Transfer]) -> Iterator[Transfer]:
    """Those that can be refunded, the newest first, as whoever undoes does."""
    return (line for line in reversed(lines) if line.type in {"charge", "capture"})


def _refunding(line: Transfer) -> RefundRequest:
    key = f"taken back: {line.transfer_id}"
    return RefundRequest(account_id=line.account_id, idempotency_key=key, reason=_DESCRIPTION)


def _moment(name: str, asked: str | None, otherwise: str) -> str:
    if asked is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(asked)
    except ValueError as error:
        raise InvalidRequest(f"{name} must be a day or a time, like 2026-03-01T09:30.", {name: "is no time"}) from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
