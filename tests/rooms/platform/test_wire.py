"""Items keep their values on the way to DynamoDB and back, and what is no such value never gets there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from aerostack_billing.platform.wire import from_wire, to_wire

LEAVES = st.none() | st.booleans() | st.integers(-(10**38) + 1, 10**38 - 1) | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
ITEMS = st.dictionaries(st.text(), VALUES)


@given(ITEMS)
def test_an_item_comes_back_as_it_was(item: dict[str, object]) -> None:
    assert from_wire(to_wire(item)) == item


@given(ITEMS)
def test_the_wire_is_what_boto3_makes_and_reads(item: dict[str, object]) -> None:
    sent = to_wire(item)
    assert sent == {name: TypeSerializer().serialize(value) for name, value in item.items()}
    assert item == {name: TypeDeserializer().deserialize(value) for name, value in sent.items()}


def test_true_is_no_number() -> None:
    assert to_wire({"a": True, "b": 1}) == {"a": {"BOOL": True}, "b": {"N": "1"}}
    assert from_wire({"a": {"BOOL": True}})["a"] is True


@pytest.mark.parametrize("value", [0.5, Decimal("0.5"), b"bytes", {1}, object()])
def test_what_no_item_may_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_wire({"inner": {"list": [value]}})


def test_an_attribute_that_no_store_writes_is_refused() -> None:
    with pytest.raises(TypeError):
        from_wire({"a": {"SS": ["x"]}})
