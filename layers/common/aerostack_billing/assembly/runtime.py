"""The composition: one Runtime a process, one small assembly a room. A new part is one entry in its room's assembly.

Every part is made when it is first used, and its module is imported then: a function loads what it uses and no more.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

from aerostack_billing.assembly.telemetry import Telemetry
from aerostack_billing.platform.config import Settings

if TYPE_CHECKING:
    import boto3
    from aws_lambda_powertools import Logger
    from botocore.config import Config
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient

    from aerostack_billing.assembly.accounts import AccountParts
    from aerostack_billing.assembly.audit import AuditParts
    from aerostack_billing.assembly.creators import CreatorParts
    from aerostack_billing.assembly.notifications import NotificationParts
    from aerostack_billing.assembly.outbox import OutboxParts
    from aerostack_billing.assembly.payments import PaymentParts
    from aerostack_billing.assembly.prices import PriceParts
    from aerostack_billing.assembly.reload import ReloadParts
    from aerostack_billing.assembly.usage import UsageParts
    from aerostack_billing.assembly.wallet import WalletParts
    from aerostack_billing.assembly.webhooks import WebhookParts
    from aerostack_billing.idempotency.pages import Pages
    from aerostack_billing.idempotency.request_limit import RequestLimit
    from aerostack_billing.idempotency.store import IdempotencyStore
    from aerostack_billing.ledger.ledger import Ledger
    from aerostack_billing.operators.callers import BlockedCallers
    from aerostack_billing.operators.log import OperatorLog
    from aerostack_billing.plans.catalog import Catalog
    from aerostack_billing.platform.dead_letters import DeadLetters
    from aerostack_billing.platform.dynamo import Dynamo
    from aerostack_billing.timeline.service import Timeline
    from aerostack_billing.values.redirects import RedirectPolicy

_CONNECT_SECONDS = 1
_READ_SECONDS = 3
_SINGLE_READ_SECONDS = 10
_TRIES = 2
_making_a_logger = threading.Lock()
"""Powertools keeps loggers by name: one that is half made by another thread would be taken for whole."""


class Runtime:
    """The settings, the log, the tables and AWS's clients; beside them the assembly of each larger room.

    AWS is called through `session`, or as the process's environment says where none is given.
    """

    def __init__(self, settings: Settings, session: boto3.Session | None = None) -> None:
        self.settings = settings
        self.request_id: str | None = None
        self.aws_client: Callable[..., object] = session.client if session else _client_of_the_environment

    @cached_property
    def logger(self) -> Logger:
        from aws_lambda_powertools import Logger  # noqa: PLC0415

        with _making_a_logger:
            return Logger(service=self.settings.service_name, level=self.settings.log_level)

    @property
    def log(self) -> Logger:
        """The logger with the id of the request under way. The first line to log loads it: few requests log one."""
        self.logger.set_correlation_id(self.request_id)
        return self.logger

    @cached_property
    def telemetry(self) -> Telemetry:
        return Telemetry(lambda: self.log, self.settings.metrics_namespace, self.settings.service_name)

    @cached_property
    def dynamo(self) -> Dynamo:
        from botocore.config import Config  # noqa: PLC0415

        from aerostack_billing.platform.dynamo import CONNECT_SECONDS, READ_SECONDS, Dynamo  # noqa: PLC0415

        # The client's own retries are off: dynamo.py knows which calls may be repeated.
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
        )
        return Dynamo(cast("DynamoDBClient", self._bounded_client("dynamodb", config)))

    def patient_client(self, service: str) -> object:
        """A client of a service that is seldom called: it takes at most eight seconds, a second try included.

        botocore's own limits are a minute for each of five tries, and no function has that long.
        """
        from botocore.config import Config  # noqa: PLC0415

        retries: dict[str, object] = {"total_max_attempts": _TRIES}
        config = Config(connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, retries=retries)  # type: ignore[arg-type]
        return self._bounded_client(service, config)

    def letters(self, queue_url: str) -> DeadLetters:
        """What is put aside into a queue beside another one."""
        from aerostack_billing.platform.dead_letters import DeadLetters  # noqa: PLC0415

        return DeadLetters(lambda: cast("SQSClient", self.patient_client("sqs")), queue_url)

    def single_client(self, service: str) -> object:
        """A client of a service that a request must not reach twice: one try, eleven seconds at most."""
        from botocore.config import Config  # noqa: PLC0415

        retries: dict[str, object] = {"total_max_attempts": 1}
        config = Config(connect_timeout=_CONNECT_SECONDS, read_timeout=_SINGLE_READ_SECONDS, retries=retries)  # type: ignore[arg-type]
        return self._bounded_client(service, config)

    def _bounded_client(self, service: str, config: Config) -> object:
        from aerostack_billing.platform.whole_answers import bound_client  # noqa: PLC0415

        client = self.aws_client(service, config=config)
        bound_client(client)
        return client

    @cached_property
    def catalog(self) -> Catalog:
        from aerostack_billing.plans import catalog  # noqa: PLC0415

        return catalog.load()

    @cached_property
    def redirects(self) -> RedirectPolicy:
        from aerostack_billing.values.redirects import RedirectPolicy  # noqa: PLC0415

        return RedirectPolicy(self.settings.redirect_hosts, loopback=self.settings.loopback_redirects)

    @cached_property
    def idempotency(self) -> IdempotencyStore:
        from aerostack_billing.idempotency.store import IdempotencyStore  # noqa: PLC0415

        return IdempotencyStore(self.dynamo, self.settings.events_table)

    @cached_property
    def pages(self) -> Pages:
        from aerostack_billing.idempotency.pages import Pages  # noqa: PLC0415

        return Pages(self.idempotency)

    @cached_property
    def stripe_requests(self) -> RequestLimit:
        from aerostack_billing.idempotency.request_limit import RequestLimit  # noqa: PLC0415

        settings = self.settings
        return RequestLimit(self.dynamo, settings.events_table, settings.stripe_requests_per_minute)

    @cached_property
    def ledger(self) -> Ledger:
        from aerostack_billing.ledger.ledger import Ledger  # noqa: PLC0415

        return Ledger(self.dynamo, self.settings.ledger_table, self.telemetry)

    @cached_property
    def operator_log(self) -> OperatorLog:
        from aerostack_billing.operators.log import OperatorLog  # noqa: PLC0415

        return OperatorLog(self.dynamo, self.settings.ledger_table)

    @cached_property
    def callers(self) -> BlockedCallers:
        from aerostack_billing.operators.callers import BlockedCallers  # noqa: PLC0415

        return BlockedCallers(self.dynamo, self.settings.events_table)

    @cached_property
    def outbox(self) -> OutboxParts:
        from aerostack_billing.assembly.outbox import OutboxParts  # noqa: PLC0415

        return OutboxParts(self)

    @cached_property
    def notifications(self) -> NotificationParts:
        from aerostack_billing.assembly.notifications import NotificationParts  # noqa: PLC0415

        return NotificationParts(self)

    @cached_property
    def payments(self) -> PaymentParts:
        from aerostack_billing.assembly.payments import PaymentParts  # noqa: PLC0415

        return PaymentParts(self)

    @cached_property
    def accounts(self) -> AccountParts:
        from aerostack_billing.assembly.accounts import AccountParts  # noqa: PLC0415

        return AccountParts(self)

    @cached_property
    def prices(self) -> PriceParts:
        from aerostack_billing.assembly.prices import PriceParts  # noqa: PLC0415

        return PriceParts(self)

    @cached_property
    def usage(self) -> UsageParts:
        from aerostack_billing.assembly.usage import UsageParts  # noqa: PLC0415

        return UsageParts(self)

    @cached_property
    def wallet(self) -> WalletParts:
        from aerostack_billing.assembly.wallet import WalletParts  # noqa: PLC0415

        return WalletParts(self)

    @cached_property
    def reload(self) -> ReloadParts:
        from aerostack_billing.assembly.reload import ReloadParts  # noqa: PLC0415

        return ReloadParts(self)

    @cached_property
    def creators(self) -> CreatorParts:
        from aerostack_billing.assembly.creators import CreatorParts  # noqa: PLC0415

        return CreatorParts(self)

    @cached_property
    def webhooks(self) -> WebhookParts:
        from aerostack_billing.assembly.webhooks import WebhookParts  # noqa: PLC0415

        return WebhookParts(self)

    @cached_property
    def timeline(self) -> Timeline:
        from aerostack_billing.assembly.timeline import timeline  # noqa: PLC0415

        return timeline(self)

    @cached_property
    def audit(self) -> AuditParts:
        from aerostack_billing.assembly.audit import AuditParts  # noqa: PLC0415

        return AuditParts(self)


@functools.cache
def current() -> Runtime:
    """This process's Runtime. Tests and the local stack call `reset()` when they change the environment."""
    return Runtime(Settings(dict(os.environ)))


def reset() -> None:
    """Drop the process's Runtime: the next use reads the environment again."""
    current.cache_clear()


def _client_of_the_environment(service: str, config: Config | None = None) -> object:
    """A client of AWS as the environment says, from botocore itself: boto3 would add nothing but its import."""
    from botocore.session import get_session  # noqa: PLC0415

    return get_session().create_client(service, config=config)
