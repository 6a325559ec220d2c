"""POST /api/balance/deposit: the page on which a deposit is paid."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import DepositRequest


@endpoint
def handler(request: Request) -> Response:
    page = request.runtime.wallet.deposits.open(request.account_id, request.json(DepositRequest))
    return replayable({"url": page.url}, replayed=page.replayed)
