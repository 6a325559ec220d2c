"""Who sent what a queue delivers, by the name that operators stop: one rule for every queue that services send to.

A message carries no token. SQS itself says who sent it, the id of an IAM principal, which a sender cannot choose. What
was put aside and is sent again comes from the function that put it aside; so the letter names its first sender, who is
stopped as well. That name can be made up, and only ever refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aerostack_billing.values.errors import CallerBlocked

Admit = Callable[[str], None]
"""Raises CallerBlocked for a caller whom an operator stopped; StoreUnavailable (503) while that is not known."""


@dataclass(frozen=True)
class Sender:
    """Who sent a message of `queue`, and who first did, where it was put aside and sent again; None: nobody is named.

    `principal` is as SQS tells it: for a role with its session.
    """

    queue: str
    principal: str | None = None
    first: str | None = None

    @property
    def caller(self) -> str:
        """The name; without the session, of which a role has many."""
        return self.queue if self.principal is None else f"{self.queue}:{self.principal.partition(':')[0]}"

    @property
    def origin(self) -> str:
        """Who asked for what is in it, as far as is known: what a letter that is made of it names."""
        return self.first or self.caller


def stopped(senders: Iterable[Sender], admit: Admit) -> dict[Sender, CallerBlocked]:
    """The senders of whose messages nothing may be done, and why. StoreUnavailable (503) while that is not known."""
    found: dict[Sender, CallerBlocked] = {}
    for sender in dict.fromkeys(senders):
        try:
            for caller in dict.fromkeys((sender.caller, sender.origin)):
                admit(caller)
        except CallerBlocked as blocked:
            found[sender] = blocked
    return found
