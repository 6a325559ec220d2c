"""How long a charge out of an allowance takes the caller, on the local stack, with all that runs behind it.

By hand: `python -m tests.benchmarks.allowance [--charges 10000] [--cents 500]`
"""

from __future__ import annotations

import argparse
import io
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from decimal import Decimal
from statistics import quantiles

from aerostack_billing_client import Retries, ServiceClient
from aerostack_billing_client.calling import Answer, Request
from aerostack_billing_client.client import Sends
from aerostack_billing_client.transport import Transport, default_pool
from local.testing import running_stack
from tests.clients.people import clients_of
from tests.flows.client import Account, Api

PRICE = Decimal("0.5")


@dataclass(frozen=True)
class Allowed:
    """What so many charges took: milliseconds that their caller waited, requests, charges a second, cents lost."""

    charges: int
    p50: float
    p99: float
    most: float
    requests: int
    per_second: float
    lost: Decimal


class _Counted:
    """A transport that counts requests."""

    def __init__(self, inner: Sends) -> None:
        self._inner = inner
        self.requests = 0

    def send(self, request: Request) -> Answer:
        """One request."""
        self.requests += 1
        return self._inner.send(request)

    def close(self) -> None:
        """Drop what is kept open."""
        self._inner.close()


def measured(charges: int, cents: int = 500) -> Allowed:
    """Charge so often on a stack of its own."""
    waits: list[float] = []
    with redirect_stdout(io.StringIO()), running_stack() as stack:
        account = Account(Api(stack), "acct_measured")
        transport = _Counted(Transport(stack.base_url, default_pool))
        billing = ServiceClient(stack.base_url, stack.token("svc", "billing:charge"), transport=transport)
        with clients_of(account, stack.base_url, Retries()) as clients, billing:
            clients.pay_in(int(PRICE * charges))
            began = time.perf_counter()
            with billing.allowance(account.id, cents, labels={"agent": "a"}) as allowance:
                for number in range(charges):
                    before = time.perf_counter()
                    allowance.charge(PRICE, reference=f"run-{number}")
                    waits.append(1_000 * (time.perf_counter() - before))
            took = time.perf_counter() - began
            assert allowance.stats().captured == PRICE * charges - allowance.stats().lost
    cuts = quantiles(waits, n=1_000)
    lost = allowance.stats().lost
    return Allowed(charges, cuts[499], cuts[989], max(waits), transport.requests, charges / took, lost)


def main() -> None:
    """Print what the callers waited, and how many charges were taken a second until all were captured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charges", type=int, default=10_000)
    parser.add_argument("--cents", type=int, default=500)
    options = parser.parse_args()
    done = measured(options.charges, options.cents)
    print(f"{done.charges} charges: p50 {done.p50:.4f} ms, p99 {done.p99:.4f} ms, most {done.most:.1f} ms")
    print(f"{done.per_second:,.0f} a second until all were captured, {done.requests} requests, {done.lost} cents lost")


if __name__ == "__main__":
    main()
