"""What Stripe is answered: 2xx once the effect is stored, 400 to a forger or to no JSON, 500 to send it again."""

from __future__ import annotations

from aerostack_billing.entry.http import Request, Response
from aerostack_billing.payments import signature
from aerostack_billing.values.errors import BillingError, InvalidJson, InvalidSignature


class SendAgain(BillingError):
    """Nothing was recorded and the cause may pass: Stripe is to deliver the event once more."""

    status, code = 500, "SEND_AGAIN"


def received(request: Request) -> Response:
    """Process the delivery and answer it.

    What nobody can have signed is refused first: it loads no secret, no SDK and no room.
    """
    parts, payload, header = request.runtime, request.raw_body(), request.header("stripe-signature")
    signature.check_form(payload, header)
    secrets = parts.payments.secrets.stripe().webhook_secrets
    signature.verify(payload, header, secrets)
    try:
        outcome = parts.webhooks.service.receive(payload, header, secrets)
    except (InvalidJson, InvalidSignature):
        raise
    except BillingError as error:
        raise SendAgain("The event could not be processed now.", {"cause": error.code}) from error
    parts.log.info(
        "webhook", extra={"event_id": outcome.event_id, "event_type": outcome.event_type, "result": outcome.result}
    )
    return Response({"received": True, "result": outcome.result})
