"""What a hold is for, and how it stands: open, lapsed, captured or released."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from aerostack_billing.idempotency.store import key_reused
from aerostack_billing.ledger.accounts import available, held
from aerostack_billing.ledger.keys import check_same, transfer_id
from aerostack_billing.ledger.ledger import TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.prices.models import Terms
from aerostack_billing.values import authority
from aerostack_billing.values.checks import required
from aerostack_billing.values.errors import Conflict, InvalidRequest, NotFound
from aerostack_billing.values.money import Micros
from aerostack_billing.wallet.lapsing import end_id
from aerostack_billing.wallet.models import Hold
from aerostack_billing.wallet.requests import MAX_LABELS, CaptureRequest, ExtendRequest, ReleaseRequest
from aerostack_billing.wallet.rules import WalletPosting
from aerostack_billing.wallet.store import WalletStore

CAPTURED, RELEASED = "capture", "release"
_HOLD_ID = re.compile(r"hold_[0-9a-f]{40}")


class HoldNotFound(NotFound):
    """The account has no such hold."""

    code = "HOLD_NOT_FOUND"


class HoldEnded(Conflict):
    """The hold was captured or released under another key."""

    code = "HOLD_ENDED"


def over_id(hold_id: str) -> str:
    """The id of the transfer that says nothing more comes of a hold that lapsed: it was captured or released since.

    So no lapsed hold is captured twice; one that is open ends once by the id of its end. Older captures have this id.
    """
    return hold_id.replace("hold_", "cap_", 1)


def line_id(request: CaptureRequest, place: int = 0) -> str:
    """The id of a capture's line, or of the line of one of its items: its key makes it, whichever hold it is for.

    So a key that captured one hold captures no other.
    """
    key = request.idempotency_key if place == 0 else f"{request.idempotency_key}\0{place}"
    return transfer_id("cap_", request.account_id, key)


def note_captured(posting: WalletPosting, hold_id: str, key: str) -> None:
    """Move nothing: the hold's money came back when it lapsed. The line keeps it from being captured again."""
    own, details = posting.wallet.account_id, {"ended_by": CAPTURED, "key": key}
    described = "Hold captured after it lapsed"
    posting.move(
        "release", over_id(hold_id), held(own), available(own), 0, described, reference=hold_id, details=details
    )


class HoldStates:
    """Looks up how holds stand."""

    def __init__(self, wallets: WalletStore) -> None:
        self._wallets = wallets

    def open(self, account_id: str, hold_id: str) -> Hold | None:
        """The hold if it is open; HoldNotFound (404) for what is no id of one."""
        if not _HOLD_ID.fullmatch(hold_id):
            raise HoldNotFound("The account has no such hold.", {"hold_id": "unknown"})
        return self._wallets.hold(account_id, hold_id)

    def ended(self, account_id: str, hold_id: str) -> Transfer:
        """The line that ended it; HoldNotFound (404) where there is none."""
        end = self._wallets.ledger.transfer(account_id, end_id(hold_id))
        if end is None:
            raise HoldNotFound("The account has no such hold.", {"hold_id": "unknown"})
        return end

    def capturable(self, account_id: str, hold_id: str, own_line: str) -> Work:
        """What an ended hold was for, if it may still be captured, which is if it lapsed.

        TransferExists if it was captured whole, or if `own_line`, which this capture would write, stands; HoldEnded
        (409) if it was released, or captured under another key.
        """
        try:
            return self._of_lapsed(account_id, hold_id)
        except HoldEnded:
            # Looked at after that, and not before: a concurrent duplicate may have captured it in between.
            made = self._wallets.ledger.transfer(account_id, own_line)
            if made is not None:
                raise TransferExists(made) from None
            raise

    def _of_lapsed(self, account_id: str, hold_id: str) -> Work:
        captured = self._wallets.ledger.transfer(account_id, over_id(hold_id))
        if captured is not None and captured.type == "capture":
            raise TransferExists(captured)
        ended_by = (captured or self.ended(account_id, hold_id)).details["ended_by"]
        if ended_by == RELEASED:
            raise HoldEnded("The hold was released. Nothing can be captured from it.", {"hold_id": "released"})
        if ended_by == CAPTURED:
            raise HoldEnded("The hold was already captured under another key.", {"hold_id": "capture"})
        taken = self._wallets.ledger.transfer(account_id, hold_id)
        return Work.of_line(required(taken, "the line that took a hold which ended"))


@dataclass(frozen=True)
class Work:
    """What a hold was taken for."""

    hold_id: str
    kind: str
    amount: Micros
    creator_id: str | None
    labels: dict[str, str]
    terms: Terms | None
    tool_id: str | None

    def check_token(self, *, ends: bool) -> None:
        """Return if the token may draw on the hold, which takes one of its kind, and end it: one that it could take.

        TokenRestricted (403). A capture of nothing that ends another's hold would be its release.
        """
        mine = authority.current()
        mine.check_kind(self.kind)
        if ends:
            mine.check_undoing(self.kind, self.amount)

    @classmethod
    def of(cls, hold: Hold | None) -> Work:
        """The work of an open hold."""
        hold = required(hold, "the hold that is captured")
        return cls(hold.hold_id, hold.kind, hold.amount, hold.creator_id, hold.labels, hold.terms, hold.tool_id)

    @classmethod
    def of_line(cls, taken: Transfer) -> Work:
        """The work of a hold that is over, from the line that took it."""
        version, markup = taken.details.get("price_version"), taken.details.get("markup_bps")
        terms = Terms(str(version), markup) if version is not None and isinstance(markup, int) else None
        creator_id, tool_id = (
            None if (found := taken.details.get(name)) is None else str(found) for name in ("creator_id", "tool_id")
        )
        kind = str(taken.details["kind"])
        return cls(taken.transfer_id, kind, taken.amount, creator_id, taken.labels, terms, tool_id)

    def joined(self, own: Mapping[str, str], place: str = "labels") -> dict[str, str]:
        """Those of the hold, and a capture's own beside them; InvalidRequest (422) for another value of the hold's.

        A hold takes room under its labels, and its captures settle there.
        """
        other = {name for name in own if self.labels.get(name, own[name]) != own[name]}
        if other:
            wrong = {f"{place}.{name}": f"is {self.labels[name]} since the hold was taken" for name in sorted(other)}
            raise InvalidRequest("A capture adds labels to those of its hold, and changes none.", wrong)
        both = dict(sorted({**self.labels, **own}.items()))
        if len(both) > MAX_LABELS:
            raise InvalidRequest(f"A hold and its capture have {MAX_LABELS} labels at most.", {place: "too many"})
        return both


def key_of(request: CaptureRequest | ExtendRequest | ReleaseRequest) -> str:
    return transfer_id("key_", request.account_id, request.idempotency_key)


def same_end(end: Transfer, request: CaptureRequest | ExtendRequest | ReleaseRequest, asked: str) -> Transfer:
    """The transfer that ended the hold if this request made it; HoldEnded (409) if another key did."""
    if end.details.get("key") != key_of(request):
        raise HoldEnded(
            "The hold was already captured or released under another key.",
            {"hold_id": end.details.get("ended_by", CAPTURED)},
        )
    return check_same(end, asked)


def same_capture(line: Transfer, hold_id: str, request: CaptureRequest, asked: str) -> Transfer:
    """The first line of a capture if this request made it; IdempotencyKeyReused (409) if it captured another hold.

    HoldEnded (409) if another key captured this one.
    """
    if line.details.get("hold_id", line.reference) != hold_id:
        raise key_reused()
    return same_end(line, request, asked)
