"""The bounds that the others are measured by are held by DynamoDB Local as by DynamoDB."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform.dynamo import Write
from tests.rooms.bounds.longest import KB, LARGEST_ITEM


def put(parts: Runtime, account: str, number: int, characters: int) -> Write:
    key = {"account_id": account, "item": f"{number:03}"}
    return Write(parts.settings.wallets_table, {}, put={**key, "text": "x" * characters})


def test_an_item_holds_400_kb_and_not_a_byte_more(parts: Runtime, account: str) -> None:
    most = LARGEST_ITEM - len("account_id" + account + "item" + "000" + "text")
    parts.dynamo.put(put(parts, account, 0, most))
    with pytest.raises(ClientError, match="size"):
        parts.dynamo.put(put(parts, account, 0, most + 1))


def test_an_expression_holds_4_kb_and_not_a_byte_more(parts: Runtime, account: str) -> None:
    def update(more: int) -> Write:
        key = {"account_id": account, "item": "000"}
        name = "n" * (200 + more)
        fields = ", ".join(f"#{name[:-3]}{number:03} = :v" for number in range(19))
        padded = f"SET {fields}".ljust(4 * KB + more)
        names = {f"#{name[:-3]}{number:03}": f"n{number}" for number in range(19)}
        return Write(parts.settings.wallets_table, key, update=padded, names=names, values={":v": 1})

    parts.dynamo.update(update(0))
    with pytest.raises(ClientError, match="size"):
        parts.dynamo.update(update(1))


def test_a_transaction_holds_a_hundred_actions_and_no_more(parts: Runtime, account: str) -> None:
    parts.dynamo.transact([put(parts, account, number, 1) for number in range(100)])
    with pytest.raises(ClientError, match="100"):
        parts.dynamo.transact([put(parts, account, number, 1) for number in range(101)])


def test_a_transaction_holds_4_mb_and_no_more(parts: Runtime, account: str) -> None:
    parts.dynamo.transact([put(parts, account, number, 399 * KB) for number in range(10)])
    with pytest.raises(ClientError):
        parts.dynamo.transact([put(parts, account, number, 399 * KB) for number in range(11)])
