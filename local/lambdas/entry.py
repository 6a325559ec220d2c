"""The handler that `make invoke` has awslambdaric load: the function's own, on the running stack's clock."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable

from aerostack_billing.platform import clock
from local.values import CLOCK_OFFSET_VARIABLE


def _own_handler() -> Callable[[object, object], object]:
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    found: Callable[[object, object], object] = getattr(importlib.import_module(module), name)
    return found


_offset_seconds = float(os.environ[CLOCK_OFFSET_VARIABLE])
clock.use(lambda: time.time() + _offset_seconds)
handler = _own_handler()
