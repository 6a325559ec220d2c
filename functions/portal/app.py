"""POST and GET /api/billing/portal: Stripe's pages for cards, invoices and the subscription."""

from aerostack_billing.accounts.models import PortalRequest
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    account_id = request.acting_account_id
    return_url = request.query("return_url") if request.is_get else request.json(PortalRequest).return_url
    if return_url is None:
        return_url = request.runtime.settings.dashboard_url
    return Response({"url": request.runtime.accounts.subscriptions.portal(request.throttled(account_id), return_url)})
