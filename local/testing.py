"""The whole stack inside a test process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.paths import STATE, TEMPLATE
from local.seam import StripeFactory
from local.stack import MOTO, Config, Stack, running
from local.stripe import LocalStripe


@contextmanager
def running_stack(
    *,
    store: str = MOTO,
    port: int = 0,
    template: Path = TEMPLATE,
    stripe: StripeFactory = LocalStripe,
    ticking: bool = False,
    demo: bool = False,
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """A fresh stack inside the block: empty, at real time, on a free port, keeping nothing.

    It is one stack at a time in a process. Without `ticking`, schedules fire and Stripe acts only when a test
    advances the clock (webhooks are sent all the same). `parameters` are values of the template's.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        # DynamoDB Local is not fetched again for every stack.
        (state / "dynamodb").symlink_to(STATE / "dynamodb")
        config = Config(
            template=template,
            state=state,
            store=store,
            port=port,
            ticking=ticking,
            demo=demo,
            stripe=stripe,
            parameters=parameters or {},
        )
        with running(config) as stack:
            yield stack
