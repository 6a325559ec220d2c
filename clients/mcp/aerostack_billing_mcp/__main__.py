"""`aerostack-billing-mcp`: serve one account over standard input and output."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aerostack_billing_client import AsyncServiceClient, AsyncUserClient
from aerostack_billing_mcp.server import Page, make_server


def main() -> None:
    """Read the settings from the environment, and serve. What is missing is named, and nothing is served."""
    try:
        url, token, page = (os.environ[name] for name in ("BILLING_URL", "BILLING_TOKEN_FILE", "BILLING_PAGE"))
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set. Needed: BILLING_URL, BILLING_TOKEN_FILE, BILLING_PAGE.")
    # Read at each fetch, so that a token that is renewed in its file is taken.
    billing = AsyncUserClient(url, lambda: Path(token).read_text(encoding="utf-8"))
    operator = None
    file = os.environ.get("BILLING_OPERATOR_TOKEN_FILE")
    if file:
        operator = AsyncServiceClient(url, lambda: Path(file).read_text(encoding="utf-8"))
    make_server(billing, Page(page), operator).run("stdio")


if __name__ == "__main__":
    main()
