"""POST /api/balance/charges: take a price from a wallet, once."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import ChargeRequest


@endpoint
def handler(request: Request) -> Response:
    done = request.runtime.wallet.charges.charge(request.json(ChargeRequest))
    return replayable(done.body, replayed=done.replayed, status=201)
