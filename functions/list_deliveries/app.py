"""GET /api/billing/notifications/deliveries: what became of the account's notices."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    deliveries = request.runtime.notifications.deliveries
    return Response(deliveries.list(request.account_id, request.query("limit"), request.query("cursor")))
