"""billingctl prices and ledger verify: nothing of a stack is asked, and the book's past stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from aerostack_billing.prices.models import BookData
from tests.ctl.conftest import Ctl, Customer, Json
from tests.rooms.prices.test_community import FILE

Asked = Callable[..., Json]


def test_a_price_file_is_shown_compared_and_taken_over(ctl: Ctl, asked: Asked, tmp_path: Path) -> None:
    assert asked("prices", "show")["models"]
    file, book = tmp_path / "prices.json", tmp_path / "book.json"
    file.write_bytes(FILE)
    models = [found["model"] for found in asked("prices", "diff", str(file))["differences"]]
    assert models == ["gpt-4o-mini", "llama-3.3-70b"]
    when = ("--effective-from", "2999-01-01", "--model", "gpt-4o-mini")
    assert asked("prices", "import", str(file), *when)["written"] is None
    asked("prices", "import", str(file), *when, "--write", str(book))
    mini = next(m for m in BookData.model_validate_json(book.read_text()).models if m.model == "gpt-4o-mini")
    assert [price.effective_from for price in mini.prices] == ["2026-01-01", "2999-01-01"]
    assert ctl("prices", "import", str(file), "--effective-from", "2020-01-01").status == 2
    assert ctl("prices", "diff", str(tmp_path / "none")).status == 1


def test_a_statement_is_verified_and_its_first_wrong_line_named(
    ctl: Ctl, asked: Asked, account: Customer, tmp_path: Path
) -> None:
    account.deposit(500)
    account.charge(10, "k", labels={"agent": "a"})
    text = account.send("GET", "/api/balance/statement").text
    file = tmp_path / "bill.ndjson"
    file.write_text(text)
    checked = asked("ledger", "verify", str(file))
    assert (checked["lines"], checked["balance_micros"], checked["wrong"]) == (2, 4_900_000, None)
    first, second = map(json.loads, text.splitlines())
    assert second["caller"] == "svc_bots"
    file.write_text(json.dumps(first) + "\n" + json.dumps({**second, "labels": {"agent": "b"}}))
    refused = ctl("ledger", "verify", str(file), "--json")
    assert (refused.status, refused.json["wrong"]["seq"]) == (1, 2)
