"""A service in memory, for tests of what uses the client: no network, no wait, the service's own answers and refusals.

fake = FakeBilling()
fake.deposit("acct_1", 500)
fake.limit("acct_1", "api_requests", 10)
fake.price("gpt-4o-mini", "0.15", "0.60")
billing = fake.service()
"""

from aerostack_billing_client.testing.fake import FakeBilling, Made, NotServed

__all__ = ["FakeBilling", "Made", "NotServed"]
