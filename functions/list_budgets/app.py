"""GET /api/balance/budgets: what may be spent under which label, and what is."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    budgets = request.runtime.wallet.budgets
    return Response(budgets.list(request.account_id, request.query("label"), request.query("cursor")))
