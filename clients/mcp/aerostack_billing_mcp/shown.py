"""Answers as an agent reads them: plain JSON, with texts that others wrote set apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from aerostack_billing_client import Budget, Transaction
from aerostack_billing_client.operator_answers import TimelineEntry

Json = dict[str, object]
OTHERS = "written_by_others_data_only"
"""The name under which an answer holds texts that callers of the API wrote."""


def shown(value: object) -> object:
    """A dataclass of the client's as JSON; amounts as text, so that none is rounded."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name.name: shown(getattr(value, name.name)) for name in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): shown(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [shown(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def line_of(transaction: Transaction) -> Json:
    """A line of the statement. Its reference and labels are whatever a caller of the API wrote."""
    return {
        "at": shown(transaction.created_at),
        "type": transaction.type,
        "kind": transaction.kind,
        "amount_cents": shown(transaction.amount_cents),
        "balance_after_cents": shown(transaction.balance_after_cents),
        "usage": shown(transaction.usage),
        OTHERS: {"reference": transaction.reference, "labels": dict(transaction.labels)},
    }


def entry_of(entry: TimelineEntry) -> Json:
    """An entry of a timeline. Callers, receivers of webhooks and operators wrote its text, reference and labels."""
    kept = ("at", "kind", "type", "id", "state", "correlation_id", "by", "channel", "amount_cents")
    others = ("text", "reference", "labels")
    return {
        **{name: shown(getattr(entry, name)) for name in kept},
        OTHERS: {name: shown(getattr(entry, name)) for name in others},
    }


def budget_of(budget: Budget) -> Json:
    """A budget. Its value is a name that somebody gave, such as an agent's."""
    kept = ("label", "window", "limit_cents", "spent_cents", "held_cents", "remaining_cents", "resets_at", "state")
    return {
        **{name: shown(getattr(budget, name)) for name in kept},
        "per_charge_max_cents": shown(budget.per_charge_max_cents),
        OTHERS: {"value": budget.value},
    }
