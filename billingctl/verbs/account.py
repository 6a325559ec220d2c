"""billingctl account"""

from __future__ import annotations

import typer

from aerostack_billing.accounts.models import Account as StoredAccount
from aerostack_billing.fields import AccountId, RequestModel, validated
from aerostack_billing.wallet.models import view_wallet
from billingctl.work import Account, Json, Work, at_work

app = typer.Typer(name="account", help="An account: its plan, its money.", no_args_is_help=True)


class _Named(RequestModel):
    account: AccountId


def named(account: str) -> str:
    """The account's id if it can be one; InvalidRequest if not."""
    return validated(_Named, {"account": account}).account


@app.command()
def show(context: typer.Context, account: Account, *, as_json: Json = False) -> None:
    """Show an account: plan, usage, wallet, what it earns as a creator."""
    with at_work(context, as_json=as_json) as work:
        work.console.show(overview(work, named(account)))


def overview(work: Work, account_id: str) -> dict[str, object]:
    """Everything that is known of an account."""
    parts = work.parts
    stored = parts.accounts.get(account_id)
    return {
        "account_id": account_id,
        "plan": plan_view(stored),
        "usage": parts.usage_overview.view(account_id, None),
        "wallet": view_wallet(parts.wallets.get(account_id)),
        "creator": parts.creator_statement.view(account_id),
    }


def plan_view(account: StoredAccount) -> dict[str, object]:
    """The plan as its user sees it, and how often it was written."""
    return {**account.view(), "version": account.version}
