"""What anybody may read is packed, has a tag, may be kept, and is made once for all."""

from __future__ import annotations

import base64
import gzip
import importlib
import json
from typing import Any

import pytest

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings

FUNCTIONS = ("get_plans", "get_prices", "get_openapi")


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    made = Runtime(Settings({"PRICE_MARKUP_BPS": "0"}))
    monkeypatch.setattr(runtime, "current", lambda: made)
    return made


def read(function: str, **headers: str) -> dict[str, Any]:
    event = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}, "requestContext": {}}
    answer: dict[str, Any] = importlib.import_module(f"functions.{function}.app").handler(event, None)
    return answer


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_is_packed_for_who_takes_that_and_says_the_same(function: str) -> None:
    plain, packed = read(function), read(function, accept_encoding="br;q=1.0, gzip, *;q=0.1")
    assert (plain["isBase64Encoded"], packed["isBase64Encoded"]) == (False, True)
    assert packed["headers"]["content-encoding"] == "gzip"
    whole = gzip.decompress(base64.b64decode(packed["body"])).decode()
    assert whole == plain["body"]
    assert len(base64.b64decode(packed["body"])) < len(whole) / 2
    assert json.loads(whole)
    assert not read(function, accept_encoding="gzip;q=0")["isBase64Encoded"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_who_has_it_is_told_so_in_a_few_bytes(function: str) -> None:
    headers = read(function)["headers"]
    assert headers["cache-control"] == "public, max-age=300"
    for known in (headers["etag"], f'"other", {headers["etag"]}', headers["etag"].removeprefix("W/")):
        answer = read(function, if_none_match=known, accept_encoding="gzip")
        assert (answer["statusCode"], answer["body"], answer["headers"]["etag"]) == (304, "", headers["etag"])
    assert read(function, if_none_match='"other"')["statusCode"] == 200


def test_it_is_made_once_in_some_minutes(monkeypatch: pytest.MonkeyPatch, parts: Runtime) -> None:
    made: list[int] = []
    published = type(parts.catalog).published
    monkeypatch.setattr(type(parts.catalog), "published", lambda catalog: made.append(1) or published(catalog))
    with clock.using(lambda: 1_773_144_000):
        for _ in range(3):
            read("get_plans")
    assert len(made) == 1
    with clock.using(lambda: 1_773_144_300):
        read("get_plans")
    assert len(made) == 2
