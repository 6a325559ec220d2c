"""The logger of a process whose threads all want it at the same moment."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.platform.config import Settings

THREADS = 8


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_loggers_of_one_name_that_are_made_at_the_same_moment_all_log(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = 40
    for number in range(rounds):
        parts = [Runtime(Settings({"POWERTOOLS_SERVICE_NAME": f"service-{number}"})) for _ in range(THREADS)]
        start = threading.Barrier(THREADS)

        def log(one: Runtime, start: threading.Barrier = start) -> None:
            start.wait()
            one.logger.info("here")

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(log, parts))
    assert capsys.readouterr().out.count('"message":"here"') == rounds * THREADS
