"""The clients for asyncio, over `httpx2` or `httpx`, whichever is installed: the extra `async`."""
