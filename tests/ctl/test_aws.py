"""A stack on AWS is found by its name, and worked on by what its own function is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ctl.amazon import CALLER, FUNCTION, STACK, Amazon, amazon
from tests.ctl.conftest import Ctl, Customer, Ran
from tests.flows.client import Api


@pytest.fixture
def aws(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Amazon]:
    """AWS, where the stack is the one that runs here under other names; a profile `oncall` reaches it."""
    given = api.door("functions/ReconcileFunction")["environment"]
    environment = {name: value for name, value in given.items() if not name.startswith("AWS_")}
    (tmp_path / "config").write_text("[profile oncall]\nregion = us-east-1\n[profile nowhere]\n")
    (tmp_path / "credentials").write_text(
        "[oncall]\naws_access_key_id = a\naws_secret_access_key = b\n[nowhere]\naws_access_key_id = a\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", given["AWS_ENDPOINT_URL_DYNAMODB"])
    with amazon(environment, "https://abc.lambda-url.us-east-1.on.aws/") as found:
        for service in ("CLOUDFORMATION", "LAMBDA", "STS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", found.url)
        yield found


@pytest.fixture
def ctl(ctl: Ctl, aws: Amazon, api: Api, monkeypatch: pytest.MonkeyPatch) -> Ctl:
    """Runs a command that is told of AWS by its profile alone; the stack's functions, in this process too, are not."""

    def run(*arguments: str) -> Ran:
        api.deliver()
        with monkeypatch.context() as patch:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
                patch.delenv(name, raising=False)
            return ctl(*arguments)

    return run


def test_a_stack_is_worked_on_by_profile_and_name(ctl: Ctl, aws: Amazon, account: Customer) -> None:
    account.deposit(2_000)
    ran = ctl("--stack", STACK, "--profile", "oncall", "account", "show", account.id, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["wallet"]["balance_cents"] == 2_000
    assert f"/2015-03-31/functions/{FUNCTION}/configuration" in aws.asked


def test_who_acts_on_aws_is_noted_by_the_identity_that_aws_tells(ctl: Ctl, aws: Amazon, account: Customer) -> None:
    chosen = ("--stack", STACK, "--profile", "oncall")
    assert ctl(*chosen, "account", "set-tier", account.id, "pro", "--reason", "Agreed.").status == 0
    assert account.tier() == "pro"
    (entry,) = ctl(*chosen, "log", "--account", account.id, "--json").json["operations"]
    assert entry["who"].startswith(f"{CALLER} (")


def test_the_stack_may_be_named_by_the_environment(
    ctl: Ctl, aws: Amazon, account: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLINGCTL_STACK", STACK)
    assert ctl("--profile", "oncall", "usage", "show", account.id).status == 0
    assert aws.asked


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (["--stack", "no-stack", "--profile", "oncall"], "Stack 'no-stack' does not exist"),
        (["--stack", STACK, "--profile", "of-nobody"], "of-nobody"),
        (["--stack", STACK, "--profile", "nowhere"], "No AWS region"),
        (["--stack", STACK, "--profile", "nowhere", "--region", "us-east-1"], "Partial credentials"),
    ],
)
def test_a_stack_that_cannot_be_reached_is_one_sentence(ctl: Ctl, aws: Amazon, choice: list[str], says: str) -> None:
    refused = ctl(*choice, "usage", "show", "acct_1")
    assert (refused.status, refused.out) == (1, "")
    assert says in refused.err
    assert len(refused.err.splitlines()) == 1


def test_a_stack_without_the_settings_says_which_is_missing(ctl: Ctl, aws: Amazon) -> None:
    aws.environment = {}
    refused = ctl("--stack", STACK, "--profile", "oncall", "usage", "show", "acct_1")
    assert refused.status == 1
    assert "USAGE_TABLE" in refused.err
