from __future__ import annotations

import pytest

from local.gateway.answers import DEFAULT_TYPE, InvalidAnswer, to_response
from local.gateway.messages import JSON_TYPE, HttpResponse
from local.template.loader import Value


def test_an_answer_is_mapped_field_by_field() -> None:
    answer: Value = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/csv", "x-count": 3},
        "cookies": ["a=1; Secure", "b=2"],
        "body": "é",
        "isBase64Encoded": False,
    }
    headers = (("Content-Type", "text/csv"), ("x-count", "3"), ("set-cookie", "a=1; Secure"), ("set-cookie", "b=2"))
    assert to_response(answer) == HttpResponse(201, headers, "é".encode())


def test_a_base64_body_is_decoded() -> None:
    assert to_response({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}).body == b"\x00\xff"


def test_a_status_alone_is_an_empty_text() -> None:
    assert to_response({"statusCode": "204"}) == HttpResponse(204, (DEFAULT_TYPE,), b"")


@pytest.mark.parametrize(
    ("answer", "body"),
    [({"a": [1]}, b'{"a":[1]}'), ("text", b'"text"'), (None, b"null"), ([], b"[]"), ({"body": "x"}, b'{"body":"x"}')],
)
def test_an_answer_without_a_status_is_the_body_of_a_200(answer: Value, body: bytes) -> None:
    assert to_response(answer) == HttpResponse(200, (JSON_TYPE,), body)


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "ok"},
        {"statusCode": 99},
        {"statusCode": True},
        {"statusCode": None},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"location": "https://a.test\r\nset-cookie: x=1"}},
        {"statusCode": 200, "headers": {"x-name": "\N{SNOWMAN}"}},
        {"statusCode": 200, "cookies": "a=1"},
    ],
)
def test_an_answer_that_is_no_response_is_refused(answer: Value) -> None:
    with pytest.raises(InvalidAnswer):
        to_response(answer)
