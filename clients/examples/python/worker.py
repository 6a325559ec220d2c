"""A worker with an allowance: money for a batch of jobs is set aside once, and what they cost is taken at its end."""

import os
from decimal import Decimal

from aerostack_billing_client import ServiceClient

ALLOWANCE = Decimal(10)
JOBS = {"resize": Decimal("1.25"), "transcribe": Decimal(7), "summarize": Decimal("3.5"), "tag": Decimal("0.75")}

with ServiceClient(os.environ["BILLING_URL"], os.environ["SERVICE_TOKEN"]) as billing:
    mine = billing.account(os.environ["ACCOUNT"])
    # The batch's id is the key: a worker that crashes and starts again finds the same hold.
    with mine.hold("agent_execution", ALLOWANCE, ttl_seconds=3_600, idempotency_key="batch-7") as hold:
        spent = Decimal(0)
        for job, cost in JOBS.items():
            if spent + cost > ALLOWANCE:
                print(f"{job}: left for the next batch")
                continue
            spent += cost  # the work
            print(f"{job}: {cost} cents")
        captured = hold.capture(spent)
    print(f"captured {captured.captured_cents} of {ALLOWANCE} cents, balance {captured.balance_micros / 10_000} cents")
