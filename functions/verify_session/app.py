"""POST and GET /api/billing/verify-session: back from Stripe's page, with what was bought there."""

from aerostack_billing.accounts.models import SessionRequest
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    account_id = request.acting_account_id
    session_id = (request.query("session_id") or "") if request.is_get else request.json(SessionRequest).session_id
    return Response(request.runtime.wallet.checkout_return.verify(request.throttled(account_id), session_id))
