"""Which stack the tool works on, and how it reaches its tables, its secret and its clock.

Both kinds are found alike: by the environment that one of the stack's own functions is given. What a function reads
there, the tool reads there, so that no setting is kept in two places.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import boto3

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings
from billingctl.errors import NoTarget
from local.client import ask
from local.environment import FOREIGN_VARIABLES
from local.errors import LocalError
from local.lambdas.host import environment

KNOWS_ALL: Final = "ReconcileFunction"
"""The function whose environment is read: it is given every table, and Stripe."""


@dataclass(frozen=True)
class Target:
    """A stack. `recorded` is false where there are no tables yet that could keep the operator's log."""

    name: str
    who: str
    settings: Settings
    session: boto3.Session
    webhook_url: str | None = None
    recorded: bool = True
    stack: str | None = None
    """Its name on AWS; None for the local stack."""

    def runtime(self) -> Runtime:
        """The rooms, on this stack."""
        return Runtime(self.settings, self.session)


def os_user() -> str:
    """Who sits at the terminal, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@contextmanager
def local_target(port: int) -> Iterator[Target]:
    """The local stack on the port, with its clock in place of real time inside the block. NoTarget where none runs."""
    try:
        status, answer = ask(port, f"functions/{KNOWS_ALL}")
    except LocalError as error:
        raise NoTarget(f"{str(error).capitalize()}; --stack names one on AWS.") from error
    variables, unix = answer.get("environment"), answer.get("unix")
    if status != 200 or not isinstance(variables, Mapping) or not isinstance(unix, (int, float)):
        raise NoTarget(f"What answers on port {port} is not this project's local stack.")
    ahead = unix - time.time()
    given = {name: str(value) for name, value in variables.items()}
    with environment(given, without=FOREIGN_VARIABLES), clock.using(lambda: time.time() + ahead):
        yield Target(
            name=f"the local stack on port {port}",
            who=os_user(),
            settings=Settings(given),
            session=boto3.Session(),
            webhook_url=f"http://127.0.0.1:{port}/_local/url/StripeWebhookFunction",
        )
