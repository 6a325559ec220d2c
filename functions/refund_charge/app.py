"""POST /api/balance/charges/{charge_id}/refund: give a charge's whole price back, once."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import ChargeName, RefundRequest


@endpoint
def handler(request: Request) -> Response:
    done = request.runtime.wallet.refunds.refund(request.in_path(ChargeName).charge_id, request.json(RefundRequest))
    return replayable(done.body, replayed=done.replayed)
