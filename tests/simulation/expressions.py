"""DynamoDB's expressions as functions: read once, and carried out on items as they are on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

Item = dict[str, Any]
"""An item as it is on the wire: `{"used": {"N": "7"}}`. It is never changed in place."""
Names = Mapping[str, str]
Values = Mapping[str, dict[str, Any]]
Operand = Callable[[Item, Names, Values], Any]
"""A value on the wire, or None where there is none."""
Test = Callable[[Item, Names, Values], bool]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[-=<>(),.+]|[:#]?\w+)")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class NotRead(ValueError):
    """An expression of a form that is not served here."""


@cache
def number(text: str) -> int | Decimal:
    """A number of the wire."""
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def plain(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a text, a number, bytes, a map
    """What a value of the wire is compared by."""
    kind, inner = next(iter(value.items()))
    return number(inner) if kind == "N" else inner


def _same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None:
        return False
    return one.keys() == other.keys() and plain(one) == plain(other)


class _Reader:
    """The tokens of an expression, one after another."""

    def __init__(self, text: str) -> None:
        self.tokens, at, stripped = [], 0, text.strip()
        while at < len(stripped):
            found = _TOKEN.match(stripped, at)
            if found is None:
                raise NotRead(text)
            self.tokens.append(found[1])
            at = found.end()
        self.text, self.at = text, 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        self.at += 1
        return token

    def accept(self, word: str) -> bool:
        if self.next.upper() == word:
            self.at += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise NotRead(f"{word} is expected at {self.tokens[self.at :]} of {self.text}")

    # Operands

    def path(self) -> tuple[str, ...]:
        steps = [self.take()]
        while self.accept("."):
            steps.append(self.take())
        return tuple(steps)

    def operand(self) -> Operand:
        token = self.next
        if token.startswith(":"):
            self.take()
            return lambda _item, _names, values: values[token]
        if token == "size" and self.tokens[self.at + 1 : self.at + 2] == ["("]:
            self.at += 2
            inner = self.operand()
            self.expect(")")
            return lambda item, names, values: _size(inner(item, names, values))
        if token == "if_not_exists":
            self.at += 1
            self.expect("(")
            there = self.operand()
            self.expect(",")
            otherwise = self.operand()
            self.expect(")")
            return lambda i, n, v: found if (found := there(i, n, v)) is not None else otherwise(i, n, v)
        steps = self.path()
        return lambda item, names, _values: at_path(item, steps, names)

    def total(self) -> Operand:
        """An operand, or the sum or difference of two."""
        first = self.operand()
        if self.next not in {"+", "-"}:
            return first
        sign = 1 if self.take() == "+" else -1
        second = self.operand()
        return lambda i, n, v: {"N": str(plain(first(i, n, v)) + sign * plain(second(i, n, v)))}

    # Conditions

    def either(self) -> Test:
        tests = [self.both()]
        while self.accept("OR"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda i, n, v: any(test(i, n, v) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.accept("AND"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else lambda i, n, v: all(test(i, n, v) for test in tests)

    def one(self) -> Test:
        if self.accept("NOT"):
            inner = self.one()
            return lambda i, n, v: not inner(i, n, v)
        if self.accept("("):
            inner = self.either()
            self.expect(")")
            return inner
        if self.next in {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with"}:
            return self.function()
        return self.comparison()

    def function(self) -> Test:
        name = self.take()
        self.expect("(")
        first = self.operand()
        if name in {"begins_with", "attribute_type"}:
            self.expect(",")
            prefix = self.operand()
            self.expect(")")
            if name == "attribute_type":
                return lambda i, n, v: (x := first(i, n, v)) is not None and prefix(i, n, v)["S"] in x
            return lambda i, n, v: (x := first(i, n, v)) is not None and x["S"].startswith(prefix(i, n, v)["S"])
        self.expect(")")
        wanted = name == "attribute_exists"
        return lambda i, n, v: (first(i, n, v) is not None) is wanted

    def comparison(self) -> Test:
        first = self.operand()
        if self.accept("IN"):
            self.expect("(")
            among = [self.operand()]
            while self.accept(","):
                among.append(self.operand())
            self.expect(")")
            return lambda i, n, v: any(_same(first(i, n, v), each(i, n, v)) for each in among)
        if self.accept("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            high = self.operand()
            return lambda i, n, v: (
                _ordered("<=", low(i, n, v), first(i, n, v)) and _ordered("<=", first(i, n, v), high(i, n, v))
            )
        sign = self.take()
        second = self.operand()
        if sign == "=":
            return lambda i, n, v: _same(first(i, n, v), second(i, n, v))
        if sign == "<>":
            return lambda i, n, v: not _same(first(i, n, v), second(i, n, v))
        if sign not in _COMPARED:
            raise NotRead(self.text)
        return lambda i, n, v: _ordered(sign, first(i, n, v), second(i, n, v))


def _size(value: Mapping[str, Any] | None) -> dict[str, str] | None:
    return None if value is None else {"N": str(len(next(iter(value.values()))))}


def _ordered(sign: str, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None or one.keys() != other.keys():
        return False
    return _COMPARED[sign](plain(one), plain(other))


def at_path(item: Item, steps: tuple[str, ...], names: Names) -> Any:  # noqa: ANN401
    """What stands at the path, or None."""
    found = item.get(names.get(steps[0], steps[0]))
    for step in steps[1:]:
        if found is None or "M" not in found:
            return None
        found = found["M"].get(names.get(step, step))
    return found


@cache
def condition(text: str) -> Test:
    """A condition, a filter or a condition of keys."""
    reader = _Reader(text)
    test = reader.either()
    if reader.next:
        raise NotRead(text)
    return test


@dataclass(frozen=True)
class _Change:
    steps: tuple[str, ...]
    new: Operand | None
    adds: bool = False


@cache
def _changes(text: str) -> tuple[_Change, ...]:
    reader, found = _Reader(text), []
    while reader.next:
        clause = reader.take().upper()
        if clause not in {"SET", "ADD", "REMOVE"}:
            raise NotRead(text)
        while True:
            steps = reader.path()
            if clause == "SET":
                reader.expect("=")
            new = None if clause == "REMOVE" else reader.total() if clause == "SET" else reader.operand()
            found.append(_Change(steps, new, adds=clause == "ADD"))
            if not reader.accept(","):
                break
    return tuple(found)


def updated(item: Item, text: str, names: Names, values: Values) -> Item:
    """The item after the update; each clause reads the item as it was. NotRead where a path leads through nothing."""
    after = dict(item)
    for change in _changes(text):
        new = None if change.new is None else change.new(item, names, values)
        if change.adds and (before := at_path(item, change.steps, names)) is not None:
            new = _added(before, new)
        _put(after, [names.get(step, step) for step in change.steps], new)
    return after


def _added(before: Item, more: Any) -> Item:  # noqa: ANN401
    if "N" in before:
        return {"N": str(plain(before) + plain(more))}
    kind = next(iter(before))
    return {kind: sorted({*before[kind], *more[kind]})}


def _put(item: Item, steps: list[str], new: Any) -> None:  # noqa: ANN401
    """Set or remove at the path in an item that is the caller's own; what lies below is copied on the way."""
    here = item
    for step in steps[:-1]:
        if step not in here:
            raise NotRead(f"nothing stands at {step}")
        here[step] = {"M": dict(here[step]["M"])}
        here = here[step]["M"]
    if new is None:
        here.pop(steps[-1], None)
    else:
        here[steps[-1]] = new
