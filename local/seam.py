"""What the stack asks of the local Stripe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from local.clock import StackClock


class Stripe(Protocol):
    """A Stripe on this machine: its HTTP side, and what it does by itself as time passes."""

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse, /) -> Iterable[bytes]:
        """Its API, pages and doors, mounted under /_local/stripe."""
        ...

    def next_due(self) -> float | None:
        """Unix time of the next thing it would do by itself; None if there is none."""
        ...

    def run_due(self) -> None:
        """Do all that is due by the stack's clock."""
        ...

    def deliver(self) -> None:
        """Send every queued webhook now; back when only failures remain."""
        ...

    def start(self) -> None:
        """Send webhooks in the background from now on."""
        ...

    def stop(self) -> None:
        """Stop sending, and keep what is to be kept."""
        ...


class StripeFactory(Protocol):
    """How the stack makes one."""

    def __call__(
        self, *, clock: StackClock, base_url: str, webhook_url: str, webhook_secret: str, snapshot: Path | None
    ) -> Stripe: ...
