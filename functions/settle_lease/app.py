"""POST /api/billing/usage/leases/{lease_id}/settle: give back what of a lease was not used."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.usage.models import LeaseName, SettleRequest


@endpoint
def handler(request: Request) -> Response:
    lease_id = request.in_path(LeaseName).lease_id
    return Response(request.runtime.usage.leases.settle(lease_id, request.json(SettleRequest)))
