"""How long a charge out of an allowance takes the caller, on the local stack, with all that runs behind it.

By hand: `python -m tests.benchmarks.allowance [--charges 10000] [--cents 500]`
"""

from __future__ import annotations

import argparse
import io
import time
from contextlib import redirect_stdout
from decimal import Decimal
from statistics import quantiles

from aerostack_billing_client import Retries, ServiceClient
from local.testing import running_stack
from tests.clients.people import clients_of
from tests.flows.client import Account, Api

PRICE = Decimal("0.5")


def main() -> None:
    """Print what the callers waited, and how many charges were taken a second until all were captured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=10_000)
    parser.add_argument("--cents", type=int, default=500)
    options = parser.parse_args()
    quiet = io.StringIO()
    with redirect_stdout(quiet), running_stack() as stack:
        account = Account(Api(stack), "acct_measured")
        token, waits = stack.token("svc", "billing:charge"), []
        with clients_of(account, stack.base_url, Retries()) as clients, ServiceClient(stack.base_url, token) as billing:
            clients.pay_in(int(PRICE * options.charges))
            began = time.perf_counter()
            with billing.allowance(account.id, options.cents, labels={"agent": "a"}) as allowance:
                for number in range(options.charges):
                    before = time.perf_counter()
                    allowance.charge(PRICE, reference=f"run-{number}")
                    waits.append(1_000 * (time.perf_counter() - before))
            took = time.perf_counter() - began
            stats = allowance.stats()
    cuts = quantiles(waits, n=1_000)
    print(f"{options.charges} charges: p50 {cuts[499]:.4f} ms, p99 {cuts[989]:.4f} ms, most {max(waits):.1f} ms")
    print(f"{options.charges / took:,.0f} a second until all were captured; {stats}")


if __name__ == "__main__":
    main()
