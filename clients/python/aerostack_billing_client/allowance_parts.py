"""What an allowance handed out: charges that are captured together, and money that waits for what work will cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, Unpack

from aerostack_billing_client.allowance_calls import MOST_ITEMS, CaptureItem
from aerostack_billing_client.allowance_terms import ChargeTerms
from aerostack_billing_client.asking import new_key
from aerostack_billing_client.errors import ApiError
from aerostack_billing_client.money import Cents
from aerostack_billing_client.paid_for import check_one_price


@dataclass(frozen=True, slots=True)
class Drawn:
    """A charge, and what was set aside for it, in micros: the capture may come to another price."""

    item: CaptureItem
    micros: int


@dataclass(slots=True)
class Part:
    """Charges to capture together under one key, from the hold that they were handed out of."""

    hold_id: str
    drawn: list[Drawn] = field(default_factory=list)
    key: str = field(default_factory=new_key)
    sealed: bool = False
    """Once it may have been sent, what stands under its key must stay as it is."""

    @property
    def items(self) -> list[CaptureItem]:
        """As a capture asks for them."""
        return [drawn.item for drawn in self.drawn]

    def takes_from(self, hold_id: str) -> bool:
        """Whether another charge out of the hold may join."""
        return not self.sealed and self.hold_id == hold_id and len(self.drawn) < MOST_ITEMS

    def each(self) -> list[Part]:
        """Each charge by itself, under a key that is its own for ever."""
        return [Part(self.hold_id, [drawn], f"{self.key}:{n}", sealed=True) for n, drawn in enumerate(self.drawn)]


def total(drawn: Sequence[Drawn]) -> int:
    """What was set aside for all, in micros."""
    return sum(one.micros for one in drawn)


def passes(error: ApiError) -> bool:
    """Whether the same request may succeed later."""
    return error.status >= 500 or error.status in {401, 403, 429}


class Reserved:
    """Money of an allowance that is set aside for work, until it is known what the work cost.

    `charge` that, once; what is not charged is given back by `release`, or at the end of a `with` block. More than was
    set aside comes out of the rest of the hold, and beyond that out of the balance.
    """

    def __init__(self, hold_id: str, micros: int, end: Callable[[Reserved, CaptureItem | None], None]) -> None:
        self.hold_id = hold_id
        self.micros = micros
        self._end = end
        self._ended = False

    def charge(self, amount_cents: Cents | None = None, **more: Unpack[ChargeTerms]) -> None:
        """Charge what the work cost; no request is made. RuntimeError where that, or the release, was done before."""
        item = CaptureItem(amount_cents, **more)
        check_one_price(amount_cents, item.usage, item.tool_id)
        if self._ended:
            raise RuntimeError("what was reserved is charged or released already")
        self._ended = True
        self._end(self, item)

    def release(self) -> None:
        """Give it back, unless that or a charge was done."""
        if not self._ended:
            self._ended = True
            self._end(self, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
