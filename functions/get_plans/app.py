"""GET /api/billing/plans: the whole catalog, for anyone to cache."""

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.entry.public import published


@endpoint
def handler(request: Request) -> Response:
    return published(request, _plans)


def _plans(parts: Runtime) -> dict[str, object]:
    return {**parts.catalog.published(), "trial_days": parts.settings.trial_days}
