"""POST /api/billing/resume: take a pending cancellation or cheaper plan back."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.accounts.subscriptions.resume(request.throttled(request.account_id)).view())
