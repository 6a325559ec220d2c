"""POST /api/billing/notifications/deliveries/{delivery_id}/resend: send a delivery once more."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.notifications.deliveries import DeliveryName


@endpoint
def handler(request: Request) -> Response:
    name = request.in_path(DeliveryName)
    return Response(request.runtime.notifications.deliveries.resend(request.account_id, name.delivery_id))
