"""The queue of Stripe's events: what was put there is delivered at least once, in any order, until it is deleted."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.webhooks.models import Outcome
from tests.simulation.faults import LETTERS, Answer, Call
from tests.simulation.wires import Calls

_REMEMBERED = 20
_EVENT = re.compile(r'"id":\s*"(evt_\w+)"')


class StripeQueue:
    """A client of SQS and what is behind it. Sending a message and deleting it are calls that may break."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.waiting: list[str] = []
        self.done: list[str] = []
        """The last ones that were deleted: SQS may deliver one of them once more."""

    def send_message(self, **params: Any) -> Answer:  # noqa: ANN401 - boto3's parameters
        body = params["MessageBody"]
        call = Call(LETTERS, "send_message", "stripe events", writes=True)
        # Its id, for the trace: the keys that Stripe's SDK makes up, which an event quotes, come from no seed.
        return self._calls.through(call, lambda: self.waiting.append(body), _EVENT.findall(body)[-1])

    def take(self, parts: Runtime, body: str) -> Outcome:
        """One delivery: the worker takes the message in, and Lambda deletes it, or fails to: then it comes again."""
        outcome = parts.webhooks.take_message(body)
        call = Call(LETTERS, "delete_message", "stripe events", writes=True)
        with suppress(BotoCoreError, ClientError):
            self._calls.through(call, lambda: self._delete(body))
        return outcome

    def some(self, chance: random.Random) -> list[str]:
        """Any of what waits, perhaps with something that was done with before."""
        waiting = chance.sample(self.waiting, min(len(self.waiting), chance.randint(1, 6)))
        return waiting + chance.sample(self.done, min(len(self.done), chance.choice((0, 0, 1))))

    def back_to(self, waiting: list[str]) -> None:
        """Hold these messages and know of no others."""
        self.waiting[:], self.done[:] = waiting, []

    def _delete(self, body: str) -> None:
        if body in self.waiting:
            self.waiting.remove(body)
            self.done = [*self.done, body][-_REMEMBERED:]
