"""GET /api/balance/budgets/{label}/{value}: what one budget stands at."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.requests import BudgetName


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.wallet.budgets.get(request.account_id, request.in_path(BudgetName)))
