"""One account's view of a client: what every call would say again is said once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")


class Scope(Generic[C]):
    """An account of a client."""

    def __init__(self, client: C, account_id: str) -> None:
        self.client = client
        self.account_id = account_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client!r}, {self.account_id!r})"


def scoped(method: Callable[Concatenate[Any, str, P], T]) -> Callable[Concatenate[Scope[Any], P], T]:
    """A client's method without its account, which the scope says."""

    def within(self: Scope[Any], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return method(self.client, self.account_id, *args, **kwargs)

    functools.update_wrapper(within, method)
    signature = inspect.signature(method)
    itself, _, *others = signature.parameters.values()
    within.__signature__ = signature.replace(parameters=[itself, *others])  # type: ignore[attr-defined]
    return within
