"""AWS inside this process: moto answers for most of it, one call at a time; EventBridge and SES are ours.

Everything that speaks AWS here is pointed at the stack's own door. A client in another process comes in by HTTP; a
boto3 client in this process takes a short cut that hands its request over before it is signed. Either way it is one
state behind one lock: moto is not thread-safe, and lets conditional writes through side by side.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.endpoint import convert_to_response_dict
from botocore.handlers import BUILTIN_HANDLERS
from botocore.model import OperationModel, Shape
from botocore.parsers import ResponseParserFactory
from botocore.signers import RequestSigner
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

from local.aws.bus import EventSink
from local.aws.lean import http_response, lean, plain_answer
from local.gateway.messages import HttpRequest, HttpResponse, json_response
from local.mail.ses import LocalSes

_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request")
_SERVICES = frozenset({"dynamodb", "secretsmanager", "sqs"})
_BINARY = re.compile(rb'"BS?"\s*:')
"""Bytes, which are written otherwise in JSON than moto keeps them."""
_PARSERS = ResponseParserFactory()


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
        handler = ("before-call", self._short_cut)
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
        headers = request.joined_headers
        signed = _SIGNED_FOR.search(headers.get("authorization", ""))
        if signed is None:
            return _not_served("an unsigned request")
        service, region = signed["service"], signed["region"]
        return self._dispatch(service, region, request.method, below, headers, request.body)

    def _short_cut(
        self, model: OperationModel, params: dict[str, Any], request_signer: RequestSigner, **_: object
    ) -> tuple[AWSResponse, dict[str, Any]] | None:
        """What botocore would have of the wire. Nothing is signed or sent, and nothing repeated: no answer is lost."""
        url: str = params["url"]
        if not url.startswith(self.url):
            return None
        headers = {name.lower(): _text(value) for name, value in params["headers"].items()}
        body = params["body"] if isinstance(params["body"], bytes) else str(params["body"] or "").encode()
        service, region = request_signer.signing_name, request_signer.region_name
        below = url.removeprefix(self.url)
        if service == "dynamodb" and not _BINARY.search(body):
            with self._lock:
                found = plain_answer(region, headers, json.loads(body))
        else:
            found = self._dispatch(service, region, params["method"], below, headers, body)
        answer = AWSResponse(url, found.status, _carried(dict(found.headers)), MockRawResponse(found.body))
        return answer, _parsed(answer, model)

    def _dispatch(
        self, service: str, region: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        if service == "events":
            return self._events.answer(headers.get("x-amz-target", ""), body)
        if service == "ses":
            return self._ses.answer(method, path, body)
        if service not in _SERVICES:
            return _not_served(service)
        request = AWSPreparedRequest(
            method=method,
            url=f"https://{service}.{region}.amazonaws.com/",
            headers=_carried(headers),
            body=body,
            stream_output=False,
        )
        with self._lock:
            answer = botocore_stubber.process_request(request)
        assert answer is not None, "moto serves all three services"
        return http_response(*answer)


def _not_served(what: str) -> HttpResponse:
    return json_response(501, {"__type": "NotImplemented", "message": f"{what} is not served locally"})


def _parsed(answer: AWSResponse, model: OperationModel) -> dict[str, Any]:
    """An answer as botocore parses it, with the fields that its error is modeled with."""
    parser = _PARSERS.create_parser(model.service_model.resolved_protocol)
    on_the_wire = convert_to_response_dict(answer, model)
    # An operation that answers nothing has no shape, which the parser takes and its stub does not.
    parsed: dict[str, Any] = parser.parse(on_the_wire, cast("Shape", model.output_shape))
    code = parsed.get("Error", {}).get("Code") if answer.status_code >= 300 else None
    shape = model.service_model.shape_for_error_code(code) if code is not None else None
    if shape is not None:
        parsed.update(parser.parse(on_the_wire, shape))
    return parsed


def _carried(headers: Mapping[str, str]) -> HTTPHeaders:
    carried = HTTPHeaders()
    for name, value in headers.items():
        carried[name] = value
    return carried


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
