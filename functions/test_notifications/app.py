"""POST /api/billing/notifications/test: send a test message."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.notifications.deliveries import TestRequest


@endpoint
def handler(request: Request) -> Response:
    wanted = request.json(TestRequest)
    return Response(request.runtime.notifications.deliveries.test(request.account_id, wanted), status=201)
