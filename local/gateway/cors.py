"""CORS as API Gateway carries it out by itself, before and after the function."""

from __future__ import annotations

from local.gateway.messages import Headers, HttpRequest, HttpResponse
from local.template import Cors


def is_preflight(request: HttpRequest) -> bool:
    """Whether a browser asks if it may send a request."""
    return request.method == "OPTIONS" and bool(request.header("origin"))


def preflight(cors: Cors, request: HttpRequest) -> HttpResponse:
    """The answer to a preflight request: 204, with the configured headers for an allowed origin."""
    allowed = _allowed_origin(cors, request)
    if allowed is None:
        return HttpResponse(204, (), b"")
    headers = [("access-control-allow-origin", allowed)]
    if cors.allow_methods:
        headers.append(("access-control-allow-methods", ",".join(cors.allow_methods)))
    if cors.allow_headers:
        headers.append(("access-control-allow-headers", ",".join(cors.allow_headers)))
    if cors.max_age_seconds is not None:
        headers.append(("access-control-max-age", str(cors.max_age_seconds)))
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return HttpResponse(204, tuple(headers), b"")


def with_cors(cors: Cors | None, request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response with the configured CORS headers; what the function said about CORS gives way to them."""
    if cors is None:
        return response
    kept = tuple(header for header in response.headers if not header[0].lower().startswith("access-control-"))
    return HttpResponse(response.status, (*kept, *_response_headers(cors, request)), response.body)


def _response_headers(cors: Cors, request: HttpRequest) -> Headers:
    allowed = _allowed_origin(cors, request) if request.header("origin") else None
    if allowed is None:
        return ()
    headers = [("access-control-allow-origin", allowed)]
    if cors.expose_headers:
        headers.append(("access-control-expose-headers", ",".join(cors.expose_headers)))
    if cors.allow_credentials:
        headers.append(("access-control-allow-credentials", "true"))
    return tuple(headers)


def _allowed_origin(cors: Cors, request: HttpRequest) -> str | None:
    origin = request.header("origin")
    if origin in cors.allow_origins or any(_under_wildcard(origin, allowed) for allowed in cors.allow_origins):
        return origin
    return "*" if "*" in cors.allow_origins else None


def _under_wildcard(origin: str, allowed: str) -> bool:
    """`https://*` and the like: any origin of that scheme."""
    return allowed.endswith("://*") and origin.startswith(allowed[:-1])
