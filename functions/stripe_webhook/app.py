"""Stripe's webhooks, on a function URL of their own."""

from aerostack_billing.http import Request, Response, endpoint
from aerostack_billing.webhooks.http import received


@endpoint
def handler(request: Request) -> Response:
    return received(request)
