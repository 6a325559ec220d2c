"""GET /api/billing/prices: the price book, and the most that a charge of each kind may take, for anyone to cache."""

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.entry.public import published


@endpoint
def handler(request: Request) -> Response:
    return published(request, _prices)


def _prices(parts: Runtime) -> dict[str, object]:
    return parts.prices.book.published(parts.prices.max_charge_cents)
