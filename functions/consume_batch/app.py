"""POST /api/billing/usage/batch: count many events at once, each answered as it would have been alone."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.usage.models import BatchRequest


@endpoint
def handler(request: Request) -> Response:
    results = request.runtime.usage.batch.run(request.json(BatchRequest).events)
    return Response({"results": [result.view() for result in results]})
