"""A worker with an allowance: money is held ahead, jobs are charged from memory, and captured in the background."""

import os
from decimal import Decimal

from aerostack_billing_client import PaymentRequired, ServiceClient

JOBS = [
    ("resize", Decimal("1.25")),
    ("transcribe", Decimal(7)),
    ("summarize", Decimal("3.5")),
    ("tag", Decimal("0.75")),
]

with ServiceClient(os.environ["BILLING_URL"], os.environ["SERVICE_TOKEN"]) as billing:
    mine = billing.account(os.environ["ACCOUNT"], labels={"worker": "media"})
    with mine.allowance(50) as allowance:
        for number in range(1_000):
            job, price = JOBS[number % len(JOBS)]
            try:
                allowance.charge(price, reference=f"job-{number}")
            except PaymentRequired as refused:
                print(f"{job} {number} stays in the queue: {refused.code}")
                break
            # The work is done here: it is paid for. Where it can fail, `billing.hold` is the way to charge it.
    done = allowance.stats()
print(f"captured {done.captured} cents for {number} jobs, lost {done.lost}, waiting {done.waiting}")
