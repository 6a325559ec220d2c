"""One account's timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.timeline.service import Timeline


def timeline(runtime: Runtime) -> Timeline:
    """The timeline, on the stores of the rooms that it shows."""
    from aerostack_billing.creators.posting import partition  # noqa: PLC0415
    from aerostack_billing.timeline.service import Timeline  # noqa: PLC0415
    from aerostack_billing.timeline.sources import Notices, OperatorActs, StripeEvents, Transfers  # noqa: PLC0415

    ledger = runtime.ledger
    return Timeline(
        {
            "ledger": Transfers(ledger, "transfer", str),
            "earnings": Transfers(ledger, "earning", partition),
            "stripe": StripeEvents(runtime.webhooks.events),
            "notices": Notices(runtime.notifications.notices),
            "operators": OperatorActs(runtime.operator_log),
        }
    )
