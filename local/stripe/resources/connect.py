"""/v1/accounts and /v1/account_links"""

from __future__ import annotations

import urllib.parse

from local.stripe.errors import invalid
from local.stripe.merging import assign, merged_metadata
from local.stripe.objects import Json
from local.stripe.rendering import page
from local.stripe.routing import PAGING, Call, route
from local.stripe.rules import connect
from local.stripe.world import World


@route(
    "accounts.create",
    "POST",
    "/v1/accounts",
    "business_profile business_type capabilities controller country default_currency email metadata settings type",
)
def create(world: World, call: Call) -> Json:
    """Express accounts, by `type` or by a `controller` with the Express dashboard."""
    params = call.params
    dashboard = params.get("controller", {}).get("stripe_dashboard", {}).get("type")
    if (params.get("type") or dashboard) != "express":
        raise invalid("The local Stripe has Express accounts only: pass type=express.", None, "type")
    asked = [name for name, wanted in params.get("capabilities", {}).items() if wanted.get("requested")]
    values: Json = {
        "business_type": params.get("business_type"),
        "capabilities": dict.fromkeys(asked, "inactive"),
        "controller": {
            "type": "application",
            "is_controller": True,
            "fees": {"payer": "application_express"},
            "losses": {"payments": "application"},
            "requirement_collection": "stripe",
            "stripe_dashboard": {"type": "express"},
        },
        "country": params.get("country", "US"),
        "default_currency": params.get("default_currency", "usd"),
        "email": params.get("email"),
        "metadata": merged_metadata({}, params.get("metadata", {})),
        "type": "express",
    }
    account = connect.new_account(world, values)
    _profile(account, params)
    return account


_PROFILE = ("mcc", "name", "product_description", "support_email", "support_phone", "support_url", "url")


def _profile(account: Json, params: Json) -> None:
    given = params.get("business_profile", {})
    kept = account["business_profile"] or dict.fromkeys((*_PROFILE, "support_address"))
    account["business_profile"] = {**kept, **{field: given[field] for field in _PROFILE if field in given}}


@route("accounts.retrieve", "GET", "/v1/accounts/{account}")
def retrieve(world: World, call: Call) -> Json:
    return connect.account_of(world, call.id)


@route("accounts.update", "POST", "/v1/accounts/{account}", "business_profile business_type email metadata")
def update(world: World, call: Call) -> Json:
    account = connect.account_of(world, call.id)
    with world.updating("account.updated", account, account=account["id"]):
        assign(account, call.params, "business_type email")
        _profile(account, call.params)
    return account


@route("accounts.delete", "DELETE", "/v1/accounts/{account}")
def delete(world: World, call: Call) -> Json:
    """Nothing of it can be retrieved afterwards: every call about it is 403."""
    account = connect.account_of(world, call.id)
    connect.leave(world, account)
    return {"id": account["id"], "object": "account", "deleted": True}


@route("accounts.reject", "POST", "/v1/accounts/{account}/reject", "reason")
def reject(world: World, call: Call) -> Json:
    account = connect.account_of(world, call.id)
    reason = call.params["reason"]
    if reason not in ("fraud", "terms_of_service", "other"):
        raise invalid("Invalid reason: must be one of fraud, terms_of_service, or other", None, "reason")
    connect.reject(world, account, reason)
    return account


@route("accounts.list", "GET", "/v1/accounts", PAGING)
def listed(world: World, call: Call) -> Json:
    return page(world.all("account").values(), call.params, "/v1/accounts")


@route(
    "account_links.create",
    "POST",
    "/v1/account_links",
    "account collect collection_options refresh_url return_url type",
)
def create_link(world: World, call: Call) -> Json:
    params = call.params
    account = connect.account_of(world, params["account"])
    for field in ("refresh_url", "return_url"):
        parsed = urllib.parse.urlsplit(params.get(field, ""))
        if parsed.scheme not in ("http", "https") or not parsed.netloc:
            raise invalid("Not a valid URL", "url_invalid", field)
    return connect.new_link(world, account, params["refresh_url"], params["return_url"])
