"""POST /api/balance/holds/{hold_id}/release: give the whole hold back."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import HoldName, ReleaseRequest


@endpoint
def handler(request: Request) -> Response:
    done = request.runtime.wallet.holds.release(request.in_path(HoldName).hold_id, request.json(ReleaseRequest))
    return replayable(done.body, replayed=done.replayed)
