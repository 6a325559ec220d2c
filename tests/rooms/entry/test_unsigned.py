"""A webhook that nobody signed costs next to nothing: no secret, no SDK, no room is loaded for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from aerostack_billing.assembly import runtime
from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform import clock
from aerostack_billing.platform.config import Settings
from functions.stripe_webhook.app import handler
from local.paths import ROOT

NOW = 1_773_144_000
UNSIGNED = [
    {},
    {"stripe-signature": ""},
    {"stripe-signature": "t=1,v1=" + "0" * 64},
    {"stripe-signature": f"t={NOW},v1=" + "0" * 63},
    {"stripe-signature": f"t={NOW},v0=" + "0" * 64},
    {"stripe-signature": f"t={NOW}" + ",v1=" * 2_000 + "0" * 64},
    {"stripe-signature": "\u00e9"},
]


@pytest.mark.parametrize("headers", UNSIGNED)
def test_it_is_refused_before_the_secret_is_read(headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    # These rooms name no secret: whoever asks for it fails.
    parts = Runtime(Settings({}))
    monkeypatch.setattr(runtime, "current", lambda: parts)
    with clock.using(lambda: NOW):
        answer = handler({"headers": headers, "body": "{}", "requestContext": {}}, None)
    assert answer["statusCode"] == 400
    assert json.loads(str(answer["body"]))["error"]["code"] == "INVALID_SIGNATURE"


def test_a_body_that_is_far_too_large_is_refused_likewise(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Runtime(Settings({}))
    monkeypatch.setattr(runtime, "current", lambda: parts)
    header = {"stripe-signature": f"t={NOW},v1=" + "0" * 64}
    with clock.using(lambda: NOW):
        answer = handler({"headers": header, "body": "x" * (1024 * 1024 + 1), "requestContext": {}}, None)
    assert answer["statusCode"] == 400


def test_neither_the_sdk_nor_the_secrets_nor_a_room_is_loaded_for_it() -> None:
    script = (
        "import sys; from functions.stripe_webhook.app import handler; "
        "assert handler({'headers': {}, 'body': '{}', 'requestContext': {}}, None)['statusCode'] == 400; "
        "loaded = {'stripe', 'aerostack_billing.payments.secrets', 'aerostack_billing.webhooks.service'}; "
        "print(sorted(loaded & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/common'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines()[-1] == "[]"
