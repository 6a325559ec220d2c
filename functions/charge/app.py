"""POST /api/balance/charges: take a price from a wallet, once; or quote it, with `?dry_run=true`."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import ChargeRequest


@endpoint
def handler(request: Request) -> Response:
    asked, charges = request.json(ChargeRequest), request.runtime.wallet.charges
    if request.flag("dry_run"):
        return Response(charges.quote(asked))
    done = charges.charge(asked)
    return replayable(done.body, replayed=done.replayed, status=201)
