"""GET /api/billing/invoices: invoices and receipts, newest first, as Stripe has them."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    account_id = request.throttled(request.account_id)
    limit, cursor = request.query("limit"), request.query("cursor")
    return Response(request.runtime.accounts.paperwork.invoices(account_id, limit, cursor))
