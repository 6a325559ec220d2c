"""The layer's package inside this process: found, on the stack's clock, and with nothing kept from before."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_PACKAGE = "aerostack_billing"


@contextmanager
def adopted(layers: Sequence[Path], unix: Callable[[], float]) -> Iterator[None]:
    """Inside the block the layers can be imported, and their package takes its time from `unix`.

    What the package cached (settings, clients) is dropped on both sides, so that several stacks can run in turn.
    """
    added = [str(layer) for layer in layers if str(layer) not in sys.path]
    sys.path[:0] = added
    try:
        if importlib.util.find_spec(_PACKAGE) is None:
            yield
            return
        clock = importlib.import_module(f"{_PACKAGE}.platform.clock")
        runtime = importlib.import_module(f"{_PACKAGE}.assembly.runtime")
        deadline = importlib.import_module(f"{_PACKAGE}.platform.deadline")
        # No function is killed here, and all of them share one machine: time does not run out for any.
        with clock.using(unix), deadline.using(lambda: 0.0):
            runtime.reset()
            try:
                yield
            finally:
                runtime.reset()
    finally:
        for path in added:
            sys.path.remove(path)
