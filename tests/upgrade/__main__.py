"""Write tests/upgrade/release-VERSION.json by this code, before a release: `python -m tests.upgrade VERSION`."""

from __future__ import annotations

import sys
from pathlib import Path

from aerostack_billing.platform import clock
from local.aws.dynamodb_local import dynamodb_local
from local.paths import STATE
from tests.rooms.conftest import Time, connected, made_tables, put_together
from tests.upgrade.lives import dumped, live, written


def main(version: str) -> None:
    """Live the lives on DynamoDB Local, and keep the tables."""
    with dynamodb_local(STATE / "dynamodb", None) as url, clock.using(Time().unix):
        client = connected(url)
        environment = made_tables(client)
        answers = live(put_together(client, environment))
        kept = {"release": version, "answers": answers, "tables": dumped(client, environment)}
    Path(__file__).with_name(f"release-{version}.json").write_text(written(kept))


if __name__ == "__main__":
    main(sys.argv[1])
