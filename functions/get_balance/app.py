"""GET /api/balance: what the account can spend, holds and owes."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.models import view_wallet


@endpoint
def handler(request: Request) -> Response:
    return Response(view_wallet(request.runtime.wallet.store.get(request.account_id)))
