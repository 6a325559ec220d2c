"""`make invoke`: one function in a process of its own, by Lambda's runtime, against the running stack."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import requests

from aerostack_billing.platform import deadline
from local.__main__ import main, sample_name
from local.lambdas.invoke import resigned
from local.lambdas.layer import adopted
from local.stack import Stack
from local.testing import running_stack
from tests.local.conftest import APP, HANDLERS
from tests.local.harness import function, idle_stripe, write

LAYER = Path(__file__).parents[2] / "layers" / "common"

TELL = """
    import os
    import boto3
    from aerostack_billing.platform import clock

    print("a line of log")

    def handler(event, context):
        if event.get("fail"):
            raise ValueError("it failed")
        key = {"id": {"S": "c"}}
        item = boto3.client("dynamodb").get_item(TableName=os.environ["COUNTERS"], Key=key)["Item"]
        return {"event": event, "unix": clock.unix(), "taken": item["taken"]["N"],
                "stripe": os.environ["STRIPE_API_BASE"], "left": context.get_remaining_time_in_millis(),
                "home": "SECRET_OF_THE_SHELL" in os.environ}
    """


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    more = "Layers: [!Ref Common]\nEnvironment: {Variables: {COUNTERS: !Ref Counters}}"
    layer = f"  Common: {{Type: AWS::Serverless::LayerVersion, Properties: {{ContentUri: {LAYER}}}}}\n"
    app = APP + layer + function("TellFunction", "tell", more=more)
    template = write(tmp_path_factory.mktemp("app"), app, {**HANDLERS, "tell": TELL})
    with running_stack(template=template, stripe=idle_stripe) as stack:
        requests.post(f"{stack.base_url}/take", timeout=60)
        requests.post(f"{stack.base_url}/_local/advance", json={"days": 40}, timeout=60)
        yield stack


def invoked(stack: Stack, folder: Path, event: object, name: str = "TellFunction") -> int:
    file = folder / "event.json"
    file.write_text(json.dumps(event))
    return main(["invoke", "--port", str(stack.port), "--function", name, "--event", str(file)])


def test_a_function_runs_by_lambda_s_runtime_against_the_stack_s_state_and_time(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "x")
    assert invoked(stack, tmp_path, {"a": 1}) == 0
    out, err = capfd.readouterr()
    answer = json.loads(out)
    assert (answer["event"], answer["taken"], answer["home"]) == ({"a": 1}, "1", False)
    assert abs(answer["unix"] - stack.clock.unix()) < 60
    assert answer["stripe"] == f"{stack.base_url}/_local/stripe"
    assert 0 < answer["left"] <= 5_000
    assert "a line of log" in err


def test_a_function_that_fails_is_told_and_exits_1(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert invoked(stack, tmp_path, {"fail": True}) == 1
    answer = json.loads(capfd.readouterr().out)
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "it failed")


def test_a_function_that_is_not_there_is_refused(
    stack: Stack, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert invoked(stack, tmp_path, {}, name="Nobody") == 1
    assert "Nobody is no function of the template" in capfd.readouterr().err


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "event.json").write_text("{}")
    # Nothing listens on the port that a web server of the machine would have.
    assert main(["invoke", "--port", "1", "--event", str(tmp_path / "event.json")]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "no local stack answers on port 1: start one with `make run`" in err


@pytest.mark.parametrize(("text", "complaint"), [(None, "cannot be read"), ("{", "is not JSON")])
def test_an_event_file_that_cannot_be_taken_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str | None, complaint: str
) -> None:
    if text is not None:
        (tmp_path / "event.json").write_text(text)
    assert main(["invoke", "--event", str(tmp_path / "event.json")]) == 2
    assert complaint in capfd.readouterr().err


def test_a_function_s_sample_has_its_name() -> None:
    assert sample_name("GetBillingFunction") == "get-billing.json"
    assert sample_name("StripeWebhookFunction") == "stripe-webhook.json"


def test_a_webhook_sample_is_signed_at_the_stack_s_time() -> None:
    event = {"headers": {"Stripe-Signature": "t=1,v1=old", "a": "b"}, "body": '{"id": 1}', "isBase64Encoded": False}
    signed = resigned(event, 1_772_357_400.7)
    assert isinstance(signed, dict)
    headers = signed["headers"]
    assert isinstance(headers, dict)
    stamp, digest = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", str(headers["Stripe-Signature"])).groups()  # type: ignore[union-attr]
    assert stamp == "1772357400"
    assert digest == hmac.new(b"whsec_local", f"{stamp}.{event['body']}".encode(), hashlib.sha256).hexdigest()
    assert headers["a"] == "b"


def test_an_event_that_is_no_webhook_stays_as_it_is() -> None:
    for event in ({"headers": {"a": "b"}, "body": "x"}, {"detail": "{}"}, [], None):
        assert resigned(event, 1.0) is event


def test_no_call_is_refused_for_want_of_time_on_a_machine_that_is_busy() -> None:
    with adopted([LAYER], time.time), deadline.within(mock.Mock(get_remaining_time_in_millis=lambda: 5_000)):
        assert [deadline.left() for _ in range(3)] == [4.5] * 3
