"""GET /api/tools/{tool_id}: what a tool costs, for whoever is signed in."""

from aerostack_billing.creators.tools import ToolName
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    return Response(request.runtime.creators.tools.get(request.in_path(ToolName).tool_id))
