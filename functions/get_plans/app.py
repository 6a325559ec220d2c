"""GET /api/billing/plans: the whole catalog, for anyone to cache."""

from aerostack_billing.entry.http import Request, Response, endpoint

_CACHED = {"cache-control": "public, max-age=300"}


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.catalog.published(), headers=_CACHED)
