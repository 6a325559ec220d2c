"""GET /api/billing/payment-method: what the plan is charged to, and whether it ends soon."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.accounts.paperwork.payment_method(request.throttled(request.account_id)))
