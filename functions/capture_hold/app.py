"""POST /api/balance/holds/{hold_id}/capture: charge the work's price, or those of its items, and free the rest."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import CaptureRequest, HoldName


@endpoint
def handler(request: Request) -> Response:
    hold_id, asked, wallet = request.in_path(HoldName).hold_id, request.json(CaptureRequest), request.runtime.wallet
    done = (wallet.holds if asked.items is None else wallet.allowances).capture(hold_id, asked)
    return replayable(done.body, replayed=done.replayed)
