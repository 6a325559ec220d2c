"""One local stack for this folder, and an account of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from local.testing import running_stack
from tests.flows.client import Account, Api

DAY_SECONDS = 86_400


@pytest.fixture(scope="package")
def api() -> Iterator[Api]:
    """The API of a stack that is empty at first.

    It is noon there, and tests pass whole days: no month ends by itself while a test counts in it. Of the thousands of
    firings in a month that passes, each schedule is given a few, the last one among them.
    """
    with pytest.MonkeyPatch.context() as patch, running_stack() as stack:
        patch.setattr("local.timeline.MOST_FIRINGS", 20)
        api = Api(stack)
        api.advance(minutes=(1.5 * DAY_SECONDS - api.now() % DAY_SECONDS) / 60)
        yield api


@pytest.fixture
def new_account(api: Api) -> Iterator[Callable[[], Account]]:
    """Makes accounts that no other test has; what they bought ends with the test, so that no later one renews it."""
    made: list[Account] = []

    def make() -> Account:
        made.append(Account(api, f"acct_{uuid.uuid4().hex}"))
        return made[-1]

    yield make
    for account in made:
        for subscription in account.subscriptions():
            if subscription["status"] not in {"canceled", "incomplete_expired"}:
                api.stripe(f"subscriptions/{subscription['id']}", "DELETE")


@pytest.fixture
def account(new_account: Callable[[], Account]) -> Account:
    """An account that no other test has."""
    return new_account()
