"""What Stripe is answered: 2xx once an event is safe, 400 to a forger or to no JSON, 500 to send it again.

An event is safe once its effect is stored, or, where there is a queue for events, once the queue has it. The same
piece takes it in either way, here or from the queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.http import Request, Response
from aerostack_billing.payments import signature
from aerostack_billing.values.errors import BillingError, InvalidJson, InvalidSignature

if TYPE_CHECKING:
    from aerostack_billing.webhooks.models import Outcome


class SendAgain(BillingError):
    """Nothing was recorded and the cause may pass: Stripe is to deliver the event once more."""

    status, code = 500, "SEND_AGAIN"


def received(request: Request) -> Response:
    """Take the delivery in, or put it on the queue, and answer it.

    What nobody can have signed is refused first: it loads no secret, no SDK and no room.
    """
    parts, payload, header = request.runtime, request.raw_body(), request.header("stripe-signature")
    signature.check_form(payload, header)
    secrets = parts.payments.signing.webhook_secrets()
    signature.verify(payload, header, secrets)
    try:
        queue = parts.webhooks.queue
        if queue is not None:
            from aerostack_billing.webhooks.deliveries import opened  # noqa: PLC0415

            queue.put(opened(payload, header, secrets))
            return Response({"received": True, "result": "queued"})
        outcome = parts.webhooks.service.receive(payload, header, secrets)
    except (InvalidJson, InvalidSignature):
        raise
    except BillingError as error:
        raise SendAgain("The event could not be processed now.", {"cause": error.code}) from error
    tell(parts, outcome)
    return Response({"received": True, "result": outcome.result})


def tell(parts: Runtime, outcome: Outcome) -> None:
    """Log what became of an event."""
    parts.log.info(
        "webhook", extra={"event_id": outcome.event_id, "event_type": outcome.event_type, "result": outcome.result}
    )
