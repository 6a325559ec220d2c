"""POST /api/billing/usage/leases: take a block of quota, to use without asking."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.usage.models import LeaseRequest


@endpoint
def handler(request: Request) -> Response:
    taken = request.runtime.usage.leases.take(request.json(LeaseRequest))
    return replayable(taken.body, replayed=taken.replayed, status=201)
