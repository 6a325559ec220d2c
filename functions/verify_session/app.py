"""GET /api/billing/verify-session: back from Stripe's page, with what was bought there."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    session_id = request.query("session_id") or ""
    return Response(request.runtime.wallet.checkout_return.verify(request.acting_account_id, session_id))
