"""`docs/errors.md`: each code that a route answers, what it means and what to do, from the document and the code."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aerostack_billing.values.errors import BillingError


class Advice(NamedTuple):
    """What a code means, and what whoever meets it does."""

    means: str
    do: str


_MOST_LISTED = 6
_AGAIN = "Send the same request again, with the same idempotency key where it has one, after a pause that grows."

ADVICE: Mapping[str, Advice] = {
    "INVALID_JSON": Advice(
        "The body is not a JSON object, or names a field twice.", "Correct the body. Sending it again changes nothing."
    ),
    "UNAUTHORIZED": Advice(
        "The token is valid and names no account.", "Use a token whose account claim holds the account's id."
    ),
    "BUDGET_REACHED": Advice(
        "A budget that the labels meet has no room for the price.",
        "`details` has its figures. Stop this agent or key, or have the budget raised; it starts over at `resets_at`.",
    ),
    "BUDGET_NOT_FOUND": Advice(
        "There is no budget of that value, and none of each value of its label.",
        "Check label and value, or list the budgets.",
    ),
    "TOO_MANY_BUDGETS": Advice(
        "The account has as many budgets as one may have.", "Delete one, or set one of each value (`*`)."
    ),
    "INSUFFICIENT_BALANCE": Advice(
        "The wallet holds less than the price. `details` has both.",
        "Let the user deposit, or turn auto-reload on. The same key may succeed afterwards.",
    ),
    "SPEND_CAP_REACHED": Advice(
        "The user's own cap for the month would be exceeded.", "Wait for the next month, or let the user raise the cap."
    ),
    "PLAN_LIMIT_EXCEEDED": Advice(
        "The plan's limit and its grace are used up. Nothing was counted.",
        "Refuse the work, and offer a larger plan. `details` says what is used and when it resets.",
    ),
    "TOOL_NOT_FOUND": Advice(
        "There is no such tool, it is sold no more, or it is another creator's.", "Check `tool_id` with its creator."
    ),
    "PRICE_CHANGED": Advice(
        "The tool costs more than `max_price_cents`. Nothing was taken; `details` has the price.",
        "Ask whoever pays, and charge it again with a higher `max_price_cents`.",
    ),
    "TOO_MANY_TOOLS": Advice("The creator has as many tools as one may have.", "Delete one."),
    "CHARGE_NOT_FOUND": Advice("The account has no such charge.", "Check `charge_id` and `account_id`."),
    "HOLD_NOT_FOUND": Advice("The account has no such hold.", "Check `hold_id` and `account_id`."),
    "LEASE_NOT_FOUND": Advice("The account has no such lease.", "Check `lease_id` and `account_id`."),
    "SESSION_NOT_FOUND": Advice(
        "The account has no such checkout session.", "Sign in as the account that paid, or start again."
    ),
    "ALREADY_ONBOARDED": Advice("The creator's payout account is complete.", "Nothing: payouts go there."),
    "INVOICE_OPEN": Advice(
        "An invoice of a plan is overdue.", "Pay it at the `url` in the details; then choose a plan."
    ),
    "ALREADY_ON_PLAN": Advice("The account has this plan at this interval.", "Nothing: there is nothing to buy."),
    "ALREADY_REFUNDED": Advice(
        "The charge was refunded under another key.", "Nothing: the money is back. A charge is refunded once."
    ),
    "REFUND_NEEDS_REVIEW": Advice(
        "Today's refunds of charges that the creator was paid for are above what the stack allows.",
        "Ask an operator to allow it, then repeat the request with the same key.",
    ),
    "CURRENCY_CONFLICT": Advice(
        "Stripe bills the account's customer in another currency than US dollars.",
        "Ask an operator: the subscription in the other currency ends first.",
    ),
    "HOLD_ENDED": Advice(
        "The hold was captured or released under another key, or would live longer than 31 days.",
        "Take a new hold for new work. Do not capture twice.",
    ),
    "IDEMPOTENCY_KEY_REUSED": Advice(
        "The key belongs to an earlier request with another body.",
        "Use a new key for a new request, and the same key only to repeat the same one.",
    ),
    "NOTHING_TO_RESUME": Advice("No cancellation and no cheaper plan is pending.", "Nothing: the plan goes on."),
    "NO_ACTIVE_SUBSCRIPTION": Advice("The account pays for no plan.", "Nothing: there is nothing to cancel."),
    "NO_PAYMENT_METHOD": Advice(
        "No card is kept that auto-reload could charge.", "Let the user deposit once, or add a card in the portal."
    ),
    "NO_STRIPE_CUSTOMER": Advice(
        "The account has never paid, so it has no portal.", "Offer a plan or a deposit instead."
    ),
    "DELIVERY_NOT_FOUND": Advice(
        "The account has no such delivery. One is kept for 30 days.",
        "Take an `id` from the list of deliveries.",
    ),
    "DELIVERY_UNDER_WAY": Advice(
        "The delivery waits for its next attempt, or one is being made.", "Wait: `next_attempt_at` says how long."
    ),
    "TOO_MANY_COMPLAINTS": Advice(
        "A hundred readers of the account marked its mail as spam, so it can name no further address.",
        "Name addresses that it named before, use a `webhook_url`, or ask whoever runs the billing service.",
    ),
    "NO_EMAIL": Advice(
        "The account names no address that is sent mail.",
        "Name one that is not muted.",
    ),
    "EMAIL_OFF": Advice(
        "The stack sends no mail.",
        "Use a `webhook_url`, or have an operator set `MailFrom` and `MailConfigurationSet`.",
    ),
    "NO_WEBHOOK": Advice("The account names no `webhook_url`.", "Set one by `PUT /api/billing/notifications` first."),
    "PLAN_AGREED": Advice(
        "The plan was agreed with sales and set by an operator.", "Ask sales. Buying another one would have no effect."
    ),
    "REQUEST_IN_PROGRESS": Advice(
        "A request with the same key, or for the same account, is being carried out.", _AGAIN
    ),
    "SESSION_NOT_PAID": Advice(
        "The checkout session is open, or its payment is on its way.",
        "Ask again in a moment. The webhook applies the payment in any case.",
    ),
    "PAYLOAD_TOO_LARGE": Advice("The body is larger than the API takes.", "Send less at once."),
    "CANCEL_INSTEAD": Advice("Free is not bought.", "Call `POST /api/billing/cancel`."),
    "CONTACT_SALES": Advice("Enterprise is not sold by checkout.", "Send the user to sales."),
    "INVALID_REDIRECT_URL": Advice(
        "A URL to come back to is not https, or its host is not allowed.",
        "Use an allowed host. The stack parameter `AllowedRedirectHosts` lists them.",
    ),
    "INVALID_REQUEST": Advice(
        "One or more fields are wrong. `details` names each.", "Correct the fields. Nothing was changed."
    ),
    "QUANTITY_EXCEEDS_USED": Advice(
        "More storage would be given back than is held.", "Give back what is held at most."
    ),
    "LEASE_TOO_LARGE": Advice(
        "The quantity is over the share of the limit, or over half of what is left, that one lease may take.",
        "Take several leases, set `allow_partial`, or count the quantity at once by `consume`.",
    ),
    "CALLER_BLOCKED": Advice(
        "An operator stopped the service that calls.", "Ask whoever runs the billing service. Nothing was done."
    ),
    "TOKEN_RESTRICTED": Advice(
        "The service's token is narrowed to other kinds, accounts or amounts. `details` names the claim.",
        "Use a token that is for this request. Nothing was done.",
    ),
    "UNKNOWN_METRIC": Advice("The plan catalog has no such metric.", "Use one of those that `message` lists."),
    "UNKNOWN_MODEL": Advice(
        "The price book has no such model.", "Use a name of `GET /api/billing/prices`, or have the model added."
    ),
    "UNKNOWN_RESOURCE_KIND": Advice("The plan catalog has no such kind.", "Use one of those that `message` lists."),
    "RATE_LIMIT_EXCEEDED": Advice(
        "More calls in this clock minute than the plan allows, more of those that lead to Stripe than the stack "
        "allows, more test messages, repetitions, new addresses and webhooks on this day than an account may have, or "
        "more changes of the same thing at once than can be made. Nothing was done.",
        "Wait `Retry-After` seconds.",
    ),
    "PAYMENT_PROVIDER_ERROR": Advice("Stripe failed. Nothing was lost.", _AGAIN),
    "PAYMENT_PROVIDER_REFUSED": Advice(
        "Stripe refuses the request, however often it is sent. Nothing happened.",
        "Tell an operator, with the `request_id`: the cause is in the deployment or at Stripe.",
    ),
    "PAYMENT_PROVIDER_UNAVAILABLE": Advice(
        "Stripe did not answer. The outcome is found out before it is tried again.", _AGAIN
    ),
    "SPENDING_BEHIND": Advice(
        "More charges than can be added up at once were not added up yet, or spending is being rebuilt.",
        "Ask again after a minute. If it stays so: `billingctl spending rebuild`.",
    ),
    "STORE_UNAVAILABLE": Advice("The database is busy or did not answer. Nothing was lost.", _AGAIN),
}

_HEAD = """\
# Errors

A refusal of the API has one form:

```json
{"error": {"code": "HOLD_NOT_FOUND", "message": "…", "details": {"hold_id": "unknown"}, "request_id": "…"}}
```

`code` is for programs and never changes its meaning. `message` is for people and may be reworded. `request_id` stands
in the header `apigw-requestid` too, and leads an operator to the logs and the ledger. The results of a batch carry no
`request_id` of their own: they have that of the batch.

## What the gateway answers by itself

Where no function answers, API Gateway does, with `{"message": "…"}` and no code. The `request_id` is in the header
`apigw-requestid` here too. An HTTP API of AWS has no setting for the form of these answers: the ways around it are a
catch-all route, which would let anybody without a token run a function, and an authorizer of our own in place of the
one that API Gateway keeps. So tell them by their status. Both clients do, and raise them as errors of the same types
as the others, with what to do as their message and an empty code.

| status | `message` | why | what to do |
|---|---|---|---|
| 401 | `Unauthorized` | the token is missing, over, or not for this API; `WWW-Authenticate` says which\
 | fetch a new token; compare the clocks |
| 403 | `Forbidden` | the token lacks the scope of the route | use a service's token that has it |
| 404 | `Not Found` | no route of this method and path | check both, and the host |
| 413 | `Request Entity Too Large` | the body is over 10 MB; functions refuse less (`PAYLOAD_TOO_LARGE`)\
 | send less at once |
| 429 | `Too Many Requests` | the stage takes no more requests at the moment\
 | send the same again after a pause that grows |
| 500 | `Internal Server Error` | a function broke off\
 | send the same again, with its key; tell an operator the `request_id` |
| 503 | `Service Unavailable` | a function could not be run, or did not answer in time\
 | send the same again, with its key |

"""


def page(document: Mapping[str, object]) -> str:
    """The text of the page."""
    sections = []
    for (status, code), routes in sorted(_codes(document).items()):
        advice = ADVICE.get(code) or _by_its_class(code)
        listed = ", ".join(f"`{route}`" for route in sorted(routes)) if len(routes) <= _MOST_LISTED else "many routes"
        sections.append(f"## {code}\n\n**{status}.** {advice.means} {advice.do}\n\nFrom {listed}.\n")
    return _HEAD + "\n".join(sections)


def without_advice(document: Mapping[str, object]) -> list[str]:
    """The codes of which nothing can be said."""
    return [code for _, code in _codes(document) if code not in ADVICE and not _by_its_class(code).means]


def _codes(document: Mapping[str, object]) -> dict[tuple[str, str], set[str]]:
    """Each status and code with the routes that answer it."""
    found: dict[tuple[str, str], set[str]] = {}
    paths = document["paths"]
    assert isinstance(paths, Mapping)
    for path, methods in paths.items():
        for method, operation in methods.items():
            for status, response in operation["responses"].items():
                for code in _enumerated(response):
                    found.setdefault((status, code), set()).add(f"{method.upper()} {path}")
    return found


def _enumerated(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        code = value.get("code")
        if isinstance(code, Mapping) and "enum" in code:
            yield from code["enum"]
        for inner in value.values():
            yield from _enumerated(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _enumerated(inner)


def _by_its_class(code: str) -> Advice:
    """What the refusal's own docstring says, where no advice is written yet."""
    pending = [BillingError]
    while pending:
        refusal = pending.pop()
        if refusal.code == code and refusal.__doc__:
            return Advice(" ".join(inspect.cleandoc(refusal.__doc__).split()), "")
        pending += refusal.__subclasses__()
    return Advice("", "")
