"""A Stripe for one's own machine: stateful, checked against Stripe's OpenAPI document, moved by the stack's clock.

api, checks, spec      requests in, held to the document, answered once per idempotency key
resources/             the calls, a file a resource
rules/                 what Stripe does: cards, payments, invoices, subscriptions, time
pages, templates/      what a person sees: /pay/{session}, /portal/{session}, /action/{intent}, /connect/{link}
webhooks               events on their way, signed
doors                  what a test orders:

GET  /events                          all events, newest first, with their deliveries
POST /events/{id}/resend
POST /webhooks                        {"paused": true} | {"paused": false} | {"drop": true}
POST /refunds                         {"payment_intent", "amount"?}
POST /refunds/{id}                    {"status": succeeded | failed | canceled}: the bank's word, later
POST /disputes                        {"payment_intent", "status": any of a dispute's or an inquiry's, "reason"?}
POST /early_fraud_warnings            {"payment_intent"}
POST /faults                          {"on": "payment_intents.create" | "*", "kind", "times"?, "code"?, "message"?}
POST /sessions/{id}/settle            {"works": bool}: ends a bank debit before its time
POST /payment_methods/{id}/renew      {"card"?}: the bank replaces a saved card
POST /accounts/{id}                   {"restricted": bool} | {"deauthorized": true}
POST /payouts                         {"account", "amount"?, "status"?: paid | failed}
POST /settings                        {"dunning_ends_in"?, "off_session_authentication"?, "transfers_need_balance"?,
                                       "search_lags"?, "debits_activate"?}
"""

from local.stripe.server import LocalStripe

__all__ = ["LocalStripe"]
