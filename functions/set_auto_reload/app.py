"""PUT /api/balance/auto-reload: when to reload, how much, and how much at most."""

from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.wallet.models import view_reload
from aerostack_billing.wallet.requests import AutoReloadRequest


@endpoint
def handler(request: Request) -> Response:
    account_id, asked = request.account_id, request.json(AutoReloadRequest)
    wallet = request.runtime.reload.settings.save(request.throttled(account_id), asked)
    return Response(view_reload(wallet.reload))
