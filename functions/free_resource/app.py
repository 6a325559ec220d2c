"""DELETE /api/billing/resources/{kind}/{id}: give a resource's place back."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.usage.models import PlaceName


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.usage.resources.free(request.named_account_id, request.in_path(PlaceName)))
