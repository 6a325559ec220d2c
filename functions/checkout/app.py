"""POST /api/billing/checkout: the page on which a plan is bought or changed."""

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.entry.http import Request, Response, endpoint, replayable


@endpoint
def handler(request: Request) -> Response:
    account_id, asked = request.account_id, request.json(CheckoutRequest)
    page = request.runtime.accounts.checkout.open(request.throttled(account_id), asked)
    return replayable({"url": page.url}, replayed=page.replayed)
