"""GET /api/billing/usage: what the account has used this month, or in another, and in the months before."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    period, months = request.query("period"), request.query("months")
    return Response(request.runtime.usage.overview.view(request.account_id, period, months))
