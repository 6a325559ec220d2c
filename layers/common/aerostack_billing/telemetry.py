"""What goes to the log and the metrics. No token, key, card or email ever does; an account is never a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

if TYPE_CHECKING:
    from aerostack_billing.usage.models import Figures, Level
    from aerostack_billing.webhooks.models import Outcome


@dataclass(frozen=True)
class Telemetry:
    """Structured logs and EMF metrics; listens to what the rooms tell."""

    logger: Logger
    namespace: str

    def threshold_passed(self, account_id: str, level: Level, figures: Figures) -> None:
        """An account came near its limit, into grace, or to its hard limit."""
        self.logger.warning(
            "usage threshold passed",
            extra={"account_id": account_id, "threshold": level.name.lower(), **figures.view()},
        )
        self._count(f"Usage{level.name.capitalize()}")

    def webhook_dead(self, outcome: Outcome) -> None:
        """An event can never be processed: somebody must look."""
        self.logger.error("webhook dead", extra={"event_id": outcome.event_id, "event_type": outcome.event_type})
        self._count("WebhookDead")

    def _count(self, name: str) -> None:
        # Imported where it is used: most requests count nothing, and the module costs every cold start.
        from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415

        with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=self.namespace):
            pass
