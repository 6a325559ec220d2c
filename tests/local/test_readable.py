"""What a person reads of the stack's log."""

from __future__ import annotations

import io
import json
import logging

from local.readable import RawLog, ReadableLog

NOON = 1_772_452_800.0


class Watched:
    advancing = False


def reading() -> tuple[ReadableLog, Watched, io.StringIO]:
    target, watched = io.StringIO(), Watched()
    log = ReadableLog(target)
    log.begin(watched, lambda: NOON)
    return log, watched, target


def access(method: str, path: str, status: int, code: str = "") -> logging.LogRecord:
    args = (method, path, status, 12.3, code)
    return logging.LogRecord("local.access", logging.INFO, "", 0, "%s %s %d %.1f ms%s", args, None)


def printed(message: str, level: str = "INFO", **more: object) -> str:
    return json.dumps({"level": level, "message": message, "function": "aerostack-local-AFunction", **more}) + "\n"


def test_a_request_is_one_line_with_its_error_code() -> None:
    log, _, target = reading()
    log.emit(access("POST", "/api/balance/charges", 402, " INSUFFICIENT_BALANCE"))
    log.write(printed("charge refused"))
    assert target.getvalue() == "12:00:00 POST /api/balance/charges 402 INSUFFICIENT_BALANCE, 12 ms\n"


def test_what_follows_from_a_request_and_what_pages_look_at_is_left_out() -> None:
    log, _, target = reading()
    for method, path in [
        ("POST", "/_local/stripe/v1/customers"),
        ("GET", "/_local/clock"),
        ("GET", "/lib/dom.js"),
        ("POST", "/_local/url/StripeWebhookFunction"),
    ]:
        log.emit(access(method, path, 200))
    assert target.getvalue() == ""


def test_what_goes_wrong_is_written_with_its_figures() -> None:
    log, _, target = reading()
    log.write(printed("reload declined", "WARNING", account_id="acct_1", cents=500))
    log.emit(access("POST", "/_local/url/StripeWebhookFunction", 500))
    fault = ValueError("why")
    log.emit(logging.LogRecord("local.gateway", logging.ERROR, "", 0, "it failed", (), (ValueError, fault, None)))
    assert target.getvalue().splitlines() == [
        "12:00:00 ! AFunction: reload declined account_id=acct_1 cents=500",
        "12:00:00 ! webhook StripeWebhookFunction: 500",
        "12:00:00 ! it failed",
        "12:00:00   ValueError: why",
    ]


def test_a_schedule_that_found_nothing_to_do_is_left_out() -> None:
    log, _, target = reading()
    log.write(printed("scheduled run", done={"due": 0, "failed": 0, "visited": 7}))
    log.write(printed("scheduled run", done={"due": 2, "failed": ["acct_1"], "visited": 7}))
    assert target.getvalue() == "12:00:00 schedule AFunction: due 2, failed 1\n"


def test_an_advance_is_summed_up_and_what_went_wrong_in_it_is_kept() -> None:
    log, watched, target = reading()
    watched.advancing = True
    for _ in range(3):
        log.emit(access("POST", "/_local/url/StripeWebhookFunction", 200))
    log.write(printed("scheduled run", done={"due": 2}))
    log.write(printed("payout failed", "ERROR"))
    watched.advancing = False
    log.emit(access("POST", "/_local/advance", 200))
    assert target.getvalue().splitlines() == [
        "12:00:00 ! AFunction: payout failed",
        "12:00:00 advanced to 2026-03-02T12:00:00Z: 1 schedule, 3 webhooks, 12 ms",
    ]


def test_before_it_begins_only_what_goes_wrong_is_written() -> None:
    target = io.StringIO()
    log = ReadableLog(target)
    log.emit(access("POST", "/_local/url/StripeWebhookFunction", 200))
    log.write(printed("scheduled run", done={"due": 2}))
    log.write(printed("reload declined", "WARNING"))
    assert target.getvalue() == ""
    log.write(printed("no table", "ERROR"))
    assert "no table" in target.getvalue()


def test_the_raw_log_writes_what_functions_print_as_it_is() -> None:
    target = io.StringIO()
    log = RawLog(target)
    log.write(printed("before"))
    log.begin(Watched(), lambda: NOON)
    log.write(printed("scheduled run"))
    assert target.getvalue() == printed("scheduled run")
