"""DELETE /api/balance/budgets/{label}/{value}: take a budget away."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.requests import BudgetName


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.wallet.budgets.delete(request.account_id, request.in_path(BudgetName)))
