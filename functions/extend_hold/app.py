"""POST /api/balance/holds/{hold_id}/extend: let a hold end later, and hold more."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import ExtendRequest, HoldName


@endpoint
def handler(request: Request) -> Response:
    done = request.runtime.wallet.allowances.extend(request.in_path(HoldName).hold_id, request.json(ExtendRequest))
    return replayable(done.body, replayed=done.replayed)
