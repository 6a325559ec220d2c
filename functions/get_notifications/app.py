"""GET /api/billing/notifications: whom the account tells of what."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.notifications.preferences.get(request.account_id))
