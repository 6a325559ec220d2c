"""POST /api/billing/preview: what a change of plan would cost and take away; nothing is changed."""

from aerostack_billing.accounts.models import PreviewRequest
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    account_id, asked = request.account_id, request.json(PreviewRequest)
    return Response(request.runtime.accounts.preview.show(request.throttled(account_id), asked))
