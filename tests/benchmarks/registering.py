"""The list of operations, and how one is put on it."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.budgets import Act, Budget, Operation
from tests.benchmarks.place import Place

OPERATIONS: list[Operation] = []


def operation(name: str, function: str, budget: Budget) -> Callable[[Callable[[Place], Act]], Callable[[Place], Act]]:
    def noted(prepare: Callable[[Place], Act]) -> Callable[[Place], Act]:
        OPERATIONS.append(Operation(name, function, budget, prepare))
        return prepare

    return noted
