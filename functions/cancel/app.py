"""POST /api/billing/cancel: end the subscription with its period."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    request.runtime.accounts.subscriptions.cancel(request.throttled(request.account_id))
    return Response({"success": True, "message": "Subscription will be canceled at end of billing period"})
