"""Stripe's webhooks, on a function URL of their own."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.entry.stripe_events import received


@endpoint
def handler(request: Request) -> Response:
    return received(request)
