"""Events in payload format 2.0, as an HTTP API and a function URL make them."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote

from local.gateway.authorizer import Grant
from local.gateway.messages import HttpRequest
from local.gateway.routing import Match
from local.template.loader import Value
from local.values import ACCOUNT_ID, REGION

Event = dict[str, Value]

# All that API Gateway takes for text; everything else it hands on base64-encoded, forms and untyped bodies too.
_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})


def api_event(request: HttpRequest, match: Match, grant: Grant | None, unix: float) -> Event:
    """What an HTTP API sends to the function of the route. `grant` is what the authorizer found, if it was asked."""
    api_id = match.route.api.lower()
    authorizer: Event = {} if grant is None else {"authorizer": {"jwt": _jwt(grant)}}
    event = _event(
        request,
        route_key=match.route.key,
        path=unquote(request.path),
        context={
            "accountId": ACCOUNT_ID,
            "apiId": api_id,
            **authorizer,
            **_domain(api_id, "execute-api", "amazonaws.com"),
        },
        unix=unix,
    )
    if match.path_parameters:
        event["pathParameters"] = dict(match.path_parameters)
    return event


def url_event(request: HttpRequest, function: str, path: str, unix: float) -> Event:
    """What a function URL sends. `path` is what follows the URL's host, percent-encoded."""
    url_id = function.lower()
    return _event(
        request,
        route_key="$default",
        path=path or "/",
        context={"accountId": "anonymous", "apiId": url_id, **_domain(url_id, "lambda-url", "on.aws")},
        unix=unix,
    )


def request_id(event: Event) -> str:
    """The id that the caller is told, too."""
    context = event["requestContext"]
    return str(context["requestId"]) if isinstance(context, dict) else ""


def schedule_event(schedule: str, unix: float) -> Event:
    """What EventBridge Scheduler sends where the template gives no Input."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT_ID,
        "time": datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/{schedule}"],
        "detail": "{}",
    }


def _event(request: HttpRequest, *, route_key: str, path: str, context: Event, unix: float) -> Event:
    headers = dict(request.joined_headers)
    headers.pop("cookie", None)
    headers["x-forwarded-for"] = request.source_ip
    headers["x-forwarded-port"] = str(request.port)
    headers["x-forwarded-proto"] = "http"
    event: Event = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": _values(headers),
        "requestContext": {
            **context,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": datetime.fromtimestamp(unix, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(unix * 1000),
        },
        "isBase64Encoded": False,
    }
    cookies = _cookies(request)
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _query(request.query)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers.get("content-type", ""))
    return event


def _domain(prefix: str, service: str, suffix: str) -> Event:
    return {"domainName": f"{prefix}.{service}.{REGION}.{suffix}", "domainPrefix": prefix}


def _cookies(request: HttpRequest) -> list[Value]:
    sent = (value for name, value in request.headers if name.lower() == "cookie")
    return [cookie.strip() for value in sent for cookie in value.split(";") if cookie.strip()]


def _query(query: str) -> Event:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return _values(joined)


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body and whether it is base64-encoded. What claims to be text and is not UTF-8 keeps its bytes that way."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _jwt(grant: Grant) -> Event:
    scopes: Value = None if grant.scopes is None else list(grant.scopes)
    return {"claims": _values(grant.claims), "scopes": scopes}


def _values(texts: Mapping[str, str]) -> Event:
    return dict(texts)
