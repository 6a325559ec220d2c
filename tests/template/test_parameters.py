"""What a stage must say, and what samconfig.toml says."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.template.deployed import ROOT

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:billing/dev/stripe-AbCdEf"


@pytest.fixture(params=["dev", "prod"])
def stage(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    return request.param, config[request.param]


def overrides(stage: dict[str, Any]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in stage["deploy"]["parameters"]["parameter_overrides"])


def test_a_stage_gives_every_parameter_that_has_no_default(
    template: dict[str, Any], stage: tuple[str, dict[str, Any]]
) -> None:
    name, config = stage
    given = overrides(config)
    assert given["Stage"] == name
    assert {p for p, d in template["Parameters"].items() if "Default" not in d} <= set(given)
    assert set(given) <= set(template["Parameters"])


def test_a_stage_s_values_are_ones_the_template_takes(
    template: dict[str, Any], stage: tuple[str, dict[str, Any]]
) -> None:
    for parameter, value in overrides(stage[1]).items():
        declared = template["Parameters"][parameter]
        assert re.fullmatch(declared.get("AllowedPattern", ".*"), value), parameter
        assert value in map(str, declared.get("AllowedValues", [value])), parameter
        if declared["Type"] == "Number":
            assert declared.get("MinValue", 0) <= int(value) <= declared.get("MaxValue", int(value)), parameter


def test_stages_do_not_share_a_stack(stage: tuple[str, dict[str, Any]]) -> None:
    name, config = stage
    assert config["global"]["parameters"]["stack_name"].endswith(f"-{name}")
    assert config["deploy"]["parameters"]["s3_prefix"].endswith(f"-{name}")


@pytest.mark.parametrize("value", ["sk_live_51Habc", "whsec_abc", "", SECRET.removesuffix("-AbCdEf"), f"{SECRET}:*"])
def test_the_secret_is_named_by_its_full_arn_and_never_given_itself(template: dict[str, Any], value: str) -> None:
    pattern = template["Parameters"]["StripeSecretArn"]["AllowedPattern"]
    assert re.fullmatch(pattern, SECRET)
    assert not re.fullmatch(pattern, value)


def test_nothing_in_the_repository_looks_like_a_key_of_stripe_s() -> None:
    for name in ("template.yaml", "samconfig.toml"):
        assert not re.search(r"(sk|rk)_(live|test)_|whsec_[A-Za-z0-9]{6,}", (ROOT / name).read_text()), name


@pytest.mark.parametrize(
    ("parameter", "variable", "default", "bounds"),
    [
        ("PriceMarkupBasisPoints", "PRICE_MARKUP_BPS", 0, (0, 100_000)),
        ("PlatformFeeBasisPoints", "PLATFORM_FEE_BPS", 2_000, (0, 10_000)),
        ("EarningsHoldDays", "EARNINGS_HOLD_DAYS", 7, (1, 90)),
        ("PayoutMinimumCents", "PAYOUT_MINIMUM_CENTS", 1_000, (100, 100_000)),
        ("NewCreatorDays", "NEW_CREATOR_DAYS", 30, (0, 365)),
        ("NewCreatorPayoutCents", "NEW_CREATOR_PAYOUT_CENTS", 25_000, (0, 10_000_000)),
        ("UnreviewedPayoutCents", "UNREVIEWED_PAYOUT_CENTS", 100_000, (0, 1_000_000_000)),
        ("RefundsOwedPerDayCents", "REFUNDS_OWED_PER_DAY_CENTS", 10_000, (0, 10_000_000)),
        ("ReloadsPerDay", "RELOADS_PER_DAY", 5, (1, 1_000)),
        ("StripeRequestsPerMinute", "STRIPE_REQUESTS_PER_MINUTE", 60, (1, 100_000)),
        ("LeaseSharePercent", "LEASE_SHARE_PERCENT", 10, (1, 100)),
        ("PastDueGraceDays", "PAST_DUE_GRACE_DAYS", 7, (0, 60)),
        ("LowBalanceCents", "LOW_BALANCE_CENTS", 500, (0, 100_000)),
        ("UnusualHourCents", "UNUSUAL_HOUR_CENTS", 10_000, (1, 100_000_000)),
    ],
)
def test_what_creators_are_paid_and_when_a_balance_is_low_is_the_stage_s_to_say_within_bounds(
    template: dict[str, Any], parameter: str, variable: str, default: int, bounds: tuple[int, int]
) -> None:
    declared = template["Parameters"][parameter]
    assert (declared["Type"], declared["Default"]) == ("Number", default)
    assert (declared["MinValue"], declared["MaxValue"]) == bounds
    assert template["Globals"]["Function"]["Environment"]["Variables"][variable] == {"Ref": parameter}


@pytest.mark.parametrize(
    ("parameter", "variable"),
    [
        ("AllowPromotionCodes", "ALLOW_PROMOTION_CODES"),
        ("CollectTaxIds", "COLLECT_TAX_IDS"),
        ("AutomaticTax", "AUTOMATIC_TAX"),
    ],
)
def test_what_stripe_s_pages_take_is_the_stage_s_to_say_and_nothing_at_first(
    template: dict[str, Any], parameter: str, variable: str
) -> None:
    declared = template["Parameters"][parameter]
    assert (declared["Default"], declared["AllowedValues"]) == ("false", ["true", "false"])
    assert template["Globals"]["Function"]["Environment"]["Variables"][variable] == {"Ref": parameter}


def test_a_trial_is_none_at_first_and_ninety_days_at_most(template: dict[str, Any]) -> None:
    declared = template["Parameters"]["TrialDays"]
    assert [declared[name] for name in ("Type", "Default", "MinValue", "MaxValue")] == ["Number", 0, 0, 90]
    assert template["Globals"]["Function"]["Environment"]["Variables"]["TRIAL_DAYS"] == {"Ref": "TrialDays"}
