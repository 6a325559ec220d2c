"""What is as long as a caller may make it, and how long an item of it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import correlation
from aerostack_billing.platform.dynamo import Item
from aerostack_billing.wallet.requests import MAX_LABELS

KB = 1024
LARGEST_ITEM = 400 * KB
"""What DynamoDB takes, names of attributes included."""
WIDE = "\U00020000"
"""A character of four bytes."""


def text(characters: int, number: int = 0) -> str:
    """So many characters of four bytes each, and at the end a number that tells it from others."""
    return WIDE * (characters - 4) + f"{number:04}"


def label(number: int) -> str:
    return f"{'l' * 30}{number:02}"


def labels(number: int = 0, first: int = 0) -> dict[str, str]:
    """As many labels as a charge may have, of the longest names and values, which no other number has."""
    return {label(first + each): text(128, number) for each in range(MAX_LABELS)}


@contextmanager
def longest_caller() -> Iterator[None]:
    """Work for a service of the longest name, under a long correlation id."""
    with correlation.using("c" * 128, text(128)):
        yield


def size(value: object) -> int:
    """How many bytes DynamoDB counts an item as, by its own rules: an item is a map of attributes."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int):
        return (len(str(abs(value)).rstrip("0")) + 1) // 2 + 1 + int(value < 0)
    if isinstance(value, list | tuple):
        return 3 + sum(1 + size(each) for each in value)
    assert isinstance(value, dict)
    return 3 + sum(1 + size(name) + size(each) for name, each in value.items())


def stored(parts: Runtime, table: str, **key: str) -> Item:
    """An item that there is."""
    found = parts.dynamo.get(table, dict(key))
    assert found is not None
    return found


def charge_of(account: str, number: int, **more: object) -> dict[str, Any]:
    """A charge as long as one may be, of two cents."""
    return {
        "account_id": account,
        "kind": "bot_conversation",
        "billing_mode": "wallet",
        "amount_cents": 2,
        "idempotency_key": text(255, number),
        "reference": text(255, number),
        "labels": labels(number),
        **more,
    }
