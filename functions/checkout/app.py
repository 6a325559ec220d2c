"""POST /api/billing/checkout: the page on which a plan is bought or changed."""

from aerostack_billing.accounts.models import CheckoutRequest
from aerostack_billing.entry.http import Request, Response, endpoint, replayable


@endpoint
def handler(request: Request) -> Response:
    page = request.runtime.accounts.checkout.open(request.account_id, request.json(CheckoutRequest))
    return replayable({"url": page.url}, replayed=page.replayed)
