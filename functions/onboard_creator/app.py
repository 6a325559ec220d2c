"""POST /api/creators/onboard: the page on which a creator completes a connected account."""

from aerostack_billing.creators.models import OnboardRequest
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    accounts = request.runtime.creators.accounts
    return Response({"url": accounts.onboard(request.account_id, request.json(OnboardRequest))})
