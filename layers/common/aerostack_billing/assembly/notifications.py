"""Notifications: whom to tell of what, and how it is told."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

    from aerostack_billing.assembly.runtime import Runtime
    from aerostack_billing.notifications.deliveries import Deliveries
    from aerostack_billing.notifications.dispatch import Dispatch
    from aerostack_billing.notifications.hooks import WebhookSender
    from aerostack_billing.notifications.mail import Carrier
    from aerostack_billing.notifications.mail_events import MailEvents
    from aerostack_billing.notifications.mailing import MailSender
    from aerostack_billing.notifications.making import Making
    from aerostack_billing.notifications.models import Channel
    from aerostack_billing.notifications.outlook import LookAhead
    from aerostack_billing.notifications.outlook_store import OutlookStore
    from aerostack_billing.notifications.preferences import Preferences
    from aerostack_billing.notifications.ses import SesClient
    from aerostack_billing.notifications.store import NoticeStore, SettingsStore
    from aerostack_billing.notifications.targets import Targets


class NotificationParts:
    """Makes each part of the room when it is first used."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @property
    def _mail(self) -> bool:
        return self._runtime.settings.mail_from is not None

    @cached_property
    def settings(self) -> SettingsStore:
        from aerostack_billing.notifications.store import SettingsStore  # noqa: PLC0415

        runtime = self._runtime
        return SettingsStore(runtime.dynamo, runtime.settings.notifications_table)

    @cached_property
    def notices(self) -> NoticeStore:
        from aerostack_billing.notifications.store import NoticeStore  # noqa: PLC0415

        runtime = self._runtime
        return NoticeStore(runtime.dynamo, runtime.settings.notifications_table)

    @cached_property
    def targets(self) -> Targets:
        from aerostack_billing.notifications.targets import Targets  # noqa: PLC0415

        return Targets(loopback=self._runtime.settings.loopback_webhooks)

    @cached_property
    def preferences(self) -> Preferences:
        from aerostack_billing.notifications.preferences import Preferences  # noqa: PLC0415

        return Preferences(self.settings, self._runtime.wallet.store, self.targets, self.outlooks, mail=self._mail)

    @cached_property
    def outlooks(self) -> OutlookStore:
        from aerostack_billing.notifications.outlook_store import OutlookStore  # noqa: PLC0415

        runtime = self._runtime
        return OutlookStore(runtime.dynamo, runtime.settings.notifications_table, runtime.outbox.store)

    @cached_property
    def look_ahead(self) -> LookAhead:
        from aerostack_billing.notifications.outlook import LookAhead  # noqa: PLC0415

        runtime = self._runtime
        return LookAhead(self.outlooks, runtime.usage.forecast, runtime.accounts.paperwork)

    @cached_property
    def making(self) -> Making:
        from aerostack_billing.notifications.making import Making  # noqa: PLC0415

        return Making(self.settings, self.notices, self._runtime.telemetry, mail=self._mail)

    @cached_property
    def dispatch(self) -> Dispatch:
        from aerostack_billing.notifications.dispatch import Dispatch, Queues  # noqa: PLC0415

        runtime = self._runtime

        def url_of(channel: Channel) -> str:
            return runtime.settings.webhook_queue_url if channel == "webhook" else runtime.settings.mail_queue_url

        return Dispatch(self.notices, Queues(lambda: cast("SQSClient", runtime.patient_client("sqs")), url_of))

    @cached_property
    def webhook_sender(self) -> WebhookSender:
        from aerostack_billing.notifications.hooks import WebhookSender  # noqa: PLC0415

        return WebhookSender(self.notices, self.targets, self._runtime.telemetry)

    @cached_property
    def carrier(self) -> Carrier:
        from aerostack_billing.notifications.mail import NoMail  # noqa: PLC0415
        from aerostack_billing.notifications.ses import Ses  # noqa: PLC0415

        runtime = self._runtime
        sender = runtime.settings.mail_from
        if sender is None:
            return NoMail()
        return Ses(
            lambda: cast("SesClient", runtime.single_client("sesv2")), sender, runtime.settings.mail_configuration_set
        )

    @cached_property
    def mail_sender(self) -> MailSender:
        from aerostack_billing.notifications.composing import Composer  # noqa: PLC0415
        from aerostack_billing.notifications.mailing import MailSender  # noqa: PLC0415

        runtime = self._runtime
        compose = Composer(runtime.settings.dashboard_url).compose
        return MailSender(self.notices, compose, self.carrier, runtime.telemetry)

    @cached_property
    def mail_events(self) -> MailEvents:
        from aerostack_billing.notifications.mail_events import MailEvents  # noqa: PLC0415

        return MailEvents(self.preferences, self.notices, self._runtime.telemetry)

    @cached_property
    def deliveries(self) -> Deliveries:
        from aerostack_billing.notifications.deliveries import Deliveries  # noqa: PLC0415

        return Deliveries(self.settings, self.notices, mail=self._mail)
