"""The whole stack, put together: one port, one clock, one state."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import boto3

from local.aws.bus import EventSink, matches
from local.aws.dynamodb_local import dynamodb_local
from local.aws.seed import create_secret, create_tables
from local.aws.standin import AwsStandIn
from local.clock import StackClock, is_new
from local.demo.accounts import PEOPLE
from local.demo.life import DAYS, moments
from local.demo.visitor import Visitor
from local.environment import FOREIGN_VARIABLES, local_variables, outside_environment
from local.gateway.app import FunctionUrls, HttpApi
from local.gateway.authorizer import Authorizer
from local.gateway.callers import PREFIX
from local.gateway.doors import Doors
from local.gateway.events import schedule_event
from local.gateway.messages import HttpRequest, HttpResponse, message
from local.gateway.pages import Site
from local.gateway.server import Server
from local.lambdas.host import FunctionError, LambdaHost, environment, shared_environment
from local.lambdas.layer import adopted
from local.lambdas.outside import OutsideFunction
from local.mail.doors import MailDoors
from local.mail.ses import LocalSes
from local.paths import KEY_FILE, STATE, TEMPLATE
from local.providers import PLAIN
from local.queues import Queues, clocked
from local.seam import Stripe, StripeFactory
from local.stripe import LocalStripe
from local.template import Schedule, ServerlessApp, load_app
from local.template.loader import Value
from local.template.rules import DEFAULT_BUS
from local.timeline import Timeline
from local.tokens import TEN_YEARS_SECONDS, SigningKey, authorizer_for, mint, signing_key
from local.values import PARAMETERS, REGION, STRIPE_SECRET, WEBHOOK_SECRET

MOTO = "moto"
DYNAMODB_LOCAL = "dynamodb-local"
STORES = (MOTO, DYNAMODB_LOCAL)

WEBHOOK_FUNCTION = "StripeWebhookFunction"
RELOAD_FUNCTION = "AutoReloadFunction"

_SECRETS = ("STRIPE_SECRET_ARN", "STRIPE_SIGNING_SECRET_ARN")
"""Variables that name a secret."""

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Config:
    """How to run a stack. Port 0 takes a free one. `keep` keeps data, Stripe and clock on disk where the store can.

    With `demo`, a stack that has kept nothing begins with the demo's accounts and their history.
    """

    template: Path = TEMPLATE
    state: Path = STATE
    store: str = MOTO
    port: int = 0
    keep: bool = False
    ticking: bool = True
    demo: bool = False
    stripe: StripeFactory = LocalStripe
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values of the template's parameters beside, or in place of, those of local/values.py."""


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    base_url: str
    port: int
    app: ServerlessApp
    clock: StackClock
    stripe: Stripe
    timeline: Timeline
    host: LambdaHost
    key: SigningKey
    queues: Queues

    @property
    def webhook_url(self) -> str:
        """Where Stripe's events go."""
        return webhook_url(self.base_url)

    def token(
        self,
        account: str,
        scopes: str = "",
        expires_in_seconds: int = TEN_YEARS_SECONDS,
        provider: str = PLAIN,
        claims: Mapping[str, object] | None = None,
    ) -> str:
        """A bearer token that this stack takes: a user's, or with scopes a service's."""
        return mint(
            self.key,
            authorizer_for(self.app, scopes),
            account=account,
            now=self.clock.unix(),
            scopes=scopes,
            expires_in_seconds=expires_in_seconds,
            provider=provider,
            claims=claims,
        )


def webhook_url(base_url: str) -> str:
    """The function URL that takes Stripe's webhooks."""
    return f"{base_url}{PREFIX}/url/{WEBHOOK_FUNCTION}"


@contextmanager
def running(config: Config) -> Iterator[Stack]:
    """Start everything, hand back the stack, and end everything after the block.

    TemplateError, DynamoDbLocalMissing or PortTaken where it cannot start;
    RuntimeError where this process runs a stack already: environment, clock and moto's state are the process's.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError("a stack runs in this process already: end it first")
    try:
        with _started(config) as stack:
            yield stack
    finally:
        _one_at_a_time.release()


@contextmanager
def _started(config: Config) -> Iterator[Stack]:
    parameters = {**PARAMETERS, **config.parameters}
    app = load_app(config.template, parameters)
    data = config.state / "data" if config.keep and config.store == DYNAMODB_LOCAL else None
    kept_clock = data / "clock.json" if data is not None else None
    has_past = config.demo and is_new(kept_clock)
    clock = StackClock(kept_clock, behind_seconds=DAYS * 86_400 if has_past else 0)
    with ExitStack() as parts:
        server = Server(config.port)
        parts.callback(server.server_close)
        base_url = f"http://127.0.0.1:{server.port}"
        events = EventSink(app.buses, clock.unix)
        ses = LocalSes(parameters["MailFrom"], parameters["MailConfigurationSet"], clock.unix)
        aws = AwsStandIn(f"{base_url}{PREFIX}/aws", events, ses)
        variables = parts.enter_context(_surroundings(config, app, aws, base_url, data))
        parts.enter_context(adopted(app.layers, clock.unix))
        host = LambdaHost(app)
        host.load()
        stripe = config.stripe(
            clock=clock,
            base_url=f"{base_url}{PREFIX}/stripe",
            webhook_url=webhook_url(base_url),
            webhook_secret=WEBHOOK_SECRET,
            snapshot=data / "stripe.json" if data is not None else None,
        )
        parts.enter_context(clocked(clock.unix))
        queues = Queues(app, boto3.client("sqs"), host.invoke)
        queues.create()
        events.matched = _by_rules(app, queues)
        ses.told = partial(events.matched, DEFAULT_BUS)
        timeline = Timeline(clock, stripe, app.schedules, _firing(host, clock), queues.poll)
        key = signing_key(config.state / KEY_FILE)
        stack = Stack(base_url, server.port, app, clock, stripe, timeline, host, key, queues)
        site = Site()
        api = HttpApi(app, host.invoke, Authorizer(key, clock.unix), clock.unix, site)
        doors = _doors(stack, aws, events, ses, variables, config)
        server.mounts[f"{PREFIX}/stripe"] = stripe.wsgi_app
        server.answer = _for_functions_only(doors)
        parts.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, args=(0.1,), name="gateway", daemon=True).start()
        if has_past:
            _live(stack, api)
        server.answer = _for_everybody(doors, api, site)
        stripe.start()
        parts.callback(stripe.stop)
        if config.ticking:
            timeline.start()
            parts.callback(timeline.stop)
        yield stack


@contextmanager
def _surroundings(
    config: Config, app: ServerlessApp, aws: AwsStandIn, base_url: str, data: Path | None
) -> Iterator[dict[str, str]]:
    """AWS and the process's environment, as a deployment would have made them; hands back the local variables."""
    with ExitStack() as parts:
        parts.enter_context(aws.installed())
        dynamodb_url = None
        if config.store == DYNAMODB_LOCAL:
            kept = data / "dynamodb" if data is not None else None
            dynamodb_url = parts.enter_context(dynamodb_local(config.state / "dynamodb", kept))
        variables = local_variables(base_url=base_url, dynamodb_url=dynamodb_url)
        parts.enter_context(environment({**shared_environment(app), **variables}, without=FOREIGN_VARIABLES))
        # A session made before knows neither this environment nor the short cut, and none made here may outlive them.
        boto3.setup_default_session(region_name=REGION)
        parts.callback(setattr, boto3, "DEFAULT_SESSION", None)
        _seed(app)
        yield variables


def _doors(
    stack: Stack, aws: AwsStandIn, events: EventSink, ses: LocalSes, variables: dict[str, str], config: Config
) -> Doors:
    outside = {
        logical_id: OutsideFunction(function, outside_environment(function, variables))
        for logical_id, function in stack.app.functions.items()
    }
    return Doors(
        clock=stack.clock,
        timeline=stack.timeline,
        invoke=stack.host.invoke,
        urls=FunctionUrls(stack.app, stack.host.invoke, stack.clock.unix),
        queues=stack.queues,
        aws=aws,
        events=events,
        mail=MailDoors(ses, stack.queues.poll),
        outside=outside,
        token=stack.token,
        people=PEOPLE if config.demo else (),
        store=config.store,
    )


def _for_everybody(doors: Doors, api: HttpApi, site: Site) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(f"{PREFIX}/"):
            return site.answer(request) or doors.answer(request)
        return api.answer(request)

    return answer


def _for_functions_only(doors: Doors) -> Callable[[HttpRequest], HttpResponse]:
    """What the functions, and Stripe's webhooks, need of the server before it is open to callers."""
    inner = (f"{PREFIX}/aws", f"{PREFIX}/url/")

    def answer(request: HttpRequest) -> HttpResponse:
        return doors.answer(request) if request.path.startswith(inner) else message(503, "Service Unavailable")

    return answer


def _live(stack: Stack, api: HttpApi) -> None:
    """Let the demo's accounts live up to now."""
    visitor = Visitor(api.answer, stack.token, stack.stripe, f"{PREFIX}/stripe", stack.port)
    end = datetime.now(UTC)

    def sweep() -> None:
        stack.host.invoke(RELOAD_FUNCTION, {})

    for moment in moments(visitor, end, sweep):
        stack.timeline.pass_until(moment.at.timestamp())
        moment.act()
        stack.stripe.deliver()
    stack.timeline.pass_until(time.time())


def _seed(app: ServerlessApp) -> None:
    # That these clients are made here, by one thread, also spares the functions boto3's race of many making the first.
    create_tables(boto3.client("dynamodb"), app.tables.values())
    client = boto3.client("secretsmanager")
    named = {arn for name in _SECRETS for f in app.functions.values() if (arn := f.environment.get(name))}
    for identifier in sorted(named):
        create_secret(client, identifier, STRIPE_SECRET)


def _by_rules(app: ServerlessApp, queues: Queues) -> Callable[[str, Mapping[str, Value]], None]:
    """Puts an event on the queues of the rules that it matches; who feeds on them takes it at the next poll."""

    def route(bus: str, event: Mapping[str, Value]) -> None:
        for rule in app.rules:
            if rule.bus == bus and matches(rule.pattern, event):
                for queue in rule.queues:
                    queues.put(queue, json.dumps(event))

    return route


def _firing(host: LambdaHost, clock: StackClock) -> Callable[[Schedule], None]:
    def fire(schedule: Schedule) -> None:
        given = schedule.payload
        event = schedule_event(schedule.name, clock.unix()) if given is None else json.loads(given)
        with suppress(FunctionError):
            host.invoke(schedule.function, event)

    return fire
