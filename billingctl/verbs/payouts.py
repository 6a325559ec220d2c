"""billingctl payouts"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from aerostack_billing.creators import reviews
from aerostack_billing.creators.models import Creator
from aerostack_billing.creators.reviews import Decision
from aerostack_billing.values.money import cents, micros
from aerostack_billing.wallet.models import Deposit
from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.arguments import named
from billingctl.tables import dollars
from billingctl.work import Account, Json, at_work

app = typer.Typer(name="payouts", help="What creators are paid.", no_args_is_help=True)
_MOST = 1_000


class StateFilter(StrEnum):
    """Where a payout stands."""

    PENDING = "pending"
    PAID = "paid"
    FAILED = "failed"
    REVERSED = "reversed"


@app.command("list")
def listed(
    context: typer.Context,
    *,
    creator: Annotated[str | None, typer.Option(help="One creator; all of them if not given.")] = None,
    state: Annotated[StateFilter | None, typer.Option(help="Only those that stand so.")] = None,
    as_json: Json = False,
) -> None:
    """List payouts, newest first."""
    with at_work(context, as_json=as_json) as work:
        store = work.parts.creators.store
        creators = store.all_creators() if creator is None else [named(creator)]
        payouts = [payout for one in creators for payout in store.payouts(one, _MOST)]
        shown = sorted(
            (payout for payout in payouts if state in (None, payout.state)),
            key=lambda payout: (payout.created_at, payout.payout_id),
            reverse=True,
        )
        work.console.show({"payouts": [{"creator_id": payout.creator_id, **payout.view()} for payout in shown]})


@app.command()
def run(
    context: typer.Context,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run the sweep that the schedule runs: mature what is due, pay what is payable; exit status 1 if one failed."""
    with at_work(context, as_json=as_json) as work:
        expected = [seen.view() for seen in work.parts.creators.payouts.preview()]

        def effect() -> Facts:
            return dict(asdict(work.parts.creators.payouts.sweep()))

        act = Act(
            "payouts run",
            {"creators": len(expected)},
            reason,
            dry_run,
            question=f"Look after {len(expected)} creators, and pay those who are to be paid?",
            yes=yes,
            looks_first=False,
        )
        done = carry_out(work, act, lambda: {"creators": expected}, effect)
        result = done.get("result")
        if isinstance(result, dict) and result["failed"]:
            raise typer.Exit(1)


CreatorId = Annotated[str, typer.Argument(metavar="CREATOR", help="The creator's account.")]


@app.command()
def hold(
    context: typer.Context,
    creator: CreatorId,
    *,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Begin no payout to a creator until `release`. One that is under way goes on."""
    _decide(context, creator, "hold", reviews.hold, reason, dry_run=dry_run, as_json=as_json)


@app.command()
def release(
    context: typer.Context,
    creator: CreatorId,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Pay a creator again whose payouts an operator held, or were held since a transfer was reversed at Stripe."""
    question = f"Release the payouts of {creator}?"
    _decide(context, creator, "release", reviews.release, reason, question, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command()
def review(
    context: typer.Context,
    creator: CreatorId,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Note that a creator was looked at: from now on no ceiling holds for what is paid out."""
    question = f"Pay {creator} without a ceiling?"
    _decide(context, creator, "review", reviews.review, reason, question, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("allow-refunds")
def allow_refunds(
    context: typer.Context,
    creator: CreatorId,
    in_cents: Annotated[int, typer.Option("--cents", min=1, help="Up to how much, in whole cents.")],
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let today's refunds make a creator owe more than the stack allows: a refund that waited is then repeated."""
    question = f"Let refunds of today make {creator} owe up to {dollars(str(in_cents))}?"
    decision = reviews.allowing(micros(in_cents))
    _decide(context, creator, "allow-refunds", decision, reason, question, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command("clear-deposit")
def clear_deposit(
    context: typer.Context,
    account: Account,
    payment: Annotated[str, typer.Argument(metavar="PAYMENT_INTENT", help="The payment that brought the deposit.")],
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Pay creators what a deposit pays for although its bank asks about it, or reported it as possible fraud."""
    with at_work(context, as_json=as_json) as work:
        account_id = named(account)

        def preview() -> Facts:
            return _contested(work.parts.wallet.settlement.deposit(account_id, payment))

        def effect() -> Facts:
            return _contested(work.parts.wallet.settlement.clear(account_id, payment))

        arguments = {"account": account_id, "payment_intent_id": payment}
        question = f"Pay out what {payment} of {account_id} pays for?"
        act = Act("payouts clear-deposit", arguments, reason, dry_run, account_id, question=question, yes=yes)
        carry_out(work, act, preview, effect)


def _contested(deposit: Deposit) -> Facts:
    return {
        "account_id": deposit.account_id,
        "payment_intent_id": deposit.payment_intent_id,
        "amount_cents": cents(deposit.amount),
        "reported_as_fraud": deposit.warned,
        "inquired": deposit.inquired,
        "cleared": deposit.cleared,
    }


def _decide(
    context: typer.Context,
    creator: str,
    verb: str,
    decision: Decision,
    reason: str | None,
    question: str | None = None,
    *,
    yes: bool = False,
    dry_run: bool,
    as_json: bool,
) -> None:
    with at_work(context, as_json=as_json) as work:
        creator_id = named(creator)

        def preview() -> Facts:
            before, after = work.parts.creators.reviews.preview(creator_id, decision)
            return {"creator_id": creator_id, "before": _stands(before), "after": _stands(after)}

        def effect() -> Facts:
            return {"creator_id": creator_id, **_stands(work.parts.creators.reviews.decide(creator_id, decision))}

        arguments = {"creator": creator_id}
        act = Act(f"payouts {verb}", arguments, reason, dry_run, creator_id, question=question, yes=yes)
        carry_out(work, act, preview, effect)


def _stands(creator: Creator) -> Facts:
    return {
        "held_for": creator.held_for,
        "payable_cents": cents(creator.payable),
        "reviewed": creator.reviewed,
        "refunds_owed_today_cents": cents(creator.owed_today.amount),
        "refunds_allowed_today_cents": cents(creator.owed_today.allowed),
    }
