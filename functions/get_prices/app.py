"""GET /api/billing/prices: the price book, and the most that a charge of each kind may take, for anyone to cache."""

from aerostack_billing.entry.http import Request, Response, endpoint

_CACHED = {"cache-control": "public, max-age=300"}


@endpoint
def handler(request: Request) -> Response:
    prices = request.runtime.prices
    return Response(prices.book.published(prices.max_charge_cents), headers=_CACHED)
