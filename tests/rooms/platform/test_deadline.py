"""Nothing is begun that could not end before the invocation does; what is refused says so, and was not begun."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from unittest import mock

import pytest
import stripe
import urllib3

from aerostack_billing.payments.transport import Urllib3Client
from aerostack_billing.platform import correlation, deadline
from aerostack_billing.values.errors import StoreUnavailable
from tests.rooms.platform.test_dynamo import Client, dynamo, lost


@dataclass
class Context:
    """As much of Lambda's as tells the time."""

    seconds: float

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1_000)


def test_outside_of_a_function_there_is_no_deadline() -> None:
    assert deadline.allows(1e9)
    with deadline.within(object()):
        assert deadline.allows(1e9)


def test_what_fits_is_allowed_and_what_does_not_is_not() -> None:
    with deadline.within(Context(10)):
        assert deadline.allows(9)
        assert not deadline.allows(10)
    assert deadline.allows(1e9)


def test_the_store_begins_no_request_that_could_outlast_the_invocation() -> None:
    client = Client({"Item": {}})
    with deadline.within(Context(3.4)), pytest.raises(StoreUnavailable, match="Nothing was changed"):
        dynamo(client).get("t", {"id": "1"})
    assert client.asked == []


def test_the_store_asks_again_as_long_as_there_is_time_and_says_then_that_it_may_have_taken_effect() -> None:
    client = Client(lost(), lost(), {})
    with (
        mock.patch.object(deadline, "_ticks", side_effect=[0.0, 0.0, 4.0, 8.0]),
        deadline.within(Context(10)),
        pytest.raises(StoreUnavailable, match="may have taken effect"),
    ):
        dynamo(client).get("t", {"id": "1"})
    assert len(client.asked) == 2


def waits(seconds_left: float) -> urllib3.Timeout:
    """How long a request to Stripe would be waited for."""
    client = Urllib3Client()
    answer = mock.Mock(data=b"{}", status=200, headers={})
    with (
        mock.patch.object(client._pool, "request", return_value=answer) as asked,
        deadline.within(Context(seconds_left)),
    ):
        client.request("get", "https://stripe", None)
    limit = asked.call_args.kwargs["timeout"]
    assert isinstance(limit, urllib3.Timeout)
    return limit


@pytest.mark.parametrize("seconds_left", [29, 12, 8, 5.2])
def test_stripe_is_waited_for_as_long_as_leaves_time_to_store_what_it_says(seconds_left: float) -> None:
    limit = waits(seconds_left)
    assert isinstance(limit.connect_timeout, float | int)
    assert isinstance(limit.read_timeout, float | int)
    assert 0.5 < limit.connect_timeout + limit.read_timeout <= min(10, seconds_left - 4.5)


def test_stripe_is_not_asked_when_there_is_no_time_to_store_what_it_says() -> None:
    client = Urllib3Client()
    with (
        mock.patch.object(client._pool, "request") as asked,
        deadline.within(Context(4.6)),
        pytest.raises(stripe.APIConnectionError) as refused,
    ):
        client.request("get", "https://stripe", None)
    assert not asked.called
    assert refused.value.should_retry is False


def test_threads_work_by_the_deadline_of_who_started_them() -> None:
    with deadline.within(Context(5)), ThreadPoolExecutor(2) as pool:
        allowed = list(pool.map(correlation.carried(deadline.allows), [1.0, 60.0, 2.0, 60.0]))
    assert allowed == [True, False, True, False]
