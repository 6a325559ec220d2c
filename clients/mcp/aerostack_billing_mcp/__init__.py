"""An MCP server by which an agent sees what it may use and spend, and asks its person for more."""
