"""billingctl account"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, cast, get_args

import typer

from aerostack_billing.accounts.models import Account as StoredAccount
from aerostack_billing.accounts.models import PlanState
from aerostack_billing.accounts.sync import ExpectedPlan
from aerostack_billing.notifications.models import Mute, digest
from aerostack_billing.plans.models import STORAGE, Tier
from aerostack_billing.platform import clock
from aerostack_billing.timeline.service import MAX_LIMIT, Asked
from aerostack_billing.values.money import cents
from aerostack_billing.wallet.grants import GrantRequest
from aerostack_billing.wallet.models import Wallet, view_reload, view_wallet
from billingctl.acts import Act, DryRun, Facts, Reason, Yes, carry_out
from billingctl.arguments import SuspensionRequest, named, request_of
from billingctl.errors import WrongUsage
from billingctl.summary import seen, summary
from billingctl.tables import dollars
from billingctl.verbs.log import operations
from billingctl.work import Account, Json, Work, at_work

app = typer.Typer(name="account", help="An account: its plan, its money.", no_args_is_help=True)

_DOLLARS = re.compile(r"\$((?:\d{1,3}(?:,\d{3})+|\d{1,7})(?:\.\d{1,6})?)")
_FOR_PEOPLE = ("at", "kind", "type", "channel", "state", "amount_cents", "correlation_id", "by", "text")
"""What fits on a line of the timeline; --json shows all of it."""
_OPERATIONS_SHOWN, _MONTHS_SHOWN = 5, 3
_SUSPENDED = "Auto-reload was suspended by our support. Save the settings to turn it on again, or contact us."


@app.command()
def show(context: typer.Context, account: Account, *, as_json: Json = False) -> None:
    """Show an account: plan, usage, wallet, what it earns as a creator, what operators did."""
    with at_work(context, as_json=as_json) as work:
        overview = _overview(work, named(account))
        work.console.show({**overview, "seen": seen(overview)}, summary(overview))


def _overview(work: Work, account_id: str) -> Facts:
    parts = work.parts
    stored = parts.accounts.store.get(account_id)
    return {
        "account_id": account_id,
        "plan": {**_whole(stored), "version": stored.version},
        "usage": parts.usage.overview.view(account_id, None),
        "wallet": view_wallet(parts.wallet.store.get(account_id)),
        "creator": parts.creators.statement.view(account_id),
        "operations": operations(work, account_id, _MONTHS_SHOWN, _OPERATIONS_SHOWN),
    }


@app.command()
def timeline(
    context: typer.Context,
    account: Account,
    *,
    since: Annotated[
        str | None,
        typer.Option(help="A date, or a time in UTC, before which nothing is shown; 90 days ago if not given."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    correlation: Annotated[str | None, typer.Option(help="Only what has this correlation id.")] = None,
    as_json: Json = False,
) -> None:
    """Show what happened to an account, newest first: transfers, Stripe's events, notices, operators' acts.

    What has one correlation id was done by one request, one run or one act. Refusals are in the log alone.
    """
    with at_work(context, as_json=as_json) as work:
        account_id = named(account)
        entries, more = _entries(work, account_id, Asked(since=since, correlation_id=correlation), limit)
        for_people = [{name: entry[name] for name in _FOR_PEOPLE} for entry in entries]
        answer = {"account_id": account_id, "entries": entries, "more": more}
        work.console.show(answer, {"account": account_id, "timeline": for_people or "nothing", "more": more})


def _entries(work: Work, account_id: str, asked: Asked, limit: int) -> tuple[list[Facts], bool]:
    """So many entries, page by page, and whether there may be more."""
    entries: list[Facts] = []
    while True:
        size = str(min(MAX_LIMIT, limit - len(entries)))
        page = work.parts.timeline.page(account_id, replace(asked, limit=size))
        entries += cast("list[Facts]", page["entries"])
        cursor = cast("str | None", page["next_cursor"])
        if cursor is None or len(entries) >= limit:
            return entries, cursor is not None
        asked = replace(asked, cursor=cursor)


@app.command("set-tier")
def set_tier(
    context: typer.Context,
    account: Account,
    tier: Annotated[str | None, typer.Argument(metavar="[TIER]", help=f"One of {', '.join(get_args(Tier))}.")] = None,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Go back to the plan that is paid for.")] = False,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give an account a tier, whatever is paid for: how an Enterprise account comes to be. It stands until --clear."""
    if (tier is None) != clear or tier not in (None, *get_args(Tier)):
        raise WrongUsage(f"Name one tier ({', '.join(get_args(Tier))}), or say --clear.")
    wanted = cast("Tier | None", tier)
    with at_work(context, as_json=as_json) as work:
        account_id = named(account)
        seen = work.parts.accounts.sync.preview_override(account_id, wanted)

        def preview() -> Facts:
            return {
                "account_id": account_id,
                "before": _plan(seen.account.plan),
                "after": _plan(seen.plan),
                **_follows(work, seen),
            }

        def effect() -> Facts:
            changed: StoredAccount = work.parts.accounts.sync.overrule(account_id, wanted).account
            return {"account_id": account_id, **_plan(changed.plan)}

        arguments = {"account": account_id, "tier": wanted}
        act = Act("account set-tier", arguments, reason, dry_run, account_id, question=_question(seen), yes=yes)
        carry_out(work, act, preview, effect)


@app.command()
def sync(
    context: typer.Context,
    account: Account,
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Bring an account's plan in line with what Stripe says now, as any webhook about it does."""
    with at_work(context, as_json=as_json) as work:
        account_id = named(account)
        seen = work.parts.accounts.sync.preview(account_id)

        def preview() -> Facts:
            return {
                "account_id": account_id,
                "before": _whole(seen.account),
                "after": _whole(seen.account.on(seen.plan)),
                **_follows(work, seen),
            }

        def effect() -> Facts:
            return {"account_id": account_id, **_whole(work.parts.accounts.sync.make_true(account_id).account)}

        arguments = {"account": account_id}
        act = Act("account sync", arguments, reason, dry_run, account_id, question=_question(seen), yes=yes)
        carry_out(work, act, preview, effect)


@app.command()
def grant(
    context: typer.Context,
    account: Account,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="Dollars, with the sign and in quotes: '$5.00'.")
    ] = None,
    *,
    in_cents: Annotated[
        str | None, typer.Option("--cents", help="The amount in cents instead, like 500 or 0.34.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Given again, nothing is granted twice. Made, and shown, if not given.")
    ] = None,
    description: Annotated[str, typer.Option(help="What the user reads among the transactions.")] = "Grant",
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Give money to an account's wallet, from the ledger account `promo`."""
    amount_cents = _cents_of(amount, in_cents)
    with at_work(context, as_json=as_json) as work:
        request = request_of(
            GrantRequest,
            account_id=account,
            amount_cents=amount_cents,
            idempotency_key=key or f"billingctl-{uuid.uuid4()}",
            description=description,
        )

        def preview() -> Facts:
            seen = work.parts.wallet.grants.preview(request)
            return {
                "idempotency_key": request.idempotency_key,
                "replayed": not seen.transfers,
                "balance_before_cents": cents(seen.before.balance),
                "transactions": [transfer.view() for transfer in seen.transfers],
            }

        def effect() -> Facts:
            done = work.parts.wallet.grants.grant(request)
            return {**done.body, "idempotency_key": request.idempotency_key, "replayed": done.replayed}

        act = Act(
            "account grant",
            {"account": account, "amount_cents": amount_cents, "idempotency_key": request.idempotency_key},
            reason,
            dry_run,
            request.account_id,
            question=f"Grant {dollars(amount_cents)} ({amount_cents} cents) to {request.account_id}?",
            yes=yes,
        )
        carry_out(work, act, preview, effect)


def _cents_of(amount: str | None, in_cents: str | None) -> str:
    """The cents that were typed. WrongUsage for a bare number: it may be meant as dollars or as cents."""
    if (amount is None) == (in_cents is None):
        raise WrongUsage("Name the amount once: '$5.00' (in quotes), or --cents 500.")
    if in_cents is not None:
        return in_cents
    typed = _DOLLARS.fullmatch(amount or "")
    if typed is None:
        raise WrongUsage(
            f"{amount} may be dollars or cents. Type '$5.00' (in quotes, or the shell takes $5), or --cents 500."
        )
    return f"{Decimal(typed[1].replace(',', '')) * 100:f}"


@app.command("suspend-reload")
def suspend_reload(
    context: typer.Context,
    account: Account,
    *,
    message: Annotated[str, typer.Option(help="What the user reads as the reason.")] = _SUSPENDED,
    reason: Reason = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Suspend auto-reload until the user saves its settings again; a card that changes does not end it."""
    with at_work(context, as_json=as_json) as work:
        account_id = named(account)
        message = request_of(SuspensionRequest, message=message).message

        def preview() -> Facts:
            before, after = work.parts.reload.settings.preview_suspension(account_id, message)
            return {"account_id": account_id, "before": _reload(before), "after": _reload(after)}

        def effect() -> Facts:
            return {"account_id": account_id, **_reload(work.parts.reload.settings.suspend(account_id, message))}

        arguments = {"account": account_id, "message": message}
        carry_out(work, Act("account suspend-reload", arguments, reason, dry_run, account_id), preview, effect)


@app.command()
def unmute(
    context: typer.Context,
    account: Account,
    address: Annotated[str, typer.Argument(help="The e-mail address, in any spelling.")],
    *,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Send an address mail again that bounced, or whose owner complained: once its owner asks for it."""
    with at_work(context, as_json=as_json) as work:
        account_id, preferences = named(account), work.parts.notifications.preferences

        def preview() -> Facts:
            return {"account_id": account_id, **_lifted(address, preferences.preview_unmute(account_id, address))}

        def effect() -> Facts:
            return {"account_id": account_id, **_lifted(address, preferences.unmute(account_id, address))}

        question = f"Send {address} mail of {account_id} again?"
        arguments = {"account": account_id, "address_digest": _digest(address)}
        act = Act("account unmute", arguments, reason, dry_run, account_id, question=question, yes=yes)
        carry_out(work, act, preview, effect)


def _digest(address: str) -> str:
    """What the operators' log has in place of an address: it is kept for ever, and holds no personal data."""
    return digest(address.casefold())


def _lifted(address: str, mute: Mute) -> Facts:
    return {"address_digest": _digest(address), "was_muted_for": mute.reason, "muted_since": clock.iso(mute.since)}


def _follows(work: Work, seen: ExpectedPlan) -> Facts:
    """What else a change of plan would do."""
    return {
        "hard_limits": _moved(work, seen.account.plan, seen.plan),
        "refunded_subscriptions": list(seen.surplus),
        "ending_subscriptions": list(seen.outranked),
    }


def _question(seen: ExpectedPlan) -> str | None:
    """What is asked where money would move."""
    if not seen.surplus:
        return None
    return f"Refund and cancel {', '.join(seen.surplus)}, bought while another one was paid?"


def _moved(work: Work, before: PlanState, after: PlanState) -> Facts:
    """The ceilings that are not the same under both plans; null is unlimited."""
    old, new = work.parts.catalog.plan(before.limits_tier), work.parts.catalog.plan(after.limits_tier)
    was, will = work.parts.catalog.plan(before.quotas_tier).quotas, work.parts.catalog.plan(after.quotas_tier).quotas
    limits = {name: (limit.hard_limit, will[name].hard_limit) for name, limit in was.items()}
    limits |= {name: (limit.hard_limit, new.resources[name].hard_limit) for name, limit in old.resources.items()}
    limits[STORAGE] = old.storage.hard_limit, new.storage.hard_limit
    return {name: {"before": was, "after": will} for name, (was, will) in limits.items() if was != will}


def _plan(plan: PlanState) -> Facts:
    return {"plan_tier": plan.tier, "status": plan.status, **_set_by_hand(plan)}


def _whole(account: StoredAccount) -> Facts:
    return {**account.view(), **_set_by_hand(account.plan)}


def _set_by_hand(plan: PlanState) -> Facts:
    return {"tier_override": plan.tier_override}


def _reload(wallet: Wallet) -> Facts:
    return {"auto_reload": view_reload(wallet.reload)}
