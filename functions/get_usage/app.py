"""GET /api/billing/usage: what the account has used this month, or in another."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.usage.overview.view(request.account_id, request.query("period")))
