"""AWS as far as a stack is found by it: CloudFormation, Lambda and STS over HTTP, answering of one stack."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

STACK = "billing-prod"
FUNCTION = "billing-prod-ReconcileFunction-1a2b3c"
CALLER = "arn:aws:sts::123456789012:assumed-role/OnCall/ada"


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Amazon:
    """What it tells of the stack, and what it was asked."""

    environment: Mapping[str, str]
    webhook_url: str
    url: str = ""
    asked: list[str] = field(default_factory=list)

    @Request.application
    def __call__(self, request: Request) -> Response:
        action = request.form.get("Action", request.path)
        self.asked.append(action)
        if request.path == f"/2015-03-31/functions/{FUNCTION}/configuration":
            return Response(json.dumps({"Environment": {"Variables": dict(self.environment)}}), mimetype="text/json")
        if action == "GetCallerIdentity":
            return _xml(action, f"<Arn>{CALLER}</Arn><Account>123456789012</Account>")
        if request.form.get("StackName") != STACK:
            said = f"Stack '{escape(request.form.get('StackName', ''))}' does not exist"
            refused = f"<Code>ValidationError</Code><Message>{said}</Message>"
            return Response(f"<ErrorResponse><Error>{refused}</Error></ErrorResponse>", 400, mimetype="text/xml")
        if action == "DescribeStackResource":
            detail = f"<PhysicalResourceId>{FUNCTION}</PhysicalResourceId>"
            return _xml(action, f"<StackResourceDetail>{detail}</StackResourceDetail>")
        url = f"<OutputKey>WebhookUrl</OutputKey><OutputValue>{self.webhook_url}</OutputValue>"
        return _xml(
            action,
            f"<Stacks><member><StackName>{STACK}</StackName><Outputs><member>{url}</member></Outputs></member></Stacks>",
        )


def _xml(action: str, inner: str) -> Response:
    answer = f"<{action}Result>{inner}</{action}Result>"
    return Response(f"<{action}Response>{answer}</{action}Response>", mimetype="text/xml")


@contextmanager
def amazon(environment: Mapping[str, str], webhook_url: str) -> Iterator[Amazon]:
    """Serve inside the block."""
    made = Amazon(environment, webhook_url)
    server = make_server("127.0.0.1", 0, made, threaded=True, request_handler=_Quiet)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
