"""The context object that Lambda hands to a Python handler."""

from __future__ import annotations

import time
import uuid

from local.template import Function
from local.values import ACCOUNT_ID, REGION, STACK_NAME


class LambdaContext:
    """The names are Lambda's. The deadline is told in real time and, locally, not enforced."""

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, function: Function) -> None:
        self.aws_request_id = str(uuid.uuid4())
        self.function_name = f"{STACK_NAME}-{function.logical_id}"
        self.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{self.function_name}"
        self.memory_limit_in_mb = str(function.memory_mb)
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = "local"
        self._deadline = time.monotonic() + function.timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout; never below 0."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))
