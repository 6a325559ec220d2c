"""AWS inside this process: moto answers for most of it, one call at a time; EventBridge and SES are ours.

Everything that speaks AWS here is pointed at the stack's own door. A client in another process comes in by HTTP; a
boto3 client in this process takes a short cut that hands its request over before it reaches a socket. Either way it
is one state behind one lock: moto is not thread-safe, and lets conditional writes through side by side.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.handlers import BUILTIN_HANDLERS
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

from local.aws.bus import EventSink
from local.aws.lean import lean
from local.gateway.messages import HttpRequest, HttpResponse, json_response
from local.mail.ses import LocalSes

_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request")
_SERVICES = frozenset({"dynamodb", "secretsmanager", "sqs"})


class AwsStandIn:
    """The door's URL, and what is behind it."""

    def __init__(self, url: str, events: EventSink, ses: LocalSes) -> None:
        self.url = url
        self._events = events
        self._ses = ses
        self._lock = threading.RLock()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Empty at first. Inside the block, clients of this process that are made for the door take the short cut."""
        BackendDict.reset()
        handler = ("before-send", self._short_cut)
        BUILTIN_HANDLERS.append(handler)
        try:
            with lean():
                yield
        finally:
            BUILTIN_HANDLERS.remove(handler)
            BackendDict.reset()

    def answer(self, request: HttpRequest) -> HttpResponse:
        """A call that came in by HTTP."""
        path = urlsplit(self.url).path
        below = request.path.removeprefix(path)
        status, headers, body = self._dispatch(request.method, below, request.joined_headers, request.body)
        return HttpResponse(status, tuple(headers.items()), body)

    def _short_cut(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        if not request.url.startswith(self.url):
            return None
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        status, answered, payload = self._dispatch(request.method, request.url.removeprefix(self.url), headers, body)
        return AWSResponse(request.url, status, _carried(answered), MockRawResponse(payload))

    def _dispatch(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        signed = _SIGNED_FOR.search(headers.get("authorization", ""))
        if signed is not None and signed["service"] == "events":
            found = self._events.answer(headers.get("x-amz-target", ""), body)
            return found.status, dict(found.headers), found.body
        if signed is not None and signed["service"] == "ses":
            found = self._ses.answer(method, path, body)
            return found.status, dict(found.headers), found.body
        if signed is None or signed["service"] not in _SERVICES:
            service = "an unsigned request" if signed is None else signed["service"]
            refusal = json_response(501, {"__type": "NotImplemented", "message": f"{service} is not served locally"})
            return refusal.status, dict(refusal.headers), refusal.body
        request = AWSPreparedRequest(
            method=method,
            url=f"https://{signed['service']}.{signed['region']}.amazonaws.com/",
            headers=_carried(headers),
            body=body,
            stream_output=False,
        )
        with self._lock:
            answer = botocore_stubber.process_request(request)
        assert answer is not None, "moto serves both services"
        status, answered, payload = answer
        texts = {str(name): str(value) for name, value in answered.items()}
        return status, texts, payload if isinstance(payload, bytes) else str(payload).encode()


def _carried(headers: Mapping[str, str]) -> HTTPHeaders:
    carried = HTTPHeaders()
    for name, value in headers.items():
        carried[name] = value
    return carried


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
