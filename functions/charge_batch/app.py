"""POST /api/balance/charges/batch: take many charges at once, each answered as it would have been alone."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.requests import ChargesRequest


@endpoint
def handler(request: Request) -> Response:
    results = request.runtime.wallet.batch.run(request.json(ChargesRequest).charges)
    return Response({"results": [result.view() for result in results]})
