"""PUT /api/billing/notifications: set whom the account tells of what."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.notifications.models import NotificationsRequest


@endpoint
def handler(request: Request) -> Response:
    wanted = request.json(NotificationsRequest)
    return Response(request.runtime.notifications.preferences.put(request.account_id, wanted))
