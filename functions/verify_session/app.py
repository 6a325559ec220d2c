"""GET /api/billing/verify-session: back from Stripe's page."""

from aerostack_billing.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    session_id = request.query("session_id") or ""
    return Response(request.runtime.subscriptions.verify_session(request.account_id, session_id).view())
