"""`make run`: the stack in the foreground, until it is interrupted."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
from queue import SimpleQueue

from local.demo.accounts import DEMO, PEOPLE
from local.lines import WholeLines
from local.paths import STATE
from local.readable import RawLog, ReadableLog
from local.stack import DYNAMODB_LOCAL, Config, Stack, running

_BANNER = """\
The local stack runs on {base_url} (stop it with Ctrl-C). {kept}

  the billing page    {base_url}/
  the local console   {base_url}/_local/
  the API reference   {base_url}/docs
  mail that was sent  {base_url}/_local/mail
{people}  a token             make -s token ACCOUNT={account} PORT={port}
  time passes         curl -s {base_url}/_local/advance -d '{{"days": 31}}'
  a first request     curl -s {base_url}/api/billing -H "Authorization: Bearer {token}"
"""


def serve(*, port: int, store: str, demo: bool, raw_log: bool) -> None:
    """Serve until SIGINT or SIGTERM. LocalError if it cannot.

    `demo`: with accounts to look at. `raw_log`: what functions print as it is, and each request, as on Lambda.
    """
    # The SDKs say on every request what the functions' own logs say already.
    for noisy in ("botocore", "boto3", "moto", "stripe", "urllib3", "werkzeug"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # One Ctrl-C arrives twice, by make as well, and the second may interrupt the handler of the first: an Event would
    # lock itself up then, a SimpleQueue is made to be put into at any moment.
    ended: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: ended.put(number))
    log = RawLog(sys.stderr) if raw_log else ReadableLog(sys.stderr)
    logging.basicConfig(level=logging.INFO, handlers=[log])
    config = Config(port=port, store=store, keep=True, demo=demo)
    # What functions print is log, as on Lambda; the banner alone goes to stdout.
    banner = sys.stdout
    with contextlib.redirect_stdout(WholeLines(log)), running(config) as stack:
        log.begin(stack.timeline, stack.clock.unix)
        print(_banner(stack, config), file=banner, flush=True)
        ended.get()


def _banner(stack: Stack, config: Config) -> str:
    kept = f"Its data is kept in {STATE}/data." if config.store == DYNAMODB_LOCAL else "It forgets all when it ends."
    people = [f"{person.account:<15} {person.about}" for person in PEOPLE] if config.demo else []
    return _BANNER.format(
        base_url=stack.base_url,
        port=stack.port,
        token=stack.token(DEMO.account),
        account=DEMO.account,
        people="".join(f"  {'sign in as' if n == 0 else '':<18}  {text}\n" for n, text in enumerate(people)),
        kept=kept,
    )
