from __future__ import annotations

import threading

import pytest
import requests
import stripe

from local.stripe.idempotency import KEPT_SECONDS
from tests.local_stripe.harness import Stack

AUTH = {"Authorization": "Bearer sk_test_local"}


def create(stack: Stack, key: str, **form: str) -> requests.Response:
    headers = {**AUTH, "Idempotency-Key": key}
    return requests.post(f"{stack.base}/v1/customers", data=form, headers=headers, timeout=60)


def test_the_same_key_gives_the_first_answer_again(stack: Stack) -> None:
    first, second = create(stack, "k", name="Ada"), create(stack, "k", name="Ada")
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.headers["Idempotency-Key"] == "k"
    assert len(stack.v1.customers.list().data) == 1


def test_other_parameters_are_refused(stack: Stack) -> None:
    create(stack, "k", name="Ada")
    other = create(stack, "k", name="Bob")
    assert other.status_code == 400
    assert other.json()["error"]["type"] == "idempotency_error"
    assert len(stack.v1.customers.list().data) == 1


def test_another_call_is_refused(stack: Stack) -> None:
    create(stack, "k", name="Ada")
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        stack.v1.products.create({"name": "Ada"}, {"idempotency_key": "k"})


def test_a_key_without_parameters_is_its_own(stack: Stack) -> None:
    assert create(stack, "a").json()["id"] != create(stack, "b").json()["id"]


def test_a_refusal_after_execution_began_is_replayed(stack: Stack) -> None:
    session = {
        "mode": "subscription",
        "line_items": [{"price": "price_gold", "quantity": 1}],
        "success_url": "https://shop.test/ok",
    }
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            stack.v1.checkout.sessions.create(session, {"idempotency_key": "k"})
        assert refused.value.headers is not None
        assert refused.value.headers.get("idempotent-replayed") == replayed


def test_a_crooked_request_does_not_use_its_key_up(stack: Stack) -> None:
    assert create(stack, "k", colour="red").status_code == 400
    assert create(stack, "k", name="Ada").status_code == 200


class Watched(set[str]):
    """A set that says when something is added."""

    def __init__(self) -> None:
        super().__init__()
        self.added = threading.Event()

    def add(self, element: str) -> None:
        super().add(element)
        self.added.set()


def test_a_duplicate_in_flight_has_to_wait(stack: Stack) -> None:
    keys = stack.stripe._api._keys
    keys._in_flight = watched = Watched()
    answers: list[requests.Response] = []
    first = threading.Thread(target=lambda: answers.append(create(stack, "k", name="Ada")))
    with stack.world.store.lock:
        # The first call has claimed its key and waits for the lock.
        first.start()
        assert watched.added.wait(60)
        second = create(stack, "k", name="Ada")
    first.join()
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_key_in_use"
    assert answers[0].status_code == 200
    assert create(stack, "k", name="Ada").json() == answers[0].json()


def test_simultaneous_requests_make_one_customer(stack: Stack) -> None:
    start = threading.Barrier(8)
    answers: list[int] = []

    def duplicate() -> None:
        start.wait()
        answers.append(create(stack, "k", name="Ada").status_code)

    threads = [threading.Thread(target=duplicate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 409}
    assert 200 in answers
    assert len(stack.v1.customers.list().data) == 1


def test_a_key_is_forgotten_after_a_day(stack: Stack) -> None:
    first = create(stack, "k", name="Ada").json()
    stack.clock.now += KEPT_SECONDS - 1
    assert create(stack, "k", name="Ada").json() == first
    stack.clock.now += 1
    assert create(stack, "k", name="Ada").json()["id"] != first["id"]
    create(stack, "other")
    assert set(stack.world.store.state.idempotency) == {"k", "other"}


def test_a_get_has_no_use_for_a_key(stack: Stack) -> None:
    headers = {**AUTH, "Idempotency-Key": "k"}
    before = requests.get(f"{stack.base}/v1/customers", headers=headers, timeout=60).json()
    stack.customer()
    after = requests.get(f"{stack.base}/v1/customers", headers=headers, timeout=60).json()
    assert (len(before["data"]), len(after["data"])) == (0, 1)
