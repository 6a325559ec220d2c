"""`make fuzz`: many random requests to every route of a stack of its own, and what they were answered."""

from __future__ import annotations

import argparse
import contextlib
import sys

from local.testing import running_stack
from tests.security.fuzzing import furnish, fuzz, strict_document

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cases", type=int, required=True, help="random cases for each operation, at most")
parser.add_argument("--seed", type=int, required=True)
given = parser.parse_args()

# What functions print is log.
with contextlib.redirect_stdout(sys.stderr), running_stack(parameters={"StripeRequestsPerMinute": "100000"}) as stack:
    found = fuzz(stack, strict_document(furnish(stack)), cases=given.cases, seed=given.seed)
print(found.output)
for name, counted in sorted(found.statuses.items()):
    print(f"{name:52}", *(f"{status}: {times}" for status, times in sorted(counted.items())), sep="  ")
print(f"{found.cases} cases, {'all answered as documented' if found.passed else 'FAILURES: see above'}")
for name in sorted(found.never_done):
    print(f"{name} refused everything")
sys.exit(0 if found.passed and not found.never_done else 1)
