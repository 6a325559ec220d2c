"""What each route of the wallet takes, answers and refuses."""

from __future__ import annotations

from typing import get_args

from aerostack_billing.creators.earnings import RefundNeedsReview
from aerostack_billing.ledger.models import TransferType
from aerostack_billing.prices.book import UnknownModel
from aerostack_billing.reload.settings import NoPaymentMethod
from aerostack_billing.values import errors
from aerostack_billing.wallet import requests
from aerostack_billing.wallet.budget_settings import BudgetNotFound, TooManyBudgets
from aerostack_billing.wallet.hold_work import HoldEnded, HoldNotFound
from aerostack_billing.wallet.refunds import AlreadyRefunded, ChargeNotFound
from aerostack_billing.wallet.requests import ChargeName, RefundRequest
from aerostack_billing.wallet.spending_view import SpendingBehind
from aerostack_billing.wallet.statement import DEFAULT_LIMIT, MAX_LIMIT
from aerostack_billing.wallet.tools import PriceChanged, ToolNotFound
from local.openapi import answers, wallet_answers
from local.openapi.describing import REDIRECTS, REUSED, SHORT, WORKED_ON, Operation, Query

WALLET = {
    "GetBalanceFunction": Operation(
        "Show the wallet",
        wallet_answers.Balance,
        description="`balance_cents` is what can be spent: without held money, and never below 0.",
    ),
    "DepositFunction": Operation(
        "Create a page on which the user pays a deposit",
        answers.Page,
        body=requests.DepositRequest,
        refusals=(errors.CurrencyConflict, REDIRECTS, REUSED, WORKED_ON),
        replays=True,
        description="The card that pays is kept for auto-reload, with the payer's consent.",
    ),
    "GetTransactionsFunction": Operation(
        "List the transactions that make up the balance, newest first",
        wallet_answers.Transactions,
        query=(
            Query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
                "The most transactions to return.",
            ),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the previous page."),
            Query("type", {"type": "string", "enum": list(get_args(TransferType))}, "Only transactions of this type."),
        ),
        refusals=(errors.InvalidRequest,),
        description="Each line shows its effect on the balance, and the balance after it.",
    ),
    "SetAutoReloadFunction": Operation(
        "Set when auto-reload charges the card, how much, and the monthly cap",
        wallet_answers.AutoReload,
        body=requests.AutoReloadRequest,
        refusals=(NoPaymentMethod, WORKED_ON),
        description="Saving ends a suspension. Without a `monthly_cap_cents`, reloads bring at most ten times "
        "`amount_cents` in a calendar month. At most five (a parameter of the stack) are made on one day. Past either, "
        "and when a payment into the wallet is disputed, reported by its bank or refunded, auto-reload is `suspended`, "
        "with the reason in `last_error`.",
    ),
    "SetSpendCapFunction": Operation(
        "Set how much may be spent per month; null removes the cap",
        wallet_answers.Balance,
        body=requests.SpendCapRequest,
        description="Spent and held money counts towards the cap. Money that is already spent stays spent.",
    ),
    "GetStatementFunction": Operation(
        "List the ledger's lines with their hashes, oldest first, to check the bill",
        (),
        query=(
            Query("from", {"type": "string", "format": "date"}, "The first day; the very first line by default."),
            Query("to", {"type": "string", "format": "date"}, "The last day, included."),
            Query("cursor", {"type": "string"}, "The header `X-Next-Cursor` of the answer before."),
        ),
        refusals=(errors.InvalidRequest,),
        texts={
            "application/x-ndjson": "A JSON object a line: docs/check-my-bill.md says how its hash is made.",
            "text/csv": "The same for a spreadsheet; a text that it would take for a formula begins with `'`.",
        },
        description="Each line carries `hash`, and `previous_hash` of the line before: whoever has the lines can check "
        "that none was changed, left out or put in. Up to 2,000 lines an answer.",
    ),
    "GetSpendFunction": Operation(
        "Show what was spent, by day and by what it was for",
        wallet_answers.Spend,
        query=(
            Query("from", {"type": "string", "format": "date"}, "The first day; the first of that month by default."),
            Query("to", {"type": "string", "format": "date"}, "The last day, included; today by default."),
            Query(
                "bucket",
                {"type": "string", "enum": list(get_args(requests.SpendBucket)), "default": "day"},
                "Of which time each sum is.",
            ),
            Query(
                "by",
                {"type": "string", "default": "kind"},
                "`kind`, `model`, `billing_mode`, or the name of a label; `label:kind` is the label of that name.",
            ),
        ),
        refusals=(errors.InvalidRequest, SpendingBehind),
        texts={"text/csv": "The groups, a line each; a text that would be taken for a formula begins with `'`."},
        description="It equals the ledger. Refunds are taken off the day they were made. At most 1,000 values are told "
        "apart, the dearest; the others are one group, `rest`. What has no value is the group whose value is null.",
    ),
    "ListBudgetsFunction": Operation(
        "List the budgets and what is spent of them",
        wallet_answers.Budgets,
        query=(
            Query("label", {"type": "string"}, "Only those of a label."),
            Query("cursor", {"type": "string"}, "The `next_cursor` of the page before."),
        ),
        refusals=(errors.InvalidRequest,),
        description="One page; `next_cursor` leads to the next one.",
    ),
    "GetBudgetFunction": Operation(
        "Show what one budget stands at",
        wallet_answers.Budget,
        path=requests.BudgetName,
        refusals=(BudgetNotFound,),
        description="Its limit, and what is spent and held in the current window.",
    ),
    "PutBudgetFunction": Operation(
        "Set what may be spent under a label",
        wallet_answers.Budget,
        body=requests.BudgetRequest,
        path=requests.BudgetName,
        refusals=(TooManyBudgets,),
        description="Charges and holds that carry the label must fit it, at any concurrency. The value `*` is the "
        "budget of each value that has none of its own. It counts what is charged from now on; a change that keeps "
        "the window keeps what is counted. A limit below what is spent blocks, and takes nothing back.",
    ),
    "DeleteBudgetFunction": Operation(
        "Remove a budget",
        wallet_answers.Budget,
        path=requests.BudgetName,
        refusals=(BudgetNotFound,),
        description="Charges no longer have to fit it. Money that is already spent stays spent.",
    ),
    "ChargeFunction": Operation(
        "Charge a wallet once",
        wallet_answers.Charged,
        body=requests.ChargeRequest,
        query=(Query("dry_run", {"type": "boolean", "default": False}, "Quote the price, and take nothing."),),
        refusals=(*SHORT, REUSED, UnknownModel, ToolNotFound, PriceChanged, errors.PlanLimitExceeded),
        status=201,
        replays=True,
        rehearsal=wallet_answers.Quoted,
        description="The price is an amount, or `usage` by the price book. `byok` charges nothing and is recorded at "
        "zero, with what it would have cost. `plan_quota` takes the tokens from the plan's `ai_tokens` in place of "
        "money, or with `fallback` the whole from the wallet where they do not suffice. A `tool_call` pays its creator "
        "a share; with `tool_id` price and creator are those that the creator published.",
    ),
    "ChargeBatchFunction": Operation(
        "Take up to 100 charges at once",
        wallet_answers.ChargeResults,
        body=requests.ChargesRequest,
        description="The results are in the order of the charges. Each is what `charge` would answer for that charge, "
        "under its own key. A refused charge does not affect the others. Those of one account are taken in their "
        "order, by as few transactions as fit.",
    ),
    "RefundChargeFunction": Operation(
        "Refund a charge in full, once",
        wallet_answers.Refunded,
        body=RefundRequest,
        path=ChargeName,
        refusals=(ChargeNotFound, AlreadyRefunded, RefundNeedsReview, REUSED),
        replays=True,
        description="The creator's share is taken back too.",
    ),
    "TakeHoldFunction": Operation(
        "Hold money for work that is priced when it ends",
        wallet_answers.Held,
        body=requests.HoldRequest,
        refusals=(*SHORT, REUSED, UnknownModel, ToolNotFound, PriceChanged),
        status=201,
        replays=True,
        description="Money that is neither captured nor released returns after `ttl_seconds`.",
    ),
    "CaptureHoldFunction": Operation(
        "Capture a hold: charge the price and free the rest",
        wallet_answers.Captured,
        body=requests.CaptureRequest,
        path=requests.HoldName,
        refusals=(*SHORT, HoldNotFound, HoldEnded, REUSED, UnknownModel, ToolNotFound, PriceChanged),
        replays=True,
        description="With `items` each is a line of its own, of an amount, of usage or of a tool (`tool_id`), all "
        "taken or none; a refusal's `details` name the item. Held money beyond the price returns. Missing money comes "
        "from the balance; if the balance is "
        "too low, the call is refused and the hold stays. `allow_partial` takes what there is. What is held is "
        "guaranteed, also where the deposit it came from is refunded or disputed meanwhile: it stays held, "
        "`debt_cents` says what is owed, and the capture is covered.",
    ),
    "ExtendHoldFunction": Operation(
        "Extend a hold: let it end later, and hold more",
        wallet_answers.Extended,
        body=requests.ExtendRequest,
        path=requests.HoldName,
        refusals=(*SHORT, HoldNotFound, HoldEnded, REUSED),
        replays=True,
        description="What is added passes the checks of a hold. The hold takes room again in the budgets that its "
        "labels meet. A hold that is over is not extended, nor one beyond 31 days since it was taken, nor that of an "
        "account that owes.",
    ),
    "ReleaseHoldFunction": Operation(
        "Release a hold in full",
        wallet_answers.Released,
        body=requests.ReleaseRequest,
        path=requests.HoldName,
        refusals=(HoldNotFound, HoldEnded, REUSED),
        replays=True,
        description="For work that failed, or cost nothing.",
    ),
}
