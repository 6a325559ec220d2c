"""Reading a part of a template: each value with its type, each refusal with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from local.template.errors import TemplateError
from local.template.loader import Value
from local.template.resolver import Resolver

Read = TypeVar("Read")


class Section:
    """One mapping of the template, at a known place, whose values are resolved as they are read."""

    def __init__(self, values: dict[str, Value], place: str, resolver: Resolver) -> None:
        self._values = values
        self._resolver = resolver
        self.place = place

    def __contains__(self, name: str) -> bool:
        return name in self._values and self._evaluated(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def refuse(self, reason: str) -> TemplateError:
        """The error to raise for something at this place."""
        return TemplateError(f"{self.place}: {reason}")

    def refuse_any_of(self, names: str, reason: str) -> None:
        """TemplateError if one of the names (separated by spaces) stands here."""
        for name in names.split():
            if name in self:
                raise self.refuse(f"{name} is not served by the local stack: {reason}")

    def value(self, name: str) -> Value:
        """The value, resolved through and through; None where it is not there."""
        if name not in self._values:
            return None
        resolved = self._told(name, lambda: self._resolver.resolve(self._values[name]))
        return resolved if isinstance(resolved, (str, bool, int, float, list, dict)) else None

    def text(self, name: str, default: str | None = None) -> str:
        """A text. TemplateError where it is missing and has no default."""
        if name not in self:
            if default is None:
                raise self.refuse(f"{name} is missing")
            return default
        return self._told(name, lambda: self._resolver.text(self._values[name]))

    def integer(self, name: str, default: int) -> int:
        text = self.text(name, str(default))
        try:
            return int(text)
        except ValueError:
            raise self.refuse(f"{name} must be a whole number, not {text!r}") from None

    def flag(self, name: str, *, default: bool) -> bool:
        text = self.text(name, "true" if default else "false").lower()
        if text not in {"true", "false"}:
            raise self.refuse(f"{name} must be true or false, not {text!r}")
        return text == "true"

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts (one alone will do); empty where it is not there."""
        value = self.value(name)
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        return tuple(self._told(name, partial(self._resolver.text, item)) for item in items)

    def section(self, name: str) -> Section:
        """The mapping of that name; an empty one where it is not there."""
        value = self._evaluated(name) if name in self._values else None
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.refuse(f"{name} must be a mapping")
        return Section(value, f"{self.place}.{name}", self._resolver)

    def sections(self, name: str) -> list[Section]:
        """The list of mappings of that name; empty where it is not there."""
        value = self._evaluated(name) if name in self._values else None
        if value is None:
            value = []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.refuse(f"{name} must be a list of mappings")
        return [
            Section(item, f"{self.place}.{name}[{index}]", self._resolver)
            for index, item in enumerate(value)
            if isinstance(item, dict)
        ]

    def over(self, defaults: Section) -> Section:
        """The section over `defaults`, as SAM merges Globals: mapping by mapping, lists one after the other."""
        return Section(_merged(defaults._values, self._values), self.place, self._resolver)

    def _evaluated(self, name: str) -> Value:
        found = self._told(name, lambda: self._resolver.evaluate(self._values[name]))
        return found if isinstance(found, (str, bool, int, float, list, dict)) else None

    def _told(self, name: str, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except TemplateError as error:
            raise self.refuse(f"{name}: {error}") from error


def _merged(under: dict[str, Value], over: dict[str, Value]) -> dict[str, Value]:
    result = dict(under)
    for name, value in over.items():
        below = result.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            result[name] = _merged(below, value)
        elif isinstance(below, list) and isinstance(value, list):
            result[name] = [*below, *value]
        else:
            result[name] = value
    return result
