"""POST /api/billing/usage/consume: count usage against the plan's limit."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.usage.models import ConsumeRequest


@endpoint
def handler(request: Request) -> Response:
    consumed = request.runtime.usage.metering.consume(request.json(ConsumeRequest))
    return replayable(consumed.body, replayed=consumed.replayed, headers=consumed.headers)
