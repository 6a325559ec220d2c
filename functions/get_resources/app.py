"""GET /api/billing/resources: what exists, and what of it is read-only."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.usage.resources.view(request.account_id))
