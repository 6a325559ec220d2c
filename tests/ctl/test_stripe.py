"""`billingctl stripe` on the running stack, and on AWS before there is one."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from aerostack_billing.assembly import runtime
from tests.ctl.amazon import Amazon, amazon
from tests.ctl.conftest import Ctl, Customer, Json
from tests.flows.client import Api
from tests.flows.client import until as eventually

Asked = Callable[..., Json]
WHY = ("--reason", "The test wants it.")
KINDS = ("product", "price", "billing_portal.configuration", "webhook_endpoint")


@contextmanager
def set_aside(api: Api) -> Iterator[dict[str, dict[str, Any]]]:
    """Inside the block the stack's Stripe is as a new account is; hands back what is in it, by kind."""
    store = api.stack.stripe.world.store  # type: ignore[attr-defined]  # the local Stripe's own inside
    api.deliver()

    def become(objects: dict[str, Any], keys: dict[str, Any]) -> None:
        with store.lock:
            # What is on its way to endpoints that are no more is let go.
            store.state.waiting.clear()
            store.state.objects.update(objects)
            store.state.idempotency = keys

    before, keys = {kind: store.state.objects[kind] for kind in KINDS}, store.state.idempotency
    become({kind: {} for kind in KINDS}, {})
    try:
        yield store.state.objects
    finally:
        api.deliver()
        become(before, keys)


def secret_arn(api: Api) -> str:
    """Where the stack's secret is."""
    return str(api.door("functions/ReconcileFunction")["environment"]["STRIPE_SECRET_ARN"])


def kept_secret(api: Api) -> dict[str, Any]:
    """What the stack's secret holds."""
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret_arn(api))
    kept: dict[str, Any] = json.loads(answer["SecretString"])
    return kept


def signing_secrets(api: Api) -> list[str]:
    """The signing secrets that are believed."""
    secrets: list[str] = kept_secret(api)["webhook_secrets"]
    return secrets


@pytest.fixture
def empty(api: Api) -> Iterator[dict[str, dict[str, Any]]]:
    """An account at Stripe that is empty, and the stack's secret as it was afterwards."""
    arn = secret_arn(api)
    client = boto3.client("secretsmanager")
    before = client.get_secret_value(SecretId=arn)["SecretString"]
    with set_aside(api) as objects:
        yield objects
    client.put_secret_value(SecretId=arn, SecretString=before)
    runtime.reset()


def test_the_stripe_of_the_local_stack_is_as_it_must_be(asked: Asked) -> None:
    assert asked("stripe", "check")["findings"] == []


def test_an_empty_account_is_made_ready_and_sells(
    ctl: Ctl, asked: Asked, api: Api, account: Customer, empty: dict[str, dict[str, Any]]
) -> None:
    lacking = ctl("stripe", "check", "--json")
    assert (lacking.status, len(lacking.json["findings"])) == (1, 13)
    body = asked("stripe", "bootstrap", "--dry-run")
    assert len(body["would"]["findings"]) == 13
    assert not any(empty[kind] for kind in KINDS)
    done = asked("stripe", "bootstrap", *WHY)
    assert done["result"]["portal_configuration"] in empty["billing_portal.configuration"]
    assert "https://dashboard.stripe.com/connect" in done["result"]["by_hand"]
    counts = {kind: len(empty[kind]) for kind in KINDS}
    assert counts == {"product": 3, "price": 6, "billing_portal.configuration": 2, "webhook_endpoint": 2}
    assert asked("stripe", "bootstrap", *WHY)["result"]["findings"] == []
    assert {kind: len(empty[kind]) for kind in KINDS} == counts
    assert asked("stripe", "check")["findings"] == []
    # Bought and told of by what was made: the functions read the secret again, as they do every five minutes.
    runtime.reset()
    account.pay(account.page("pro"))
    eventually(lambda: account.tier() == "pro")


def test_a_new_signing_secret_is_kept_beside_the_others_and_shown_nowhere(
    ctl: Ctl, asked: Asked, api: Api, empty: dict[str, dict[str, Any]]
) -> None:
    before = signing_secrets(api)
    ran = ctl("stripe", "bootstrap", *WHY)
    made = [endpoint["_secret"] for endpoint in empty["webhook_endpoint"].values()]
    assert signing_secrets(api) == [*before, *made]
    log = json.dumps(asked("log", "--limit", "1"))
    for secret in made:
        assert secret not in ran.out + ran.err + log


def test_the_secret_of_an_endpoint_that_is_gone_is_dropped_in_a_later_run_and_only_where_that_is_asked(
    asked: Asked, api: Api, empty: dict[str, dict[str, Any]]
) -> None:
    (by_hand,) = signing_secrets(api)
    asked("stripe", "bootstrap", *WHY)
    old, connect = empty["webhook_endpoint"].values()
    old["api_version"] = "2024-06-20"
    asked("stripe", "bootstrap", "--prune-secrets", *WHY)
    (new,) = (each for each in empty["webhook_endpoint"].values() if each["id"] not in (old["id"], connect["id"]))
    all_of_them = [by_hand, old["_secret"], connect["_secret"], new["_secret"]]
    asked("stripe", "bootstrap", *WHY)
    (found,) = asked("stripe", "bootstrap", "--prune-secrets", "--dry-run")["would"]["findings"]
    assert (found["kind"], found["action"], found["id"]) == ("signing secret", "delete", old["id"])
    assert signing_secrets(api) == all_of_them
    assert asked("stripe", "bootstrap", "--prune-secrets", *WHY)["result"]["findings"] == [found]
    assert signing_secrets(api) == [by_hand, connect["_secret"], new["_secret"]]
    assert asked("stripe", "bootstrap", "--prune-secrets", *WHY)["result"]["findings"] == []


def test_what_else_is_in_the_secret_stays_as_it_is(asked: Asked, api: Api, empty: dict[str, dict[str, Any]]) -> None:
    before = {**kept_secret(api), "note": "Whom to ask: finance."}
    boto3.client("secretsmanager").put_secret_value(SecretId=secret_arn(api), SecretString=json.dumps(before))
    asked("stripe", "bootstrap", *WHY)
    empty["webhook_endpoint"].clear()
    asked("stripe", "bootstrap", "--prune-secrets", *WHY)
    after = kept_secret(api)
    assert {name: after[name] for name in ("api_key", "note")} == {name: before[name] for name in ("api_key", "note")}
    made = [endpoint["_secret"] for endpoint in empty["webhook_endpoint"].values()]
    assert after["webhook_secrets"] == [*before["webhook_secrets"], *made]


def test_who_may_not_write_the_secret_cannot_prune_it(ctl: Ctl, tmp_path: Path) -> None:
    refused = ctl("stripe", "bootstrap", "--prune-secrets", "--secret-file", str(tmp_path / "new"), *WHY)
    assert (refused.status, (tmp_path / "new").exists()) == (2, False)


def test_who_may_not_write_the_secret_gets_a_file_that_is_theirs_alone(
    ctl: Ctl, api: Api, tmp_path: Path, empty: dict[str, dict[str, Any]]
) -> None:
    before, file = signing_secrets(api), tmp_path / "signing"
    ran = ctl("stripe", "bootstrap", "--secret-file", str(file), *WHY)
    assert ran.status == 0
    assert file.read_text().split() == [endpoint["_secret"] for endpoint in empty["webhook_endpoint"].values()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert signing_secrets(api) == before
    assert str(file) in ran.err
    refused = ctl("stripe", "bootstrap", "--secret-file", str(file), *WHY)
    assert refused.status == 1


def test_a_bootstrap_is_noted(asked: Asked) -> None:
    done = asked("stripe", "bootstrap", *WHY)
    (entry,) = asked("log", "--limit", "1")["operations"]
    assert (entry["operation_id"], entry["verb"], entry["state"]) == (done["operation_id"], "stripe bootstrap", "done")


@pytest.fixture
def aws(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    """AWS with a secret and no stack; what the SDK calls Stripe is the local one."""
    given = api.door("functions/ReconcileFunction")["environment"]
    monkeypatch.setattr("aerostack_billing.platform.config.Settings.stripe_api_base", given["STRIPE_API_BASE"])
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", given["AWS_ENDPOINT_URL_SECRETS_MANAGER"])
    with amazon({}, "") as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", found.url)
        yield found


def test_before_there_is_a_stack_all_but_the_endpoints_is_made(
    ctl: Ctl, api: Api, aws: Amazon, empty: dict[str, dict[str, Any]]
) -> None:
    arn = secret_arn(api)
    ran = ctl("--region", "us-east-1", "stripe", "bootstrap", "--secret-arn", arn, *WHY, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["operation_id"] is None
    assert (len(empty["price"]), len(empty["webhook_endpoint"])) == (6, 0)
    assert "do this again with --stack" in ran.err
    assert "nothing was noted" in ran.err
    assert ran.json["result"]["portal_configuration"].startswith("bpc_")
    assert aws.asked == ["GetCallerIdentity"]


def test_a_secret_beside_a_stack_is_one_too_many(ctl: Ctl) -> None:
    refused = ctl("--stack", "prod", "stripe", "check", "--secret-arn", "arn:aws:x")
    assert refused.status == 2
