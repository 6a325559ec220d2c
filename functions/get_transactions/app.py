"""GET /api/balance/transactions: the lines that explain the balance, newest first."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    limit, cursor, kind = (request.query(name) for name in ("limit", "cursor", "type"))
    return Response(request.runtime.wallet.statement.transactions(request.account_id, limit, cursor, kind))
