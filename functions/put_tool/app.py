"""PUT /api/creators/tools/{tool_id}: publish a tool's name and price."""

from aerostack_billing.creators.tools import ToolName, ToolRequest
from aerostack_billing.entry.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    name, wanted = request.in_path(ToolName), request.json(ToolRequest)
    return Response(request.runtime.creators.tools.put(request.account_id, name.tool_id, wanted))
