"""The Notifications table: an account's settings, and an item for each notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Final

from aerostack_billing.ledger.ledger import if_as_read, present
from aerostack_billing.notifications.models import Settings
from aerostack_billing.platform.dynamo import ConditionFailed, Dynamo, Item, Write
from aerostack_billing.platform.retry import attempts
from aerostack_billing.values.errors import StoreUnavailable
from aerostack_billing.values.fields import adapter

SETTINGS: Final = "settings"
_ATTEMPTS = 8


class SettingsStore:
    """Reads and conditional writes of settings."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def get(self, account_id: str) -> Settings:
        """The settings, consistently read; those of an account that never chose are empty, at version 0."""
        return read_settings(account_id, self._dynamo.get(self._table, key(account_id, SETTINGS)))

    def apply(self, account_id: str, rule: Callable[[Settings], Settings]) -> Settings:
        """Write what `rule` makes of the settings if they are still as it saw them, else ask it again.

        Nothing is written where it changes nothing. StoreUnavailable (503) where others write them all the time.
        """
        for _ in attempts(_ATTEMPTS):
            read = self.get(account_id)
            after = replace(rule(read), version=read.version + 1)
            if replace(after, version=read.version) == read:
                return read
            condition, names, values = if_as_read(read)
            item: Item = {**key(account_id, SETTINGS), **present(asdict(after))}
            try:
                self._dynamo.put(Write(self._table, {}, put=item, condition=condition, names=names, values=values))
            except ConditionFailed:
                continue
            return after
        raise StoreUnavailable("The settings are being changed elsewhere. Try again in a moment.")


def read_settings(account_id: str, item: Item | None) -> Settings:
    """The settings as their item has them; those of an account that never chose where there is none."""
    return adapter(Settings).validate_python(item) if item else Settings(account_id)


def key(account_id: str, item: str) -> Item:
    """The key of one of the account's items."""
    return {"account_id": account_id, "item": item}
