"""The small app over HTTP."""

from __future__ import annotations

import http.client
import logging
import socket

import pytest
import requests

from local.gateway.server import MAX_BODY_BYTES
from local.stack import Stack


def bearer(stack: Stack, scopes: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.token('acct_1', scopes)}"}


def test_a_token_of_the_stack_opens_a_route_and_names_the_account(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/echo", headers=bearer(stack), timeout=60)
    assert answer.status_code == 200
    assert answer.json()["event"]["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == "acct_1"


def test_no_token_gets_api_gateway_s_401(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/echo", timeout=60)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_without_the_scope_gets_403_and_with_it_200(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/metered", headers=bearer(stack, "billing:charge"), timeout=60)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    answer = requests.get(f"{stack.base_url}/metered", headers=bearer(stack, "billing:meter"), timeout=60)
    assert answer.json()["event"]["requestContext"]["authorizer"]["jwt"]["scopes"] == ["billing:meter"]


@pytest.mark.parametrize("path", ["/nothing", "/index", "/echo/", "/open/x"])
def test_a_path_without_a_route_gets_404(stack: Stack, path: str) -> None:
    answer = requests.get(f"{stack.base_url}{path}", timeout=60)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_a_function_s_context_is_lambda_s(stack: Stack) -> None:
    found = requests.get(f"{stack.base_url}/open", timeout=60).json()
    assert found["name"] == "aerostack-local-EchoFunction"
    assert 0 < found["left"] <= 5_000
    assert found["id"] != requests.get(f"{stack.base_url}/open", timeout=60).json()["id"]


def test_what_a_function_raises_is_in_the_log_and_not_in_the_answer(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    answer = requests.get(f"{stack.base_url}/open?raise", timeout=60)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert "the secret is 42" in caplog.text


@pytest.mark.parametrize("query", ["unsendable", "no-json"])
def test_an_answer_that_cannot_be_sent_is_a_500(stack: Stack, query: str) -> None:
    answer = requests.get(f"{stack.base_url}/open?{query}", timeout=60)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_a_connection_carries_many_requests(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    sockets = set()
    for body in (b"one", b"", b"three"):
        connection.request("POST", "/echo/7", body=body, headers={"Content-Type": "text/plain"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert (b'"body":"' + body + b'"' in answer.read()) == bool(body)
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1


def test_a_chunked_body_arrives_whole(stack: Stack) -> None:
    chunks = iter([b"Hello ", b"from ", b"chunks"])
    answer = requests.post(f"{stack.base_url}/echo/7", data=chunks, headers={"Content-Type": "text/plain"}, timeout=60)
    assert answer.json()["event"]["body"] == "Hello from chunks"


def test_a_body_over_ten_megabytes_gets_413(stack: Stack) -> None:
    answer = requests.post(f"{stack.base_url}/echo/7", data=b"x" * (MAX_BODY_BYTES + 1), timeout=120)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


def test_a_chunked_body_over_ten_megabytes_gets_413(stack: Stack) -> None:
    chunks = (b"x" * 1_048_576 for _ in range(11))
    answer = requests.post(f"{stack.base_url}/echo/7", data=chunks, timeout=120)
    assert answer.status_code == 413


def test_a_megabyte_passes(stack: Stack) -> None:
    body = "x" * 1_000_000
    answer = requests.post(f"{stack.base_url}/echo/7", data=body, headers={"Content-Type": "text/plain"}, timeout=120)
    assert answer.json()["event"]["body"] == body


@pytest.mark.parametrize("head", [b"Content-Length: nine\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_whose_length_cannot_be_read_gets_400(stack: Stack, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", stack.port), timeout=60) as raw:
        raw.sendall(b"POST /echo/7 HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\nnot a length\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_preflight_is_answered_by_the_gateway(stack: Stack) -> None:
    asked = {"Origin": "https://app.test", "Access-Control-Request-Method": "GET"}
    answer = requests.options(f"{stack.base_url}/echo", headers=asked, timeout=60)
    assert answer.status_code == 204
    found = {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control")}
    assert found == {
        "access-control-allow-origin": "https://app.test",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization",
        "access-control-max-age": "60",
    }


def test_a_preflight_from_another_origin_is_allowed_nothing(stack: Stack) -> None:
    asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}
    answer = requests.options(f"{stack.base_url}/echo", headers=asked, timeout=60)
    assert answer.status_code == 204
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


def test_the_gateway_s_cors_headers_replace_the_function_s(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/open?tell", headers={"Origin": "https://app.test"}, timeout=60)
    assert answer.headers["access-control-allow-origin"] == "https://app.test"
    assert answer.headers["access-control-expose-headers"] == "x-told"
    answer = requests.get(f"{stack.base_url}/open?tell", timeout=60)
    assert "access-control-allow-origin" not in answer.headers


def test_a_refused_token_gets_cors_headers_too_so_that_a_browser_can_read_it(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/echo", headers={"Origin": "https://app.test"}, timeout=60)
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://app.test"


def test_the_server_listens_on_loopback_only(stack: Stack) -> None:
    with socket.socket() as elsewhere:
        # Another loopback address stands for another interface.
        assert elsewhere.connect_ex(("127.0.0.2", stack.port)) != 0


def test_the_access_log_names_the_path_and_no_token_or_query(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    token = stack.token("acct_1")
    with caplog.at_level(logging.INFO, "local.access"):
        requests.get(f"{stack.base_url}/echo?session_id=cs_1", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        requests.get(f"{stack.base_url}/open", timeout=60)
    lines = [record.getMessage() for record in caplog.records if record.name == "local.access"]
    assert any(line.startswith("GET /echo 200 ") for line in lines)
    assert token not in caplog.text
    assert "cs_1" not in caplog.text


def test_a_mounted_application_sees_its_own_paths(stack: Stack) -> None:
    answer = requests.post(f"{stack.base_url}/_local/stripe/v1/customers?x=1", data="body", timeout=60)
    assert answer.text == "/_local/stripe /v1/customers body"
    assert requests.get(f"{stack.base_url}/_local/stripes", timeout=60).status_code == 404


def test_a_mounted_application_can_hang_up_without_an_answer(stack: Stack) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{stack.base_url}/_local/stripe/hang-up", timeout=60)


def test_a_fault_of_the_stack_s_own_is_a_500_that_tells_nothing(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/_local/stripe/break", timeout=60)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
