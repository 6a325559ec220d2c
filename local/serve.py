"""`make run`: the stack in the foreground, until it is interrupted."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from queue import SimpleQueue

from local.lines import WholeLines
from local.paths import STATE
from local.stack import DYNAMODB_LOCAL, Config, Stack, running

_BANNER = """\
The local stack runs on {base_url} (stop it with Ctrl-C). {kept}

  the billing page      {base_url}/
  token for acct_demo   {token}
  its first request     curl -s {base_url}/api/billing -H "Authorization: Bearer {token}"
  more tokens           make -s token ACCOUNT=acct_demo PORT={port}
  webhook               {webhook_url}
  Stripe's events       curl -s {base_url}/_local/stripe/events
  the clock             curl -s {base_url}/_local/advance -d '{{"days": 31}}'
"""


def serve(*, port: int, store: str) -> None:
    """Serve until SIGINT or SIGTERM. LocalError if it cannot."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    # The SDKs say on every request what the functions' own logs say already.
    for noisy in ("botocore", "boto3", "moto", "stripe", "urllib3", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # One Ctrl-C arrives twice, by make as well, and the second may interrupt the handler of the first: an Event would
    # lock itself up then, a SimpleQueue is made to be put into at any moment.
    ended: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: ended.put(number))
    with running(Config(port=port, store=store, keep=True)) as stack:
        print(_banner(stack, store), flush=True)
        # What functions print is log, as on Lambda.
        with contextlib.redirect_stdout(WholeLines(sys.stderr)):
            ended.get()


def _banner(stack: Stack, store: str) -> str:
    kept = f"Its data is kept in {STATE}/data." if store == DYNAMODB_LOCAL else "It forgets everything when it ends."
    return _BANNER.format(
        base_url=stack.base_url,
        port=stack.port,
        token=stack.token("acct_demo"),
        webhook_url=stack.webhook_url,
        kept=kept,
    )
