"""DELETE /api/creators/tools/{tool_id}: sell a tool no more."""

from aerostack_billing.creators.tools import ToolName
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.creators.tools.delete(request.account_id, request.in_path(ToolName).tool_id))
