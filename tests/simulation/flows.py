"""The flows: how each is set up, what is done while one call breaks, and where it must end all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.world import World


@dataclass(frozen=True)
class Flow:
    """What is done, and where it ends. `act` is what may break; `end` asserts after production has gone on."""

    name: str
    prepare: Callable[[World], None]
    act: Callable[[World], None]
    end: Callable[[World], None]
    queued: bool = False
    """Whether the webhook puts Stripe's events on the queue, from which they are taken in."""


FLOWS: dict[str, Flow] = {}
Verb = Callable[[World], None]


def flow(name: str, prepare: Verb) -> Callable[[type], type]:
    """Note a class with `act` and `end` as a flow."""

    def noted(made: type) -> type:
        FLOWS[name] = Flow(name, prepare, made.act, made.end)  # type: ignore[attr-defined]
        return made

    return noted


def nothing(_world: World) -> None:
    """The account is new."""
