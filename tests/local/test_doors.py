"""The stack's own doors, on the small app."""

from __future__ import annotations

from typing import Any

import boto3
import jwt
import pytest
import requests
from botocore.exceptions import ClientError

from local.gateway.server import PortTaken, Server
from local.stack import Stack
from local.testing import running_stack

DAY = 86_400


def post(stack: Stack, door: str, body: object = None) -> requests.Response:
    return requests.post(f"{stack.base_url}/_local/{door}", json=body, timeout=60)


def clock(stack: Stack) -> int:
    found = requests.get(f"{stack.base_url}/_local/clock", timeout=60).json()
    assert set(found) == {"now", "unix"}
    return int(found["unix"])


def sweeps() -> tuple[int, int]:
    """How often the schedule fired, and when last."""
    key = {"id": {"S": "sweeps"}}
    item: dict[str, Any] = (
        boto3.client("dynamodb").get_item(TableName="aerostack-local-Counters", Key=key).get("Item", {})
    )
    return int(item.get("n", {"N": 0})["N"]), int(item.get("last_at", {"N": 0})["N"])


def test_an_advance_moves_the_clock_that_functions_and_tokens_read(stack: Stack) -> None:
    before = clock(stack)
    old = stack.token("acct_1", expires_in_seconds=3_600)
    answer = post(stack, "advance", {"days": 1, "hours": 1, "minutes": 0.5})
    assert answer.status_code == 200
    # What the three make, and what passed by itself.
    assert 0 <= answer.json()["unix"] - before - (DAY + 3_630) < 300
    assert requests.get(f"{stack.base_url}/open", timeout=60).json()["unix"] >= before + DAY + 3_630
    headers = {"Authorization": f"Bearer {old}"}
    assert requests.get(f"{stack.base_url}/echo", headers=headers, timeout=60).status_code == 401


def test_schedules_fire_on_the_way_and_read_the_moment_they_fire_at(stack: Stack) -> None:
    fired, _ = sweeps()
    answer = post(stack, "advance", {"hours": 5})
    assert answer.json()["schedules_fired"] == 5
    assert sweeps()[0] == fired + 5
    # The last one within the last hour, and the time that the answer took.
    assert 0 <= answer.json()["unix"] - sweeps()[1] < 3_600 + 300


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        [],
        "31",
        {"weeks": 1},
        {"days": "31"},
        {"days": -1},
        {"days": True},
        {"days": 1, "at": 2},
        {"days": 1e9},
    ],
)
def test_an_advance_that_is_not_understood_is_refused_and_moves_nothing(stack: Stack, body: object) -> None:
    before = clock(stack)
    answer = post(stack, "advance", body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "INVALID_REQUEST"
    assert clock(stack) - before < 60


def test_a_function_is_invoked_with_the_event_and_its_answer_returned(stack: Stack) -> None:
    answer = post(stack, "invoke/EchoFunction", {"a": [1, 2]})
    assert answer.status_code == 200
    assert answer.json()["event"] == {"a": [1, 2]}
    assert requests.post(f"{stack.base_url}/_local/invoke/EchoFunction", timeout=60).json()["event"] == {}


def test_a_function_that_raises_is_told_as_lambda_tells_it(stack: Stack) -> None:
    answer = post(stack, "invoke/EchoFunction", {"rawQueryString": "raise"})
    assert answer.status_code == 200
    assert answer.headers["x-amz-function-error"] == "Unhandled"
    assert answer.json() == {"errorType": "ValueError", "errorMessage": "the secret is 42"}


def test_a_function_that_is_not_there_is_refused_with_those_that_are(stack: Stack) -> None:
    answer = post(stack, "invoke/Nobody", {})
    assert answer.status_code == 422
    assert "EchoFunction, TakeFunction, SweepFunction" in answer.json()["error"]["message"]


def test_an_event_that_is_not_json_is_refused(stack: Stack) -> None:
    answer = requests.post(f"{stack.base_url}/_local/invoke/EchoFunction", data="{", timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "INVALID_REQUEST")


def test_a_function_url_hands_on_the_raw_body_and_the_rest_of_the_path(stack: Stack) -> None:
    raw = b'{\n  "id":"evt_1" }'
    url = f"{stack.base_url}/_local/url/EchoFunction"
    event = requests.post(f"{url}/a/b?c=d", data=raw, headers={"Content-Type": "application/json"}, timeout=60).json()[
        "event"
    ]
    assert (event["rawPath"], event["rawQueryString"], event["body"].encode()) == ("/a/b", "c=d", raw)
    assert requests.get(url, timeout=60).json()["event"]["rawPath"] == "/"


def test_a_function_url_answers_502_for_a_function_that_raises(stack: Stack) -> None:
    answer = requests.get(f"{stack.base_url}/_local/url/EchoFunction?raise", timeout=60)
    assert (answer.status_code, answer.json()) == (502, {"message": "Internal Server Error"})


def test_a_function_url_takes_six_megabytes_at_most(stack: Stack) -> None:
    answer = requests.post(f"{stack.base_url}/_local/url/EchoFunction", data=b"x" * 6_291_457, timeout=120)
    assert answer.status_code == 413


def test_a_function_without_a_url_has_none(stack: Stack) -> None:
    assert requests.get(f"{stack.base_url}/_local/url/TakeFunction", timeout=60).status_code == 404


@pytest.mark.parametrize("door", ["nothing", "advance"])
def test_a_door_that_is_not_there_gets_404_with_those_that_are(stack: Stack, door: str) -> None:
    answer = requests.get(f"{stack.base_url}/_local/{door}", timeout=60)
    assert answer.status_code == 404
    assert "POST /_local/advance" in answer.json()["error"]["message"]


def test_the_stack_tells_that_it_is_well(stack: Stack) -> None:
    assert requests.get(f"{stack.base_url}/_local/health", timeout=60).json() == {"status": "ok", "store": "moto"}


def test_a_client_outside_and_one_inside_share_one_aws(stack: Stack) -> None:
    url = f"{stack.base_url}/_local/aws"
    inside = boto3.client("secretsmanager")
    # A door by another name takes no short cut: this client goes over HTTP.
    outside = boto3.client("secretsmanager", endpoint_url=url.replace("127.0.0.1", "localhost"))
    inside.create_secret(Name="shared", SecretString="by the inside")
    assert outside.get_secret_value(SecretId="shared")["SecretString"] == "by the inside"
    outside.put_secret_value(SecretId="shared", SecretString="by the outside")
    assert inside.get_secret_value(SecretId="shared")["SecretString"] == "by the outside"


def _told(client: object, operation: str, **asked: object) -> dict[str, Any]:
    """An answer, or all that an error says, without what differs from one request to the next."""
    try:
        answer: dict[str, Any] = getattr(client, operation)(**asked)
    except ClientError as error:
        answer = {"raised": type(error).__name__, **error.response}
    status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    return {**answer, "status": status}


def test_a_client_inside_is_told_what_the_wire_tells(stack: Stack) -> None:
    outside_url = f"{stack.base_url}/_local/aws".replace("127.0.0.1", "localhost")
    inside, outside = boto3.client("dynamodb"), boto3.client("dynamodb", endpoint_url=outside_url)
    table = {"TableName": "aerostack-local-Counters"}
    taken = {"id": {"S": "taken"}}
    new = {"Item": taken, "ConditionExpression": "attribute_not_exists(id)"}
    inside.put_item(**table, Item={**taken, "b": {"B": b"\x00\xff"}})
    for operation, asked in (
        ("get_item", {**table, "Key": taken}),
        ("get_item", {**table, "Key": {"id": {"S": "missing"}}, "ReturnConsumedCapacity": "TOTAL"}),
        ("get_item", {"TableName": "no-such", "Key": taken}),
        ("get_item", {**table, "Key": {"id": {"N": "1"}}}),
        ("put_item", {**table, **new, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
        ("transact_write_items", {"TransactItems": [{"Put": {**table, **new}}]}),
    ):
        assert _told(inside, operation, **asked) == _told(outside, operation, **asked), operation


def test_a_service_that_is_not_served_here_is_refused_here(stack: Stack) -> None:
    with pytest.raises(Exception, match="cloudformation is not served locally"):
        boto3.client("cloudformation").list_stacks()


def test_a_port_that_is_taken_is_told(stack: Stack) -> None:
    with pytest.raises(PortTaken, match=f"cannot listen on port {stack.port}: .*; name another with PORT"):
        Server(stack.port)


def test_one_process_runs_one_stack_at_a_time(stack: Stack) -> None:
    with pytest.raises(RuntimeError, match="runs in this process already"), running_stack():
        pass
    assert requests.get(f"{stack.base_url}/_local/health", timeout=60).status_code == 200


def test_the_billing_page_is_given_a_token_of_the_account_that_opens_routes_and_no_service_s(stack: Stack) -> None:
    answer = post(stack, "token", {"account": "acct_1"})
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    echoed = requests.get(f"{stack.base_url}/echo", headers=headers, timeout=60).json()
    assert echoed["event"]["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == "acct_1"
    assert requests.get(f"{stack.base_url}/metered", headers=headers, timeout=60).status_code == 403


def test_a_token_with_scopes_opens_a_services_route_and_lives_as_long_as_it_is_told(stack: Stack) -> None:
    body = {"account": "svc_1", "scopes": "billing:meter billing:charge", "expires_in_seconds": 60}
    minted = post(stack, "token", body).json()["token"]
    headers = {"Authorization": f"Bearer {minted}"}
    assert requests.get(f"{stack.base_url}/metered", headers=headers, timeout=60).status_code == 200
    claims = jwt.decode(minted, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"account": ""},
        {"account": 7},
        {"account": "a b"},
        {"account": "a" * 129},
        {"account": "acct_1", "scopes": ["billing:meter"]},
        {"account": "acct_1", "expires_in_seconds": "60"},
        {"account": "acct_1", "expires_in_seconds": True},
        {"account": "acct_1", "expires_in_seconds": 10**10},
        {"account": "acct_1", "role": "owner"},
    ],
)
def test_a_token_that_cannot_be_made_out_is_refused(stack: Stack, body: object) -> None:
    answer = post(stack, "token", body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "INVALID_REQUEST"


def test_a_stack_without_the_demo_lists_no_account(stack: Stack) -> None:
    assert requests.get(f"{stack.base_url}/_local/accounts", timeout=60).json() == {"accounts": []}
