"""GET /api/billing/verify-session: back from Stripe's page, with what was bought there."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    account_id = request.throttled(request.acting_account_id)
    return Response(request.runtime.wallet.checkout_return.verify(account_id, request.query("session_id") or ""))
