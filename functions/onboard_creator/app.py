"""POST /api/creators/onboard: the page on which a creator completes a connected account."""

from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    accounts, account_id, asked = request.runtime.creators.accounts, request.account_id, request.json(OnboardRequest)
    return Response({"url": accounts.onboard(request.throttled(account_id), asked)})
