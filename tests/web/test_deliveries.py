"""The deliveries of notices on the billing page: what became of each, and one that is over is sent again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.flows.client import Account
from tests.web.browsing import result_bar, section, sign_in

pytestmark = pytest.mark.browser


class Receiver(HTTPServer):
    """A server that a webhook leads to: it answers `status`, and keeps the ids of the messages."""

    status = 200

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), _Answers)


class _Answers(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.heard.append(self.headers["webhook-id"])
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        """Nothing is logged."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that runs inside the block."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def test_a_delivery_that_was_given_up_says_why_and_is_sent_again(account: Account, page: Page) -> None:
    with receiving() as receiver:
        receiver.status = 410
        url = f"http://127.0.0.1:{receiver.server_port}/billing"
        settings = {"emails": [], "events": ["usage.blocked"], "webhook_url": url}
        assert account.send("PUT", "/api/billing/notifications", settings).status_code == 200
        assert account.send("POST", "/api/billing/notifications/test", {"channel": "webhook"}).status_code == 201
        account.api.advance(minutes=2)
        sign_in(page, account, view="notifications")
        deliveries = section(page, "Latest deliveries")
        expect(deliveries).to_contain_text("Given up")
        expect(deliveries).to_contain_text("the receiver says that it is gone")
        receiver.status = 200
        deliveries.get_by_role("button", name="Send again").click()
        expect(result_bar(page)).to_contain_text("It is on its way again.")
        account.api.advance(minutes=2)
        page.reload()
        expect(deliveries).to_contain_text("Delivered")
        expect(deliveries).not_to_contain_text("Given up")
        # The same message: its receiver tells a repetition by its id.
        assert len(receiver.heard) >= 2
        assert len(set(receiver.heard)) == 1


def test_somebody_to_whom_nothing_was_sent_is_told_so(account: Account, page: Page) -> None:
    sign_in(page, account, view="notifications")
    expect(section(page, "Latest deliveries")).to_contain_text("Nothing was sent in the last 30 days.")
