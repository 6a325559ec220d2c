"""A wrong field is told in the API's words, for every kind of wrong there is in a request's model."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import aerostack_billing
from aerostack_billing.accounts.models import CheckoutRequest, SessionRequest
from aerostack_billing.usage.models import BatchRequest, LeaseRequest
from aerostack_billing.values.errors import InvalidRequest
from aerostack_billing.values.fields import RequestModel, validated

LIBRARY = ("Input", "should be", "Field required", "Extra inputs", "Value error", "pydantic")
WRONG: list[Any] = [None, True, 1, -1, 10**30, 0.5, "", "x" * 9_999, "\n", "!", [], [1] * 999, {}, {"a": 1}]


def models() -> Iterator[type[RequestModel]]:
    for module in pkgutil.walk_packages(aerostack_billing.__path__, "aerostack_billing."):
        importlib.import_module(module.name)
    pending = [RequestModel]
    while pending:
        found = pending.pop().__subclasses__()
        yield from found
        pending += found


@pytest.mark.parametrize("model", sorted(set(models()), key=lambda model: model.__name__), ids=lambda m: m.__name__)
def test_no_word_of_the_library_reaches_a_caller(model: type[RequestModel]) -> None:
    for wrong in WRONG:
        try:
            validated(model, dict.fromkeys([*model.model_fields, "no_such_field"], wrong))
        except InvalidRequest as refused:
            told = [str(detail) for detail in refused.details.values()]
            assert not [(word, detail) for detail in told for word in LIBRARY if word in detail]
            assert all(told)


def test_each_field_is_told_what_it_must_be() -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated(CheckoutRequest, {"tier": "gold", "billing_interval": "monthly", "success_url": 5, "tires": 4})
    assert refused.value.details == {
        "tier": "must be 'free', 'starter', 'pro', 'business' or 'enterprise'",
        "success_url": "must be a string",
        "cancel_url": "is missing",
        "tires": "is no field of this request",
    }
    with pytest.raises(InvalidRequest) as refused:
        validated(LeaseRequest, {"account_id": "creator:x", "metric": "m", "quantity": 0, "ttl_seconds": 1.5})
    assert refused.value.details["account_id"] == "must not begin with creator:"
    assert refused.value.details["quantity"] == "must be at least 1"
    with pytest.raises(InvalidRequest) as refused:
        validated(BatchRequest, {"events": []})
    assert refused.value.details == {"events": "must have at least 1 items"}
    with pytest.raises(InvalidRequest) as refused:
        validated(SessionRequest, {"session_id": None})
    assert refused.value.details == {"session_id": "must be a string"}
