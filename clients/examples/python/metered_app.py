"""A FastAPI app: requests are counted by leases, and one route takes money."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from fastapi import FastAPI
from starlette.testclient import TestClient

from aerostack_billing_client import AsyncServiceClient
from aerostack_billing_client.wrap.asgi import MeteredRequests


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Billing lives as long as the app; closing the meter gives unused quota back."""
    billing = AsyncServiceClient(os.environ["BILLING_URL"], os.environ["SERVICE_TOKEN"])
    async with billing, billing.meter() as meter:
        app.state.billing, app.state.meter = billing, meter
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(
    MeteredRequests,
    meter=lambda: app.state.meter,
    account=lambda _: os.environ["ACCOUNT"],  # yours: from the request's scope, by its key or token
)


@app.get("/hello")
async def hello() -> dict[str, str]:
    """Costs one request of the plan."""
    return {"hello": "there"}


@app.post("/translate")
async def translate() -> dict[str, str]:
    """Costs money as well; a wallet that is short is answered 402 by the middleware."""
    await app.state.billing.charge(os.environ["ACCOUNT"], "agent_execution", Decimal("2.5"))
    return {"text": "bonjour"}


if __name__ == "__main__":
    with TestClient(app) as caller:
        print("GET /hello", caller.get("/hello").status_code)
        print("POST /translate", caller.post("/translate").status_code)
        short = caller.post("/translate")
        print("POST /translate", short.status_code, short.json()["error"]["code"])
