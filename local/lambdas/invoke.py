"""Runs one function in a process of its own, by Lambda's real runtime, against the running stack."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from queue import Empty

from local.client import ask
from local.errors import LocalError
from local.lambdas.runtime_api import Invocation, Outcome, runtime_api
from local.paths import ROOT
from local.stripe.webhooks import signature
from local.template.loader import Value
from local.values import ACCOUNT_ID, CLOCK_OFFSET_VARIABLE, REGION, WEBHOOK_SECRET

_HANDLER = "local.lambdas.entry.handler"
_STARTS_WITHIN_SECONDS = 10
"""Lambda's own limit for importing a function."""


class CannotInvoke(LocalError):
    """The function cannot be run; the message says why."""


@dataclass(frozen=True)
class _Running:
    """A function as the stack's door tells it."""

    logical_id: str
    timeout_seconds: int
    layers: tuple[str, ...]
    environment: dict[str, str]
    unix: float


def invoke(port: int, function: str, event: Value) -> Outcome:
    """Run the function with the event, against the stack on the port. Its log goes to stderr.

    NoStack where none runs; CannotInvoke for a function that is not there, or that ends without an outcome.
    """
    running = _ask_function(port, function)
    invocation = Invocation(
        event=resigned(event, running.unix),
        function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{running.logical_id}",
        timeout_seconds=running.timeout_seconds,
    )
    with runtime_api(invocation) as address:
        process = subprocess.Popen(  # noqa: S603 - this Python, with a module and an argument of our own
            [sys.executable, "-m", "awslambdaric", _HANDLER],
            env=_environment(running, address),
            cwd=running.environment["LAMBDA_TASK_ROOT"],
            stdout=sys.stderr.fileno(),
        )
        try:
            return _wait(process, invocation)
        finally:
            process.kill()
            process.wait()


def resigned(event: Value, unix: float) -> Value:
    """A sample of a Stripe webhook, signed at this moment with the local secret; any other event as it is.

    A stored signature would be too old for the tolerance.
    """
    headers = event.get("headers") if isinstance(event, dict) else None
    body = event.get("body") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(headers, dict) or not isinstance(body, str):
        return event
    name = next((name for name in headers if name.lower() == "stripe-signature"), None)
    if name is None:
        return event
    payload = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
    return {**event, "headers": {**headers, name: signature(WEBHOOK_SECRET, int(unix), payload)}}


def _wait(process: subprocess.Popen[bytes], invocation: Invocation) -> Outcome:
    end = time.monotonic() + _STARTS_WITHIN_SECONDS + invocation.timeout_seconds
    while time.monotonic() < end:
        ended = process.poll() is not None
        try:
            return invocation.outcome.get(timeout=0 if ended else 0.05)
        except Empty:
            if ended:
                raise CannotInvoke(f"the runtime ended with exit status {process.returncode}") from None
    raise CannotInvoke(f"the function did not answer within {invocation.timeout_seconds} seconds")


def _environment(running: _Running, address: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept,
        **running.environment,
        CLOCK_OFFSET_VARIABLE: repr(running.unix - time.time()),
        "AWS_LAMBDA_RUNTIME_API": address,
        "PYTHONPATH": os.pathsep.join([*running.layers, str(ROOT)]),
        "PYTHONUNBUFFERED": "1",
    }


def _ask_function(port: int, function: str) -> _Running:
    status, answer = ask(port, f"functions/{function}")
    if status != 200:
        error = answer.get("error")
        raise CannotInvoke(str(error.get("message")) if isinstance(error, dict) else f"the stack answered {status}")
    environment, layers, timeout, unix = (answer[name] for name in ("environment", "layers", "timeout_seconds", "unix"))
    assert isinstance(environment, dict)
    assert isinstance(layers, list)
    assert isinstance(timeout, int)
    assert isinstance(unix, (int, float))
    variables = {name: str(value) for name, value in environment.items()}
    return _Running(function, timeout, tuple(str(layer) for layer in layers), variables, float(unix))
