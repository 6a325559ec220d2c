"""PUT /api/balance/auto-reload: when to reload, how much, and how much at most."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.models import view_reload
from aerostack_billing.wallet.requests import AutoReloadRequest


@endpoint
def handler(request: Request) -> Response:
    wallet = request.runtime.reload.settings.save(request.account_id, request.json(AutoReloadRequest))
    return Response(view_reload(wallet.reload))
