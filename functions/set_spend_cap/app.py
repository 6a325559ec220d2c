"""PUT /api/balance/spend-cap: how much may be spent in a month; null for no cap."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.models import view_wallet
from aerostack_billing.wallet.requests import SpendCapRequest


@endpoint
def handler(request: Request) -> Response:
    return Response(
        view_wallet(request.runtime.wallet.statement.cap(request.account_id, request.json(SpendCapRequest)))
    )
