"""Small apps of a test's own: a template, handlers in a temporary folder, a Stripe that only keeps time."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local.clock import StackClock
from local.template import ServerlessApp, load_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ISSUER = "https://issuer.test"
AUDIENCE = "test-audience"

HEAD = f"""\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {{Runtime: python3.13, Handler: app.handler, Timeout: 5}}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Jwt
        Authorizers:
          Jwt:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {{issuer: "{ISSUER}", audience: ["{AUDIENCE}"]}}
      CorsConfiguration:
        AllowOrigins: ["https://app.test"]
        AllowMethods: [GET, POST]
        AllowHeaders: [authorization]
        ExposeHeaders: [x-told]
        MaxAge: 60
"""


def function(name: str, code: str, events: str = "", more: str = "") -> str:
    """A function's resource, to be added to HEAD. `events` and `more` are YAML at the properties' level."""
    properties = f"CodeUri: {code}/\n{more}"
    if events:
        properties += "\nEvents:\n" + textwrap.indent(textwrap.dedent(events).strip(), "  ")
    return (
        f"  {name}:\n    Type: AWS::Serverless::Function\n    Properties:\n"
        + textwrap.indent(properties, " " * 6)
        + "\n"
    )


def route(method: str, path: str, auth: str = "") -> str:
    """An HttpApi event."""
    name = "".join(letter for letter in f"{method}{path}" if letter.isalnum())
    return f'{name}: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: {method}, Path: "{path}"{auth}}}}}\n'


PUBLIC = ", Auth: {Authorizer: NONE}"


def write(folder: Path, template: str, handlers: dict[str, str] | None = None) -> Path:
    """Write an app into the folder; returns the template's path. `handlers` maps a code folder to its app.py."""
    for code, source in (handlers or {}).items():
        (folder / code).mkdir(parents=True, exist_ok=True)
        (folder / code / "app.py").write_text(textwrap.dedent(source))
    path = folder / "template.yaml"
    path.write_text(template)
    return path


def load(folder: Path, template: str, **parameters: str) -> ServerlessApp:
    """The app of a template's text."""
    return load_app(write(folder, textwrap.dedent(template)), parameters)


@dataclass
class IdleStripe:
    """A Stripe with nothing of its own to do, but at the moments it is given; keeps what happened when."""

    clock: StackClock
    due: list[float] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/hang-up":
            raise ConnectionAbortedError
        if environ["PATH_INFO"] == "/break":
            raise ValueError("the secret is 42")
        start_response("200 OK", [("content-type", "text/plain")])
        return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']} ".encode(), environ["wsgi.input"].read()]

    def next_due(self) -> float | None:
        return min(self.due, default=None)

    def run_due(self) -> None:
        now = self.clock.unix()
        for moment in sorted(self.due):
            if moment <= now:
                self.due.remove(moment)
                self.happened.append(f"stripe {moment:.0f}")

    def deliver(self) -> None:
        """Nothing is ever queued."""

    def start(self) -> None:
        """Nothing is sent in the background."""

    def stop(self) -> None:
        """Nothing is running."""


def idle_stripe(
    *, clock: StackClock, base_url: str, webhook_url: str, webhook_secret: str, snapshot: Path | None
) -> IdleStripe:
    """An IdleStripe, made as the stack makes its Stripe."""
    return IdleStripe(clock)


def standing_clock(at: float) -> tuple[StackClock, Callable[[], float]]:
    """A clock for which no real time passes."""
    return StackClock(source=lambda: at), lambda: at
