"""PUT /api/balance/budgets/{label}/{value}: set what may be spent under a label."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.requests import BudgetName, BudgetRequest


@endpoint
def handler(request: Request) -> Response:
    name, wanted = request.in_path(BudgetName), request.json(BudgetRequest)
    return Response(request.runtime.wallet.budgets.put(request.account_id, name, wanted))
