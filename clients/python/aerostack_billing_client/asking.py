"""What a method of a client is: the calls that it makes one after another, and what it makes of the answers.

Each is written once, as a generator that yields calls and is sent their answers, and is run by either driver.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

from aerostack_billing_client.calling import Answer, Call, encoded
from aerostack_billing_client.errors import REQUEST_ID, BillingError, UnexpectedAnswer
from aerostack_billing_client.reading import parsed, read

T = TypeVar("T")
Flow = Generator[Call, Answer, T]
"""Yields calls, is sent the answer to each or thrown its error, and returns what the method returns."""


def ask(kind: type[T], call: Call) -> Flow[T]:
    """Make one call, and read its answer as `kind`."""
    answer = yield call
    try:
        return read(kind, seen(answer))
    except UnexpectedAnswer as error:
        raise placed(error, call, answer) from error.__cause__


def ask_any(call: Call) -> Flow[object]:
    """Make one call, and give the JSON of its answer."""
    answer = yield call
    try:
        return seen(answer)
    except UnexpectedAnswer as error:
        raise placed(error, call, answer) from error.__cause__


def seen(answer: Answer) -> object:
    """The answer's JSON, with `replayed` where it was the first one to the key, given again."""
    body = parsed(answer.body)
    replayed = answer.headers.get("idempotency-replayed") == "true"
    return {**body, "replayed": True} if replayed and isinstance(body, dict) else body


def placed(error: BillingError, call: Call, answer: Answer) -> BillingError:
    """The error with what is known of the call that met it."""
    error.idempotency_key, error.request_id, error.attempts = call.key, answer.headers.get(REQUEST_ID), 1
    return error


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return str(uuid.uuid4())


def given(**fields: object) -> dict[str, object]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def cut(bodies: Sequence[Mapping[str, object]], most: int, most_bytes: int) -> Iterator[tuple[int, int]]:
    """Where to cut a list so that each part, as JSON, fits a request by number and by bytes: from and to.

    One that does not even fit alone is a part of its own, for the service to refuse.
    """
    start = size = 0
    for number, body in enumerate(bodies):
        own = len(encoded(body)) + 1
        if number > start and (number - start == most or size + own > most_bytes):
            yield start, number
            start, size = number, 0
        size += own
    if bodies:
        yield start, len(bodies)


def segment(name: str) -> str:
    """A name as one segment of a path; ValueError for one that would make the path another."""
    if name in {"", ".", ".."}:
        raise ValueError(f"{name!r} is no name")
    return quote(name, safe="")


def mapping(found: object) -> Mapping[str, object]:
    """An answer that is an object; UnexpectedAnswer for another."""
    if not isinstance(found, dict):
        raise UnexpectedAnswer("The answer is no object.")
    return found
