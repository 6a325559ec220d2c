"""Which deposits paid for what: a wallet's ledger read again, with the money of each deposit kept apart.

Deposits are spent first in, first out. What a bank or Stripe takes back of one is taken from what is left of it, then
from the deposits after it, which so come to pay for what it paid, and last it becomes debt: then nobody paid for that.
Granted money pays for nothing here: neither does it become cash, nor does it make up for a deposit that is gone.
All of it is a pure function of the lines, so that what it says is as exact as the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from aerostack_billing.ledger.accounts import STRIPE, available
from aerostack_billing.ledger.models import Split, Transfer
from aerostack_billing.values.money import Micros

DueEarning = tuple[str, str]
"""A creator, and the day on which an earning falls due."""


@dataclass
class _Lot:
    """The money of a deposit: what is left, and what it pays for, by charge in the order in which it came to that."""

    left: Micros = 0
    pays: dict[str, Micros] = field(default_factory=dict)

    def pay(self, charge_id: str, amount: Micros) -> None:
        self.pays[charge_id] = self.pays.get(charge_id, 0) + amount

    def give_up(self, amount: Micros) -> Iterator[tuple[str, Micros]]:
        """Pay for so much less from now on, what was begun last first; the parts of charges that are given up."""
        for charge_id in reversed(list(self.pays)):
            if amount == 0:
                return
            part = min(amount, self.pays[charge_id])
            amount -= part
            self.pays[charge_id] -= part
            if self.pays[charge_id] == 0:
                del self.pays[charge_id]
            yield charge_id, part


@dataclass(frozen=True)
class _Charge:
    """What a charge paid with deposited money, and to whom."""

    paid: Micros
    split: Split


class Funding:
    """The deposits of one wallet while its lines are read in order."""

    def __init__(self, older: Micros = 0) -> None:
        """`older`: how much deposited money was there before the first line that will be read."""
        self._lots: dict[str, _Lot] = {"": _Lot(older)}
        self._nobody = _Lot()
        """What is owed: its `left` is money in the wallet that nobody paid for, held at the moment."""
        self._charges: dict[str, _Charge] = {}

    def read(self, lines: Iterable[Transfer]) -> None:
        """Take in lines, oldest first."""
        for line in lines:
            amount = line.amount - (line.granted or 0)
            match line.type:
                case "deposit" | "reload" | "grant":
                    self._lot(line.reference or line.transfer_id).left += amount
                case "charge" | "capture":
                    self._spent(line, amount)
                case "charge_refund":
                    self._given_back(line.reference or "", amount)
                case "refund" | "dispute" | "dispute_reversal":
                    self._settled(line, amount)
                case "debt_payment":
                    self._debt_paid(amount)
                case _:
                    pass

    def unpaid(self, contested: Iterable[str]) -> dict[DueEarning, Micros]:
        """What creators earned of charges that nobody paid for, or that deposits pay for which are contested."""
        lots = [self._nobody, *(self._lots[name] for name in contested if name in self._lots)]
        parts: dict[str, Micros] = defaultdict(int)
        for lot in lots:
            for charge_id, part in lot.pays.items():
                parts[charge_id] += part
        sums: dict[DueEarning, Micros] = defaultdict(int)
        for charge_id, part in parts.items():
            charge = self._charges.get(charge_id)
            if charge is not None:
                earned = charge.split.amount - charge.split.granted
                sums[charge.split.creator_id, charge.split.due_day] += earned * part // charge.paid
        return {name: amount for name, amount in sums.items() if amount > 0}

    def _lot(self, name: str) -> _Lot:
        return self._lots.setdefault(name, _Lot())

    def _spent(self, line: Transfer, amount: Micros) -> None:
        if line.split is not None and amount > 0:
            self._charges[line.transfer_id] = _Charge(amount, line.split)
        for lot, part in self._taking([*self._lots.values(), self._nobody], amount):
            lot.pay(line.transfer_id, part)

    def _given_back(self, charge_id: str, amount: Micros) -> None:
        """A charge is refunded: its money is back where it came from."""
        for lot in (*self._lots.values(), self._nobody):
            part = lot.pays.pop(charge_id, 0)
            lot.left += part
            amount -= part
        self._lots[""].left += amount
        self._charges.pop(charge_id, None)

    def _settled(self, line: Transfer, amount: Micros) -> None:
        lot = self._lot(line.reference or "")
        if line.debit == STRIPE:
            lot.left += amount
        elif line.debit == available(line.account_id):
            own = min(lot.left, amount)
            lot.left -= own
            for other, part in self._taking(list(self._lots.values()), amount - own):
                for charge_id, piece in lot.give_up(part):
                    other.pay(charge_id, piece)
            self._owed(lot, line.granted or 0)
        else:
            self._owed(lot, amount)

    def _owed(self, lot: _Lot, amount: Micros) -> None:
        """So much of a deposit is gone, and no deposited money takes its place."""
        held = min(lot.left, amount)
        lot.left -= held
        self._nobody.left += held
        for charge_id, part in lot.give_up(amount - held):
            self._nobody.pay(charge_id, part)

    def _debt_paid(self, amount: Micros) -> None:
        held = min(self._nobody.left, amount)
        self._nobody.left -= held
        for lot, part in self._taking(list(self._lots.values()), amount - held):
            for charge_id, piece in self._nobody.give_up(part):
                lot.pay(charge_id, piece)

    def _taking(self, lots: list[_Lot], amount: Micros) -> Iterator[tuple[_Lot, Micros]]:
        """Take an amount out of lots, the first first; what there is not is passed over."""
        for lot in lots:
            part = min(lot.left, amount)
            if part > 0:
                lot.left -= part
                amount -= part
                yield lot, part


def changes(claimed: Mapping[DueEarning, Micros], unpaid: Mapping[DueEarning, Micros]) -> dict[DueEarning, Micros]:
    """What is to be claimed more, or (below zero) given back, so that what is claimed is what is unpaid."""
    names = {*claimed, *unpaid}
    by_name = {name: unpaid.get(name, 0) - claimed.get(name, 0) for name in sorted(names)}
    return {name: more for name, more in by_name.items() if more != 0}
