"""A page of another site has no way in, whatever name it gives this machine."""

from __future__ import annotations

import pytest
import requests

from local.stack import Stack


def sent(stack: Stack, method: str, path: str, **headers: str) -> requests.Response:
    body = {"days": 0} if method == "POST" else None
    return requests.request(method, f"{stack.base_url}{path}", json=body, headers=headers, timeout=60)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "", "["])
@pytest.mark.parametrize("path", ["/open", "/_local/clock", "/_local/stripe/v1/customers", "/_local/aws"])
def test_a_host_that_is_not_the_stacks_own_is_answered_421(stack: Stack, host: str, path: str) -> None:
    answer = sent(stack, "GET", path, Host=host)
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "MISDIRECTED_REQUEST")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost", "LOCALHOST:3000", "host.docker.internal:3000"])
def test_this_machine_and_its_containers_are_let_in(stack: Stack, host: str) -> None:
    assert sent(stack, "GET", "/open", Host=host).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "https://127.0.0.1", "http://["]
)
def test_the_doors_refuse_a_foreign_origin(stack: Stack, origin: str) -> None:
    before = sent(stack, "GET", "/_local/clock").json()["unix"]
    for path in ("/_local/advance", "/_local/token", "/_local/stripe/webhooks", "/_local/invoke/EchoFunction"):
        answer = sent(stack, "POST", path, Origin=origin)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FOREIGN_ORIGIN")
    assert sent(stack, "GET", "/_local/clock").json()["unix"] - before < 60


def test_the_stacks_own_pages_may_use_its_doors(stack: Stack) -> None:
    for name in ("127.0.0.1", "localhost"):
        assert sent(stack, "POST", "/_local/advance", Origin=f"http://{name}:{stack.port}").status_code == 200


def test_the_api_leaves_origins_to_its_cors_settings(stack: Stack) -> None:
    assert sent(stack, "GET", "/open", Origin="https://app.test").status_code == 200
