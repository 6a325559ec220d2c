"""GET /api/operators/accounts/{account_id}/timeline: what happened to one account, for operators."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.timeline.models import AccountName
from aerostack_billing.timeline.service import Asked


@endpoint
def handler(request: Request) -> Response:
    account_id = request.in_path(AccountName).account_id
    asked = Asked(*(request.query(name) for name in ("limit", "cursor", "since", "correlation_id")))
    return Response(request.runtime.timeline.page(account_id, asked))
