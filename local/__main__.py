"""`python -m local run`, `token`, `invoke` and `audit`. Each option can also be given by its environment variable."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from local.client import NoStack, ask
from local.errors import LocalError
from local.paths import EVENTS, ROOT
from local.providers import PLAIN, SHAPES

if TYPE_CHECKING:
    from local.template.loader import Value


class UsageError(LocalError):
    """An option that cannot be taken."""


# A token must be quick to print: the running stack makes it, and what signs one, serves a stack or runs a function is
# imported by those commands alone.


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit status: 0, 1 if it failed, 2 if it was asked wrongly."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except LocalError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


def _run(options: argparse.Namespace) -> int:
    serve = importlib.import_module("local.serve").serve
    serve(port=_number("--port", options.port), store=options.store, demo=options.demo, raw_log=options.log == "json")
    return 0


def _token(options: argparse.Namespace) -> int:
    port = _number("--port", options.port)
    wanted: dict[str, Value] = {"account": options.account, "scopes": options.scopes}
    if options.expires_in:
        wanted["expires_in_seconds"] = _number("--expires-in", options.expires_in)
    wanted |= {"provider": options.provider, "claims": _claims(options.claims)}
    if options.provider not in SHAPES:
        raise UsageError(f"--provider (PROVIDER) must be one of {', '.join(sorted(SHAPES))}")
    if not options.account:
        raise UsageError("--account (ACCOUNT) must name an account")
    print(_token_of_running_stack(port, wanted) or importlib.import_module("local.tokens").mint_alone(wanted))
    return 0


def _token_of_running_stack(port: int, wanted: dict[str, Value]) -> str | None:
    """A token that the stack on the port signs; None where no stack runs. UsageError for what it refuses."""
    try:
        status, answer = ask(port, "token", wanted)
    except NoStack:
        return None
    if status != 200:
        error = answer.get("error")
        raise UsageError(str(error.get("message")) if isinstance(error, dict) else f"the stack answered {status}")
    return str(answer["token"])


def _invoke(options: argparse.Namespace) -> int:
    invoke = importlib.import_module("local.lambdas.invoke").invoke
    outcome = invoke(_number("--port", options.port), options.function, _event(options.event, options.function))
    print(json.dumps(outcome.value, indent=2))
    return 1 if outcome.failed else 0


def _audit(options: argparse.Namespace) -> int:
    audit = importlib.import_module("local.audit").audit
    found = audit(_number("--port", options.port), options.account)
    print(json.dumps(found, indent=2))
    return 1 if found["violations"] else 0


def _event(path: str, function: str) -> Value:
    file = ROOT / path if path else EVENTS / sample_name(function)
    try:
        event: Value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}; name the event with --event (EVENT)") from error
    except ValueError as error:
        raise UsageError(f"{file} is not JSON: {error}") from error
    return event


def sample_name(function: str) -> str:
    """The sample event of a function: `get-billing.json` for GetBillingFunction."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", function.removesuffix("Function")).lower() + ".json"


def _claims(text: str) -> dict[str, Value]:
    try:
        claims = json.loads(text)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise UsageError(f"--claims (CLAIMS) must be a JSON object, not {text!r}")
    return claims


def _number(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{option} must be a whole number, not {text!r}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="The stack on this machine.")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="serve the whole stack until it is interrupted")
    run.add_argument("--store", default=_variable("STORE", "moto"), choices=["moto", "dynamodb-local"])
    run.add_argument("--log", default=_variable("LOG", "lines"), choices=["lines", "json"], help="json: as on Lambda")
    run.add_argument("--no-demo", dest="demo", action="store_false", default=_variable("DEMO", "yes") != "no")
    run.set_defaults(command=_run)
    token = commands.add_parser("token", help="print a token that the running stack accepts")
    token.add_argument("--account", default=_variable("ACCOUNT", "acct_demo"))
    token.add_argument("--scopes", default=_variable("SCOPES", ""), help="separated by spaces")
    token.add_argument("--expires-in", default=_variable("EXPIRES_IN", ""), help="seconds; ten years if not given")
    token.add_argument("--provider", default=_variable("PROVIDER", PLAIN), help=f"one of {', '.join(sorted(SHAPES))}")
    token.add_argument("--claims", default=_variable("CLAIMS", "{}"), help="more claims, as a JSON object")
    token.set_defaults(command=_token)
    one = commands.add_parser("invoke", help="run one function by Lambda's runtime against the running stack")
    one.add_argument("--function", default=_variable("FUNCTION", "GetBillingFunction"))
    one.add_argument("--event", default=_variable("EVENT", ""), help="its sample in events/ if not given")
    one.set_defaults(command=_invoke)
    check = commands.add_parser("audit", help="hold the running stack's wallets against their ledger")
    check.add_argument("--account", default=_variable("ACCOUNT", ""), help="all of them if not given")
    check.set_defaults(command=_audit)
    for command in (run, token, one, check):
        command.add_argument("--port", default=_variable("PORT", "3000"))
    return parser


def _variable(name: str, default: str) -> str:
    return os.environ.get(name) or default


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
