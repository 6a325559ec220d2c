"""GET /api/creators/me: what a creator earned, what is payable, and what was paid."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.creators.statement.view(request.account_id))
