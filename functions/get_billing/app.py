"""GET /api/billing: the account's plan."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.accounts.store.get(request.account_id).view())
