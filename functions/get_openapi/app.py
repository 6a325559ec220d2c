"""GET /api/billing/openapi.json: what this API takes and answers, for anyone to cache."""

import json
from importlib import resources

import aerostack_billing
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.entry.http import Request, Response, endpoint
from aerostack_billing.entry.public import published

_DOCUMENT: dict[str, object] = json.loads(resources.files(aerostack_billing).joinpath("openapi.json").read_bytes())


@endpoint
def handler(request: Request) -> Response:
    return published(request, _openapi)


def _openapi(_parts: Runtime) -> dict[str, object]:
    return _DOCUMENT
