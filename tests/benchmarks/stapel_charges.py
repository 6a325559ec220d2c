"""stapel-billing charging a wallet, in its own environment; prints its figures as JSON. See charges.by_stapel."""

import dataclasses
import importlib
import json
import os
import subprocess
import sys

from django.conf import settings


def main() -> None:
    from stapel_billing._codegen_settings import settings_kwargs

    settings.configure(**settings_kwargs())
    import django

    django.setup()
    if sys.argv[1:] == ["import"]:
        importlib.import_module("stapel_billing.services")
        return
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from stapel_billing import credit, debit
    from stapel_billing.models import LotSource, TransactionType

    from tests.benchmarks.rates import steadily, timed

    call_command("migrate", run_syncdb=True, verbosity=0)
    user = get_user_model().objects.create_user(username="bench", email="bench@example.com", password="x")
    credit(user=user, credits=10_000_000, type=TransactionType.CREDIT_PURCHASE, source=LotSource.PURCHASE)
    statements = [0]

    def count(execute, sql, params, many, context):
        statements[0] += 1
        return execute(sql, params, many, context)

    def charge(key):
        debit(user=user, credits=2, type=TransactionType.AI_CHARGE, idempotency_key=key, description="conversation")

    if sys.argv[1:2] == ["curve"]:
        crowds = [(workers, steadily(lambda _, key: charge(key), workers)) for workers in map(int, sys.argv[2:])]
        print(json.dumps([[workers, got.per_second] for workers, got in crowds]))
        return
    with connection.execute_wrapper(count):
        done = timed(charge, lambda: statements[0])
    print(json.dumps(dataclasses.asdict(dataclasses.replace(done, cold_import_cpu=_cold_import()))))


def _cold_import() -> float:
    least = []
    for _ in range(3):
        process = subprocess.Popen([sys.executable, __file__, "import"], env=dict(os.environ))
        _, status, used = os.wait4(process.pid, 0)
        assert status == 0
        least.append(1000 * (used.ru_utime + used.ru_stime))
    return min(least)


if __name__ == "__main__":
    main()
