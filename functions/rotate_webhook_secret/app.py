"""POST /api/billing/notifications/webhook/secret: a new secret for the account's webhooks."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.notifications.preferences.rotate(request.account_id), status=201)
