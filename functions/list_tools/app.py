"""GET /api/creators/tools: the creator's own tools with their prices."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.creators.tools.list(request.account_id))
