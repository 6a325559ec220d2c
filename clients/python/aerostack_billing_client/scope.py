"""One account's view of a client: what every call would say again is said once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from aerostack_billing_client.service_calls import Labels

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")


class Scope(Generic[C]):
    """An account of a client, with the labels of what is charged to it."""

    def __init__(self, client: C, account_id: str, labels: Labels | None = None) -> None:
        self.client = client
        self.account_id = account_id
        self.labels = dict(labels or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client!r}, {self.account_id!r})"


def scoped(method: Callable[Concatenate[Any, str, P], T]) -> Callable[Concatenate[Scope[Any], P], T]:
    """A client's method without its account, which the scope says, and with the scope's labels beside its own.

    A capture has those of its hold already.
    """
    signature = inspect.signature(method)
    labelled = "labels" in signature.parameters and "hold_id" not in signature.parameters

    def within(self: Scope[Any], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if labelled and self.labels:
            own = kwargs.get("labels")
            kwargs["labels"] = {**self.labels, **(own if isinstance(own, Mapping) else {})}
        return method(self.client, self.account_id, *args, **kwargs)

    functools.update_wrapper(within, method)
    itself, _, *others = signature.parameters.values()
    within.__signature__ = signature.replace(parameters=[itself, *others])  # type: ignore[attr-defined]
    return within
