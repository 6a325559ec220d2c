"""GET /api/billing/usage/forecast: what the month's usage and spending come to at this pace."""

from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    account_id, parts = request.account_id, request.runtime
    usage, spending = parts.usage.forecast.view(account_id), parts.wallet.spending_forecast.view(account_id)
    return Response({**usage, "spending": spending})
