"""POST /api/balance/deposit: the page on which a deposit is paid."""

from aerostack_billing.entry.http import Request, Response, endpoint, replayable
from aerostack_billing.wallet.requests import DepositRequest


@endpoint
def handler(request: Request) -> Response:
    account_id, asked = request.account_id, request.json(DepositRequest)
    page = request.runtime.wallet.deposits.open(request.throttled(account_id), asked)
    return replayable({"url": page.url}, replayed=page.replayed)
