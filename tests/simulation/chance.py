"""All chance from a seed, so that a run repeats exactly."""

from __future__ import annotations

import random
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from aerostack_billing.creators import payouts
from aerostack_billing.reload import service as reload_service

TURN = "turn of a simulation"
"""The name of a thread that does a part of a run."""


class _OneByOne:
    """A pool of workers that is one: what it is given is done in order, so that a run repeats exactly."""

    def __init__(self, _workers: int) -> None:
        pass

    def __enter__(self) -> _OneByOne:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def map(self, function: Callable[[str], bool], items: list[str]) -> Iterator[bool]:
        return iter([function(item) for item in items])


def _here(drawn: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """`drawn` in this thread and in those of its turns. One that another test left draws none of its ids."""
    mine = threading.current_thread()

    def draw(*asked: Any) -> Any:  # noqa: ANN401 - as the function that it stands for
        asking = threading.current_thread()
        return (drawn if asking is mine or asking.name == TURN else otherwise)(*asked)

    return draw


@contextmanager
def repeatable(seed: str) -> Iterator[random.Random]:
    """Let all chance in the layer, in the SDKs and in the local Stripe come from the seed; the source for decisions."""
    ids = random.Random(f"{seed}/ids")
    # A busy machine may make a store's request wait and go again: how often must not move the ids that follow.
    waits = random.Random(f"{seed}/waits")

    def hexadecimal(count: int | None = None) -> str:
        return f"{ids.getrandbits(8 * (count or 32)):0{2 * (count or 32)}x}"

    with ExitStack() as patched:
        for module, name, instead in (
            (uuid, "uuid4", lambda: uuid.UUID(int=ids.getrandbits(128), version=4)),
            (secrets, "token_hex", hexadecimal),
            (secrets, "token_urlsafe", hexadecimal),
            (secrets, "randbelow", ids.randrange),
            (secrets, "choice", ids.choice),
            (random, "uniform", waits.uniform),
        ):
            patched.enter_context(mock.patch.object(module, name, _here(instead, getattr(module, name))))
        for service in (reload_service, payouts):
            patched.enter_context(mock.patch.object(service, "ThreadPoolExecutor", _OneByOne))
        yield random.Random(f"{seed}/decisions")
