"""PUT /api/billing/resources/{kind}/{id}: take a place for a resource."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.usage.models import ClaimRequest, PlaceName


@endpoint
def handler(request: Request) -> Response:
    account_id = request.json(ClaimRequest).account_id
    return Response(request.runtime.usage.resources.claim(account_id, request.in_path(PlaceName)))
