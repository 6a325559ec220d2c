"""POST /api/balance/holds/{hold_id}/capture: charge the work's price and free the rest."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import CaptureRequest, HoldName


@endpoint
def handler(request: Request) -> Response:
    done = request.runtime.wallet.holds.capture(request.in_path(HoldName).hold_id, request.json(CaptureRequest))
    return replayable(done.body, replayed=done.replayed)
