"""POST /api/balance/holds: set money aside for work that is priced when it ends."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import HoldRequest


@endpoint
def handler(request: Request) -> Response:
    done = request.runtime.wallet.holds.take(request.json(HoldRequest))
    return replayable(done.body, replayed=done.replayed, status=201)
