"""GET /api/billing/openapi.json: what this API takes and answers, for anyone to cache."""

import json
from importlib import resources

import aerostack_billing
from aerostack_billing.entry.http import Request, Response, endpoint

_CACHED = {"cache-control": "public, max-age=300"}
_DOCUMENT = json.loads(resources.files(aerostack_billing).joinpath("openapi.json").read_bytes())


@endpoint
def handler(_request: Request) -> Response:
    return Response(_DOCUMENT, headers=_CACHED)
