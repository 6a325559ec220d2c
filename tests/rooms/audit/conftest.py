"""A stack of its own for each test of rounds: what it audits is what the test stored, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.audit.money import MoneyAudit
from aerostack_billing.audit.places import Place, Places
from aerostack_billing.audit.rounds import Rounds
from aerostack_billing.audit.wallets import Report, Violation
from tests.rooms.conftest import Time, made_tables, put_together

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

DAY_SECONDS = 86_400
HOUR_SECONDS = 3_600


class Killed(BaseException):
    """The process ended at this point: nothing catches it."""


class LookedAt(MoneyAudit):
    """The audit, which notes whom it looked at, and which a test may have end at a look."""

    def __init__(self, parts: Runtime) -> None:
        audit = parts.audit.money
        super().__init__(audit._wallets, audit._creators)
        self.wallets: list[str] = []
        self.creators: list[str] = []
        self.ends_at: Callable[[str], bool] = lambda _account: False

    def wallet(self, account_id: str) -> Report:
        if self.ends_at(account_id):
            raise Killed
        self.wallets.append(account_id)
        return super().wallet(account_id)

    def creator(self, creator_id: str) -> Report:
        self.creators.append(creator_id)
        return super().creator(creator_id)

    def taken(self) -> list[str]:
        """The wallets looked at since this was asked last."""
        taken, self.wallets = sorted(self.wallets), []
        return taken


class Stack:
    """A stack that is large for its rounds, whatever it has."""

    def __init__(self, client: DynamoDBClient, environment: dict[str, str], at_once: int = 0) -> None:
        self.client = client
        self.parts = put_together(client, environment)
        self.told: list[Violation] = []
        self.looked = LookedAt(self.parts)
        self.places = Places(self.parts.dynamo, self.parts.settings.events_table)
        self._environment, audit = environment, self.parts.audit
        stores = self.parts.wallet.store, self.parts.creators.store
        self.rounds = Rounds(audit.service, self.looked, audit.usage, *stores, self.places, self.told.append, at_once)

    def another(self, at_once: int = 0) -> Stack:
        """Another process on the same tables."""
        return Stack(self.client, self._environment, at_once)

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> Report:
        """A run of the schedule."""
        return self.rounds.go_on(may_go_on, self.parts.usage.metering.catch_up, due_only=True)

    def end_after(self, calls: int) -> None:
        """Let the process end after so many looks at wallets and keepings of places."""
        left, keep = iter(range(calls)), self.places.keep

        def ends(_account: str = "") -> bool:
            return next(left, None) is None

        def keeping(place: Place) -> None:
            if ends():
                raise Killed
            keep(place)

        self.places.keep = keeping  # type: ignore[method-assign]
        self.looked.ends_at = ends

    def alter(self, account: str, expression: str, **values: int) -> None:
        """Change a wallet manually, as no code of ours does."""
        self.client.update_item(
            TableName=self.parts.settings.wallets_table,
            Key={"account_id": {"S": account}, "item": {"S": "wallet"}},
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": {f":{n}": {"N": str(v)} for n, v in values.items()}} if values else {}),
        )


def times(most: int) -> Callable[[], bool]:
    """Time for so many items."""
    left = iter(range(most))
    return lambda: next(left, None) is not None


@pytest.fixture
def stack(client: DynamoDBClient, account: str, time_stands: Time) -> Iterator[Stack]:
    environment = made_tables(client, f"-{account}")
    stack = Stack(client, environment)
    yield stack
    for name in {name for setting, name in environment.items() if setting.endswith("_TABLE")}:
        client.delete_table(TableName=name)
