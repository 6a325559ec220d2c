"""A tool of a marketplace: its caller pays a price for each success, and its creator earns a share."""

import asyncio
import os

from mcp.client import Client
from mcp.server import MCPServer

from aerostack_billing_client import AsyncServiceClient
from aerostack_billing_client.wrap.mcp_tools import paid

billing = AsyncServiceClient(os.environ["BILLING_URL"], os.environ["SERVICE_TOKEN"])
server = MCPServer("marketplace")


@server.tool()
@paid(billing, 3, account=os.environ["ACCOUNT"], creator_id="acct_creator")  # served over HTTP, leave account out
async def summarize(text: str) -> str:
    """Summarize a text in three words."""
    return " ".join(text.split()[:3])


async def main() -> None:
    """Two calls: the wallet has money for one."""
    async with billing, Client(server) as agent:
        for _ in range(2):
            answer = await agent.call_tool("summarize", {"text": "Billing that agents understand by themselves"})
            print("refused:" if answer.is_error else "done:", answer.content[0].text)


asyncio.run(main())
