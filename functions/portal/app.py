"""GET /api/billing/portal: Stripe's pages for cards, invoices and the subscription."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return_url = request.query("return_url")
    if return_url is None:
        return_url = request.runtime.settings.dashboard_url
    account_id = request.throttled(request.acting_account_id)
    return Response({"url": request.runtime.accounts.subscriptions.portal(account_id, return_url)})
