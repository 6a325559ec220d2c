"""Calls against a server that fails: repeated under one key while they may be, and never when they must not."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest

from aerostack_billing_client import (
    AlreadyOnPlan,
    BillingError,
    HoldNotFound,
    IdempotencyKeyReused,
    InsufficientBalance,
    InvalidRequest,
    NothingToResume,
    PaymentProviderRefused,
    PlanLimitExceeded,
    RateLimited,
    RequestInProgress,
    Retries,
    ServiceClient,
    StoreUnavailable,
    Unanswered,
    Unavailable,
    UnexpectedAnswer,
    UsageEvent,
    UserClient,
)
from aerostack_billing_client.calling import Answer, Request
from tests.clients.conftest import HASTY
from tests.clients.faults import LOST_AFTER, LOST_BEFORE, Fault, Reply, Seen, failed, refusal
from tests.clients.serving import ACCOUNT, COUNTED, LATER, LEASED, Service, Serving, awaited_service, counted
from tests.clients.serving import service as threads_service


@pytest.fixture(params=[threads_service, awaited_service], ids=["threads", "async"])
def service(request: pytest.FixtureRequest) -> Service:
    """Makes clients: each test shows both kinds."""
    return request.param


@pytest.mark.parametrize(
    "fault",
    [
        LOST_BEFORE,
        LOST_AFTER,
        failed(500, code="INTERNAL_ERROR"),
        failed(502, code="PAYMENT_PROVIDER_ERROR"),
        failed(503, effect=True),
        failed(409, code="REQUEST_IN_PROGRESS"),
        Fault(effect=False, reply=Reply(500, {"message": "Internal Server Error"})),
        Fault(effect=False, reply=Reply(504, {"message": "Endpoint request timed out"})),
        Fault(effect=False, reply=Reply(429, {"message": "Too Many Requests"}, {"retry-after": "0"})),
    ],
)
def test_what_may_pass_is_asked_again_under_the_key_of_the_first_try(
    serving: Serving, fault: Fault, service: Service
) -> None:
    server = serving(counted)
    server.spoil(fault, fault)
    with service(server) as billing:
        assert billing.consume("acct", "api_requests").used == 1
    keys = [seen.key for seen in server.seen]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert keys[0]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (402, "INSUFFICIENT_BALANCE", InsufficientBalance),
        (403, "PLAN_LIMIT_EXCEEDED", PlanLimitExceeded),
        (409, "IDEMPOTENCY_KEY_REUSED", IdempotencyKeyReused),
        (409, "ALREADY_ON_PLAN", AlreadyOnPlan),
        (422, "INVALID_REQUEST", InvalidRequest),
        (502, "PAYMENT_PROVIDER_REFUSED", PaymentProviderRefused),
    ],
)
def test_what_will_not_change_is_asked_once(
    serving: Serving, status: int, code: str, error: type[Exception], service: Service
) -> None:
    server = serving(counted)
    server.spoil(failed(status, code=code))
    with service(server) as billing, pytest.raises(error) as refused:
        billing.consume("acct", "api_requests", idempotency_key="mine")
    assert len(server.seen) == 1
    assert refused.value.idempotency_key == "mine"
    assert not refused.value.outcome_unknown


def test_a_caller_learns_the_key_it_was_given_and_that_the_outcome_is_unknown(
    serving: Serving, service: Service
) -> None:
    server = serving(lambda _: refusal(503, "STORE_UNAVAILABLE", headers=LATER))
    server.spoil(failed(503), failed(503))
    with service(server) as billing, pytest.raises(StoreUnavailable) as failure:
        billing.charge("acct", "tool_call", Decimal("0.34"), creator_id="maker")
    assert failure.value.idempotency_key == server.seen[0].key
    assert failure.value.attempts == len(server.seen) == 3
    assert failure.value.outcome_unknown
    assert isinstance(failure.value, Unavailable)


def test_the_service_says_how_long_to_wait_and_a_wait_beyond_the_deadline_is_not_begun(
    serving: Serving, service: Service
) -> None:
    server = serving(
        lambda _: refusal(
            429,
            "RATE_LIMIT_EXCEEDED",
            headers={
                "Retry-After": "3600",
                "X-RateLimit-Limit": "100",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": "1772447400",
            },
        )
    )
    with service(server) as billing, pytest.raises(RateLimited) as limited:
        billing.consume("acct", "api_requests")
    assert limited.value.retry_after_seconds == 3600
    assert (limited.value.limit, limited.value.remaining, limited.value.reset) == (100, 0, 1_772_447_400)
    assert len(server.seen) == 1


def test_a_moment_to_wait_for_is_understood_as_well(serving: Serving, service: Service) -> None:
    past, ahead = (format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True) for hours in (-1, 1))
    server = serving(lambda _: refusal(503, "STORE_UNAVAILABLE", headers={"Retry-After": ahead}))
    server.spoil(Fault(effect=False, reply=refusal(503, "STORE_UNAVAILABLE", headers={"Retry-After": past})))
    with service(server) as billing, pytest.raises(StoreUnavailable) as failure:
        billing.consume("acct", "api_requests")
    # One that is over already is not waited for; an hour is beyond the deadline.
    assert len(server.seen) == 2
    assert failure.value.retry_after_seconds is not None


def test_a_server_that_never_answers_is_given_up(serving: Serving, service: Service) -> None:
    end = threading.Event()

    def hang(_: Seen) -> Reply:
        end.wait(30)
        return Reply(500)

    server = serving(hang)
    patience = Retries(deadline_seconds=0.3, try_seconds=0.1, first_wait_seconds=0.001)
    try:
        with service(server, patience) as billing, pytest.raises(Unanswered) as unanswered:
            billing.consume("acct", "api_requests")
    finally:
        end.set()
    assert unanswered.value.outcome_unknown


def test_where_nobody_listens_nothing_was_done() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        patience = Retries(deadline_seconds=0.2, first_wait_seconds=0.001)
        billing = ServiceClient(f"http://127.0.0.1:{bound.getsockname()[1]}", "token", retries=patience)
        with billing, pytest.raises(Unanswered) as unanswered:
            billing.consume("acct", "api_requests")
    assert not unanswered.value.outcome_unknown
    assert unanswered.value.attempts >= 1


def test_a_lease_under_a_key_is_repeated_as_every_call_is(serving: Serving, service: Service) -> None:
    server = serving(lambda _: Reply(201, LEASED))
    server.spoil(LOST_AFTER, failed(503))
    with service(server) as billing:
        assert billing.lease("acct", "api_requests", 10, ttl_seconds=60, idempotency_key="mine").granted == 10
    assert [seen.key for seen in server.seen] == ["mine"] * 3


def test_a_lease_without_a_key_is_asked_for_again_only_where_it_surely_was_not_given(
    serving: Serving, service: Service
) -> None:
    server = serving(lambda _: Reply(201, LEASED))
    server.spoil(failed(429, code="RATE_LIMIT_EXCEEDED"), failed(429, code="RATE_LIMIT_EXCEEDED"))
    with service(server) as billing:
        assert billing.lease("acct", "api_requests", 10, ttl_seconds=60).granted == 10
        assert len(server.seen) == 3
        for fault in (LOST_AFTER, LOST_BEFORE, failed(503), failed(500, code="INTERNAL_ERROR")):
            server.seen.clear()
            server.spoil(fault)
            with pytest.raises(BillingError) as failure:
                billing.lease("acct", "api_requests", 10, ttl_seconds=60)
            assert len(server.seen) == 1
            assert failure.value.outcome_unknown


def test_each_event_of_a_batch_keeps_its_key_however_often_it_is_sent(serving: Serving, service: Service) -> None:
    def each(seen: Seen) -> Reply:
        return Reply(200, {"results": [{"status": 200, **COUNTED} for _ in seen.body["events"]]})

    server = serving(each)
    server.spoil(LOST_AFTER)
    events = [UsageEvent("acct", "api_requests") for _ in range(150)]
    with service(server) as billing:
        assert len(billing.consume_batch(events)) == 150
        billing.consume_batch(events)
    sent = [[event["idempotency_key"] for event in seen.body["events"]] for seen in server.seen]
    assert [len(keys) for keys in sent] == [100, 100, 50, 100, 50]
    assert sent[0] == sent[1] == sent[3]
    assert len({key for keys in sent for key in keys}) == 150


def test_a_batch_is_cut_by_bytes_where_a_hundred_events_would_be_too_many(serving: Serving, service: Service) -> None:
    def each(seen: Seen) -> Reply:
        return Reply(200, {"results": [{"status": 200, **COUNTED} for _ in seen.body["events"]]})

    server = serving(each)
    clefs = 2_500 * "\N{MUSICAL SYMBOL G CLEF}"
    events = [UsageEvent("acct", "api_requests", 1, f"{number:03}{clefs}") for number in range(60)]
    with service(server) as billing:
        results = billing.consume_batch(events)
    assert [result.event for result in results] == events
    sent = [int(seen.headers["content-length"]) for seen in server.seen]
    assert len(sent) == 2
    assert all(length < 1024 * 1024 for length in sent)
    assert [event["idempotency_key"] for seen in server.seen for event in seen.body["events"]] == [
        event.idempotency_key for event in events
    ]


def test_an_event_that_was_refused_has_its_error_and_the_others_their_figures(
    serving: Serving, service: Service
) -> None:
    refused = refusal(403, "PLAN_LIMIT_EXCEEDED", {"metric": "api_requests", "used": 55_000, "remaining": 0}).body
    assert isinstance(refused, dict)
    server = serving(lambda _: Reply(200, {"results": [{"status": 200, **COUNTED}, {"status": 403, **refused}]}))
    with service(server) as billing:
        passed, stopped = billing.consume_batch(
            [UsageEvent("acct", "api_requests"), UsageEvent("acct", "api_requests")]
        )
    assert passed.error is None
    assert passed.consumed
    assert stopped.consumed is None
    assert isinstance(stopped.error, PlanLimitExceeded)
    assert (stopped.error.used, stopped.error.remaining) == (55_000, 0)


def test_a_dry_run_needs_no_key(serving: Serving, service: Service) -> None:
    server = serving(counted)
    with service(server) as billing:
        billing.consume("acct", "api_requests", dry_run=True)
    assert server.seen[0].body == {"account_id": "acct", "metric": "api_requests", "quantity": 1, "dry_run": True}


def test_a_duplicate_that_never_ends_is_reported(serving: Serving, service: Service) -> None:
    server = serving(lambda _: refusal(409, "REQUEST_IN_PROGRESS", headers=LATER))
    server.spoil(failed(409, code="REQUEST_IN_PROGRESS"))
    with service(server) as billing, pytest.raises(RequestInProgress) as unfinished:
        billing.consume("acct", "api_requests")
    assert len(server.seen) == 2
    assert unfinished.value.outcome_unknown


def test_what_an_earlier_try_may_have_done_is_known_only_by_an_answer_to_its_key(
    serving: Serving, service: Service
) -> None:
    server = serving(lambda _: refusal(429, "RATE_LIMIT_EXCEEDED", headers=LATER))
    with service(server) as billing:
        with pytest.raises(RateLimited) as limited:
            billing.consume("acct", "api_requests")
        assert not limited.value.outcome_unknown
        server.spoil(LOST_AFTER)
        with pytest.raises(RateLimited) as limited:
            billing.consume("acct", "api_requests")
        assert limited.value.outcome_unknown
        server.spoil(LOST_AFTER)
        server.answer = lambda _: refusal(403, "PLAN_LIMIT_EXCEEDED")
        with pytest.raises(PlanLimitExceeded) as refused:
            billing.consume("acct", "api_requests")
        assert refused.value.earlier_unknown
        assert not refused.value.outcome_unknown


def test_resuming_is_done_when_it_was_done_by_a_try_whose_answer_was_lost(serving: Serving) -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(200, ACCOUNT) if seen.method == "GET" else refusal(409, "NOTHING_TO_RESUME")

    server = serving(answer)
    with UserClient(server.base_url, "token", retries=HASTY) as billing:
        with pytest.raises(NothingToResume):
            billing.resume()
        server.spoil(LOST_AFTER)
        assert billing.resume().plan_tier == "free"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_cannot_lead_to_another_route(serving: Serving, name: str, service: Service) -> None:
    server = serving(counted)
    with service(server) as billing:
        with pytest.raises(ValueError, match="is no name"):
            billing.free_resource("acct", "projects", name)
        with pytest.raises(ValueError, match="is no name"):
            billing.release_hold("acct", name)
        server.answer = lambda _: refusal(404, "HOLD_NOT_FOUND")
        with pytest.raises(HoldNotFound):
            billing.release_hold("acct", "../a b?c")
    assert [seen.path for seen in server.seen] == ["/api/balance/holds/..%2Fa%20b%3Fc/release"]


# Waits


class Failing:
    """A service that always fails in the same way, and the time that passes only by waiting for it."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.headers = headers

    def send(self, _: Request) -> Answer:
        return Answer(503, self.headers, b"{}")

    def close(self) -> None:
        pass

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def call(self, **retries: float) -> list[float]:
        """The waits of one call."""
        client = UserClient(
            "https://billing.example.com",
            "token",
            retries=Retries(**retries),
            transport=self,
            sleep=self.sleep,
            clock=lambda: self.now,
        )
        with pytest.raises(Unavailable) as failure:
            client.account()
        assert failure.value.attempts == len(self.waits) + 1
        return self.waits


def test_waits_double_up_to_the_longest_and_end_before_the_deadline() -> None:
    waits = Failing({}).call(deadline_seconds=60, first_wait_seconds=1, longest_wait_seconds=8)
    longest = [1, 2, 4, 8, 8, 8, 8]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, longest, strict=False))
    assert 52 <= sum(waits) < 60
    assert len(set(waits)) == len(waits), "chance spreads them"


def test_tries_can_be_counted_instead() -> None:
    assert len(Failing({}).call(most_tries=3)) == 2
    assert Failing({}).call(most_tries=1) == []


def test_the_service_says_how_long_to_wait() -> None:
    assert Failing({"retry-after": "20"}).call(deadline_seconds=60, first_wait_seconds=1) == [20, 20]


def test_an_answer_that_is_not_as_documented_is_told_by_its_place(serving: Serving, service: Service) -> None:
    server = serving(lambda _: Reply(200, {**COUNTED, "used": "many"}))
    with service(server) as billing, pytest.raises(UnexpectedAnswer, match=r"Consumed\.used is no int") as unexpected:
        billing.consume("acct", "api_requests", idempotency_key="mine")
    assert unexpected.value.idempotency_key == "mine"


def test_a_replay_is_told(serving: Serving, service: Service) -> None:
    server = serving(lambda _: Reply(200, COUNTED, {"Idempotency-Replayed": "true"}))
    with service(server) as billing:
        assert billing.consume("acct", "api_requests").replayed
        server.answer = counted
        assert not billing.consume("acct", "api_requests").replayed


def test_many_threads_share_one_client(serving: Serving, service: Service) -> None:
    server = serving(counted)
    with service(server) as billing:
        threads = [
            threading.Thread(target=lambda: [billing.consume("acct", "api_requests") for _ in range(10)])
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({seen.key for seen in server.seen}) == len(server.seen) == 80
