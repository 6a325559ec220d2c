"""A caller of the local stack, as one account: each of its methods is a request, or what happens meanwhile."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import requests

from aerostack_billing.platform import clock
from local.stack import Stack
from tests.template.contract import CHARGE, METER

LABELS = {"agent": "a"}
_AS_STAFF: Any = {"headers": {"Authorization": "Bearer sk_test_local"}, "timeout": 120}


class Caller:
    """A user, a service and Stripe's customer, over HTTP."""

    def __init__(self, stack: Stack, account: str) -> None:
        self.stack = stack
        self.account = account

    def __call__(
        self, method: str, path: str, body: object = None, *, scope: str = "", ok: int = 200
    ) -> dict[str, Any]:
        answer = requests.request(
            method,
            f"{self.stack.base_url}/api{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.stack.token('svc' if scope else self.account, scope)}"},
            timeout=120,
        )
        assert answer.status_code == ok, (method, path, answer.text)
        return answer.json()

    def of(self, account: str) -> Caller:
        """A caller of another account."""
        return Caller(self.stack, account)

    def consume(self, ok: int = 200, **more: object) -> None:
        body = {"account_id": self.account, "metric": "api_requests", **more}
        self("POST", "/billing/usage/consume", body, scope=METER, ok=ok)

    def batch(self, *events: dict[str, object]) -> list[int]:
        """Count events at once; the status of each."""
        asked = {"events": [{"account_id": self.account, "metric": "api_requests", **event} for event in events]}
        answer = self("POST", "/billing/usage/batch", asked, scope=METER)
        return [result["status"] for result in answer["results"]]

    def send(self, *events: dict[str, object]) -> None:
        """Put a batch of events on the usage queue, and let it be taken."""
        asked = {"events": [{"account_id": self.account, "metric": "api_requests", **event} for event in events]}
        requests.post(f"{self.stack.base_url}/_local/sqs/IngestQueue", json=asked, timeout=120).raise_for_status()

    def send_charges(self, once: str, *charges: dict[str, object]) -> None:
        """Put a batch of charges on the charge queue, in the account's group, and let it be taken."""
        usual = {"account_id": self.account, "kind": "agent_execution", "billing_mode": "wallet", "labels": LABELS}
        asked = [{**usual, "idempotency_key": f"{once}:{place}", **charge} for place, charge in enumerate(charges)]
        door = f"{self.stack.base_url}/_local/sqs/ChargeQueue"
        about = {"MessageGroupId": self.account, "MessageDeduplicationId": once}
        requests.post(door, params=about, json={"charges": asked}, timeout=120).raise_for_status()

    def break_off_untold(self, quantity: int) -> None:
        """Count, and leave the item as an older release would, and a caller that broke off before its announcement."""
        self.consume(quantity=quantity)
        boto3.client("dynamodb").update_item(
            TableName=self.stack.app.tables["UsageTable"].name,
            Key={"account_id": {"S": self.account}, "period": {"S": clock.period()}},
            UpdateExpression="REMOVE api_requests_level, limits_version",
        )

    def audit_by_segments(self) -> None:
        """Let the schedule audit the stack as one that is too large for one run."""
        now = {"N": str(clock.seconds())}
        boto3.client("dynamodb").put_item(
            TableName=self.stack.app.tables["EventsTable"].name,
            Item={"event_id": {"S": "audit#whole"}, "begun_at": now, "large_since": now},
        )
        self.run("AuditFunction", {"due": True})

    def lease(self, quantity: int = 10, **more: object) -> None:
        """Take a lease and settle it: six of it are given back."""
        body = {"account_id": self.account, "metric": "api_requests", "quantity": quantity, "ttl_seconds": 60, **more}
        lease_id = self("POST", "/billing/usage/leases", body, scope=METER, ok=201)["lease_id"]
        used = {"account_id": self.account, "used": quantity - 6}
        assert self("POST", f"/billing/usage/leases/{lease_id}/settle", used, scope=METER) == {"returned": 6}

    def resource(self, method: str, name: str) -> None:
        if method == "PUT":
            self(method, f"/billing/resources/projects/{name}", {"account_id": self.account}, scope=METER)
        else:
            self(method, f"/billing/resources/projects/{name}?account_id={self.account}", scope=METER)

    def buy(self, tier: str, **more: object) -> str:
        """Pay on the page that the checkout leads to; the paid session's id."""
        return self._paid("/billing/checkout", {"tier": tier, "billing_interval": "monthly", **more})

    def deposit(self, amount_cents: int, **more: object) -> str:
        """Likewise, of a deposit."""
        return self._paid("/balance/deposit", {"amount_cents": amount_cents, **more})

    def _paid(self, path: str, wanted: dict[str, object]) -> str:
        urls = {"success_url": "https://app.aerostack.dev/done", "cancel_url": "https://app.aerostack.dev/back"}
        page = self("POST", path, wanted | urls)["url"]
        if "idempotency_key" in wanted:
            assert self("POST", path, wanted | urls)["url"] == page
        paid = requests.post(page, data={"card": "4242424242424242"}, timeout=120, allow_redirects=False)
        assert paid.status_code == 303, paid.text
        return parse_qs(urlsplit(paid.headers["Location"]).query)["session_id"][0]

    def charge(self, amount_cents: int | None, key: str, ok: int = 201, **more: object) -> str:
        price = {"kind": "agent_execution", "amount_cents": amount_cents, "billing_mode": "wallet", "labels": LABELS}
        price |= more
        return str(self._for_money("/balance/charges", key, ok, **price).get("charge_id"))

    def charge_at_once(self, *charges: dict[str, object]) -> list[int]:
        """The statuses of charges in one batch."""
        usual = {"account_id": self.account, "kind": "agent_execution", "billing_mode": "wallet", "labels": LABELS}
        asked = [{**usual, "idempotency_key": str(charge), **charge} for charge in charges]
        return [
            each["status"]
            for each in self("POST", "/balance/charges/batch", {"charges": asked}, scope=CHARGE)["results"]
        ]

    def let_cards_end(self) -> None:
        """Let every card at Stripe have ended long ago."""
        methods = f"{self.stack.base_url}/_local/stripe/v1/payment_methods"
        for method in requests.get(methods, **_AS_STAFF).json()["data"]:
            requests.post(f"{methods}/{method['id']}", data={"card[exp_year]": "2020"}, **_AS_STAFF).raise_for_status()

    def read_statement(self) -> None:
        answer = requests.get(
            f"{self.stack.base_url}/api/balance/statement",
            headers={"Authorization": f"Bearer {self.stack.token(self.account)}"},
            timeout=120,
        )
        assert answer.status_code == 200, answer.text

    def charge_the_plan(self, tokens: int, key: str, ok: int = 201) -> str:
        usage = {"model": "gpt-4o", "input_tokens": tokens, "output_tokens": 0}
        price = {"kind": "agent_execution", "usage": usage, "billing_mode": "plan_quota"}
        return str(self._for_money("/balance/charges", key, ok, **price).get("charge_id"))

    def refund(self, charge_id: str, key: str, ok: int = 200) -> None:
        self._for_money(f"/balance/charges/{charge_id}/refund", key, ok)

    def hold(self, amount_cents: int | None, key: str, ttl_seconds: int = 900, ok: int = 201, **more: object) -> str:
        wanted = {"kind": "agent_execution", "amount_cents": amount_cents, "ttl_seconds": ttl_seconds, "labels": LABELS}
        wanted |= more
        return str(self._for_money("/balance/holds", key, ok, **wanted).get("hold_id"))

    def capture(self, hold_id: str, amount_cents: int, key: str, ok: int = 200) -> None:
        self._for_money(f"/balance/holds/{hold_id}/capture", key, ok, amount_cents=amount_cents)

    def draw(self, hold_id: str, key: str, *prices: int | str, final: bool = False, **tool: object) -> None:
        """Capture pieces of work by amounts or by tools' names."""
        more = {"kind": "tool_call", **tool} if tool else {}
        items = [{"tool_id": each} if isinstance(each, str) else {"amount_cents": each, **more} for each in prices]
        self._for_money(f"/balance/holds/{hold_id}/capture", key, 200, items=items, final=final)

    def extend(self, hold_id: str, add_cents: int, key: str, ok: int = 200) -> None:
        self._for_money(f"/balance/holds/{hold_id}/extend", key, ok, ttl_seconds=900, add_cents=add_cents)

    def release(self, hold_id: str, key: str) -> None:
        self._for_money(f"/balance/holds/{hold_id}/release", key, 200)

    def _for_money(self, path: str, key: str, ok: int, **more: object) -> dict[str, Any]:
        return self("POST", path, {"account_id": self.account, "idempotency_key": key, **more}, scope=CHARGE, ok=ok)

    def lapsed_hold(self, amount_cents: int, key: str) -> None:
        """A hold whose time is over, and which no schedule has freed."""
        self.hold(amount_cents, key, ttl_seconds=1)
        self.wait(2)

    def wait(self, seconds: float) -> None:
        """Let time pass without anything that would happen in it."""
        self.stack.clock.advance_to(self.stack.clock.unix() + seconds)

    def onboard(self) -> None:
        """Complete what Stripe asks of a creator."""
        urls = {"return_url": "https://app.aerostack.dev/done", "refresh_url": "https://app.aerostack.dev/again"}
        page = self("POST", "/creators/onboard", urls)["url"]
        assert self("POST", "/creators/onboard", urls)["url"]
        assert requests.post(page, timeout=120, allow_redirects=False).status_code == 303
        self.hear()
        self("POST", "/creators/onboard", urls, ok=409)

    def webhooks(self, **switch: bool) -> None:
        """Hold Stripe's deliveries back, let them go, or lose them."""
        requests.post(f"{self.stack.base_url}/_local/stripe/webhooks", json=switch, timeout=120).raise_for_status()

    def dispute(self, status: str) -> None:
        """Have the bank of the account's one deposit object, or give in."""
        payments = requests.get(f"{self.stack.base_url}/_local/stripe/v1/payment_intents", **_AS_STAFF).json()["data"]
        own = next(each["id"] for each in payments if each["metadata"].get("account_id") == self.account)
        body = {"payment_intent": own, "status": status}
        requests.post(f"{self.stack.base_url}/_local/stripe/disputes", json=body, timeout=120).raise_for_status()

    def hear(self) -> None:
        """Take all that Stripe has to tell up to now, and hold back what comes."""
        self.webhooks(paused=False)
        self.stack.stripe.deliver()
        self.webhooks(paused=True)

    def poll(self) -> None:
        """Let the queues be taken."""
        self.stack.queues.poll()

    def run(self, function: str, event: dict[str, str] | None = None) -> None:
        """Run a function as its schedule does."""
        self.stack.host.invoke(function, event or {})
