"""Several processes at once, and yet the same each time: one runs at a time, and chance from the seed says which.

At every call that leaves the code the one that runs may be made to wait, and another goes on from where it waited. So
two sweeps meet in the middle of each other's work, at the very same calls whenever the seed is the same.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence

from tests.simulation.chance import TURN
from tests.simulation.faults import Call
from tests.simulation.wires import Calls


class Turns:
    """Lets acts take turns."""

    def __init__(self, calls: Calls, chance: random.Random) -> None:
        self._calls = calls
        self._chance = chance
        self._signals: dict[int, threading.Event] = {}
        self._waiting: list[int] = []
        self._done = threading.Event()
        self._own = threading.local()

    def run(self, acts: Sequence[Callable[[], None]]) -> list[BaseException | None]:
        """Run all of the acts to their ends, each in a thread; what each raised, in order."""
        raised: list[BaseException | None] = [None] * len(acts)
        threads = [
            threading.Thread(target=self._act, args=(number, act, raised), name=TURN, daemon=True)
            for number, act in enumerate(acts)
        ]
        self._signals = {number: threading.Event() for number in range(len(acts))}
        self._waiting = list(self._signals)
        self._calls.gate = self._gate
        try:
            for thread in threads:
                thread.start()
            self._next()
            self._done.wait()
            for thread in threads:
                thread.join()
        finally:
            self._calls.gate = None
        return raised

    def _act(self, number: int, act: Callable[[], None], raised: list[BaseException | None]) -> None:
        self._own.number = number
        self._wait(number)
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed to whoever asked for the acts
            raised[number] = error
        finally:
            self._next()

    def _gate(self, _call: Call) -> None:
        number: int = self._own.number
        self._waiting.append(number)
        self._next()
        self._wait(number)

    def _next(self) -> None:
        if self._waiting:
            chosen = self._waiting.pop(self._chance.randrange(len(self._waiting)))
            self._signals[chosen].set()
        else:
            self._done.set()

    def _wait(self, number: int) -> None:
        self._signals[number].wait()
        self._signals[number].clear()
