"""Every function answers before its timeout, however slow what it depends on is: none is killed in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import urllib3
from botocore.exceptions import BotoCoreError, ReadTimeoutError

from aerostack_billing.platform import clock, deadline
from aerostack_billing.platform.dynamo import CONNECT_SECONDS, READ_SECONDS
from aerostack_billing.values.errors import BillingError
from local.paths import ROOT
from local.template import load_app
from tests.benchmarks.budgets import STRIPE_FUNCTIONS, Operation
from tests.benchmarks.operations import OPERATIONS
from tests.benchmarks.place import Hands, Place, in_process, opened
from tests.rooms.conftest import Time
from tests.rooms.worlds.stripe import StripeWorld, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ONE_OF_EACH = {operation.function: operation for operation in reversed(OPERATIONS)}
TIMEOUTS = {
    function.code_dir.name: function.timeout_seconds for function in load_app(ROOT / "template.yaml").functions.values()
}
FAILED = {500, 503}
SLOW_STRIPE_SECONDS = 7.0
SLOW_STORE_SECONDS = 1.5


@dataclass
class Invocation:
    """Lambda's context and its clock, which calls to slow services move on."""

    timeout: float
    function_name: str = "slow"
    aws_request_id: str = "00000000-0000-0000-0000-000000000000"
    spent: float = 0.0
    calls: int = 0
    answers: list[Any] = field(default_factory=list)

    def get_remaining_time_in_millis(self) -> int:
        return int((self.timeout - self.spent) * 1_000)

    def ticks(self) -> float:
        return self.spent

    def wait(self, seconds: float) -> None:
        self.spent += seconds

    def called(self, seconds: float) -> None:
        self.calls += 1
        self.wait(seconds)

    def run(self, function: str, event: object) -> object:
        """Run the function as Lambda does; what it raises is an answer too, as long as it is in time."""
        try:
            answer = in_process(function, event, self)
        except (BillingError, BotoCoreError) as error:
            answer = error
        self.answers.append(answer)
        return answer


@pytest.fixture(scope="module")
def stripe() -> Iterator[tuple[StripeWorld, Time]]:
    time = Time()
    with serving(time) as world:
        yield world, time


@pytest.fixture
def place(client: DynamoDBClient, stripe: tuple[StripeWorld, Time], time_stands: Time) -> Iterator[Place]:
    with opened(client, *stripe) as place, clock.using(place.time.unix):
        yield place


@contextmanager
def slow_store(place: Place, invocation: Invocation, *, answers: bool) -> Iterator[None]:
    """Inside the block DynamoDB takes long for each request, or does not answer at all."""

    def before(**_: object) -> None:
        if answers:
            invocation.called(SLOW_STORE_SECONDS)
            return
        invocation.called(CONNECT_SECONDS + READ_SECONDS)
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    place.client.meta.events.register("before-send.dynamodb.*", before, unique_id="slow")
    try:
        yield
    finally:
        place.client.meta.events.unregister("before-send.dynamodb.*", unique_id="slow")


@contextmanager
def slow_stripe(_: Place, invocation: Invocation, *, answers: bool) -> Iterator[None]:
    """Inside the block Stripe takes long for each request, or takes it and says nothing."""
    real = urllib3.PoolManager.request

    def request(self: urllib3.PoolManager, method: str, url: str, **given: object) -> urllib3.BaseHTTPResponse:
        limit = given.pop("timeout")
        assert isinstance(limit, urllib3.Timeout)
        assert isinstance(limit.connect_timeout, float | int)
        assert isinstance(limit.read_timeout, float | int)
        if answers and limit.read_timeout >= SLOW_STRIPE_SECONDS:
            invocation.called(SLOW_STRIPE_SECONDS)
            return real(self, method, url, timeout=30, **given)  # type: ignore[arg-type]
        invocation.called(limit.connect_timeout + limit.read_timeout)
        raise urllib3.exceptions.ReadTimeoutError(mock.Mock(), url, "no answer")

    with mock.patch.object(urllib3.PoolManager, "request", request):
        yield


Slow = Callable[..., Any]
CASES: list[tuple[str, Slow]] = [
    *((function, slow_store) for function in sorted(ONE_OF_EACH)),
    *((function, slow_stripe) for function in sorted(STRIPE_FUNCTIONS)),
]


def act_slowly(place: Place, operation: Operation, slow: Slow, *, answers: bool) -> Invocation:
    """The operation's act on a slow service, after what comes before it was done at the usual speed."""
    invocation = Invocation(TIMEOUTS[operation.function])
    hands = Hands()
    act = operation.prepare(replace(place, hands=hands))
    place.parts.dynamo._sleep = invocation.wait
    # The act expects another answer than the one that a slow service leads to.
    with (
        suppress(AssertionError, KeyError, TypeError),
        mock.patch.object(hands, "invoke", invocation.run),
        mock.patch.object(deadline, "_ticks", invocation.ticks),
        mock.patch("time.sleep", invocation.wait),
        slow(place, invocation, answers=answers),
    ):
        act()
    assert invocation.answers
    return invocation


@pytest.mark.parametrize(("function", "slow"), CASES, ids=lambda each: getattr(each, "__name__", each))
def test_a_function_whose_service_says_nothing_answers_that_before_its_timeout(
    place: Place, function: str, slow: Slow
) -> None:
    invocation = act_slowly(place, ONE_OF_EACH[function], slow, answers=False)
    assert invocation.spent < invocation.timeout
    for answer in invocation.answers:
        if invocation.calls and isinstance(answer, Mapping) and "statusCode" in answer and "batch" not in function:
            assert answer["statusCode"] in FAILED, answer


@pytest.mark.parametrize(("function", "slow"), CASES, ids=lambda each: getattr(each, "__name__", each))
def test_a_function_whose_service_is_slow_in_each_answer_answers_before_its_timeout(
    place: Place, function: str, slow: Slow
) -> None:
    invocation = act_slowly(place, ONE_OF_EACH[function], slow, answers=True)
    assert invocation.spent < invocation.timeout
