"""A stack that keeps its state on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import boto3
import pytest
import requests

from local.clock import StackClock
from local.paths import STATE
from local.seam import Stripe
from local.stack import DYNAMODB_LOCAL, Config, running
from local.template import TemplateError
from tests.local.conftest import APP, HANDLERS
from tests.local.harness import IdleStripe, idle_stripe, write


@pytest.mark.dynamodb_local
def test_a_kept_stack_has_its_data_and_its_time_when_it_runs_again(tmp_path: Path) -> None:
    (tmp_path / "dynamodb").symlink_to(STATE / "dynamodb")
    config = Config(
        template=write(tmp_path, APP, HANDLERS),
        state=tmp_path,
        store=DYNAMODB_LOCAL,
        keep=True,
        ticking=False,
        stripe=idle_stripe,
    )
    with running(config) as first:
        requests.post(f"{first.base_url}/_local/advance", json={"days": 3}, timeout=60)
        assert requests.post(f"{first.base_url}/take", timeout=60).status_code == 200
        token, unix = first.token("acct_1"), first.clock.unix()
    snapshots = []

    def snapshotting_stripe(
        *, clock: StackClock, base_url: str, webhook_url: str, webhook_secret: str, snapshot: Path | None
    ) -> Stripe:
        snapshots.append(snapshot)
        return IdleStripe(clock)

    with running(replace(config, stripe=snapshotting_stripe)) as second:
        assert second.clock.unix() >= unix
        headers = {"Authorization": f"Bearer {token}"}
        assert requests.get(f"{second.base_url}/echo", headers=headers, timeout=60).status_code == 200
        item = boto3.client("dynamodb").get_item(TableName="aerostack-local-Counters", Key={"id": {"S": "c"}})["Item"]
        assert item["taken"] == {"N": "1"}
    assert snapshots == [tmp_path / "data" / "stripe.json"]
    changed = APP.replace("{AttributeName: id, KeyType: HASH}", "{AttributeName: key, KeyType: HASH}")
    write(tmp_path, changed.replace("{AttributeName: id, AttributeType: S}", "{AttributeName: key, AttributeType: S}"))
    with pytest.raises(TemplateError, match=r"delete \.local/data"), running(config):
        pass
