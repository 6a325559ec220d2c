/**
 * @typedef {object} SpendGroup
 * @property {string | null} value
 * @property {boolean} rest
 * @property {number} amount_cents
 * @property {number} charges
 * @property {number} input_tokens
 * @property {number} output_tokens
 * @property {number} cache_read_tokens
 * @property {number} cache_write_tokens
 *
 * @typedef {object} Spend
 * @property {string} by
 * @property {number} total_cents
 * @property {{start: string, groups: SpendGroup[]}[]} buckets
 *
 * @typedef {object} Budget
 * @property {string} label
 * @property {string} value
 * @property {"day" | "month" | "total"} window
 * @property {number} limit_cents
 * @property {number | null} spent_cents
 * @property {number | null} held_cents
 * @property {number | null} remaining_cents
 * @property {string | null} resets_at
 * @property {number | null} per_charge_max_cents
 * @property {boolean} include_byok
 * @property {number[]} alert_percent
 * @property {boolean} inherited
 * @property {"ok" | "alert" | "reached"} state
 *
 * @typedef {object} PriceBook
 * @property {string} version
 * @property {number} markup_bps
 * @property {{model: string, input: string, output: string, cache_read: string | null, cache_write: string | null}[]} models
 */

/**
 * The shapes that the page works with. Those of the API are described in full at `GET /api/billing/openapi.json`; here
 * stands what the page reads of them. Nothing of this file is loaded by a browser.
 *
 * @typedef {"free" | "starter" | "pro" | "business" | "enterprise"} Tier
 * @typedef {"monthly" | "yearly"} Interval
 *
 * @typedef {object} Config
 * @property {string} apiBaseUrl
 * @property {((asked: {expired: boolean}) => Promise<string | null> | string | null) | null} getToken
 * @property {string | null} signIn
 * @property {string} salesUrl
 *
 * @typedef {object} Billing
 * @property {Tier} plan_tier
 * @property {"active" | "trialing" | "past_due" | "unpaid"} status
 * @property {Interval} billing_interval
 * @property {string | null} stripe_customer_id
 * @property {string | null} stripe_subscription_id
 * @property {string | null} [current_period_start]
 * @property {string | null} current_period_end
 * @property {boolean} cancel_at_period_end
 * @property {string | null} [trial_ends_at]
 * @property {{plan_tier: Tier, billing_interval: Interval, effective_at: string} | null} pending_change
 * @property {PaymentIssue | null} payment_issue
 *
 * @typedef {object} PaymentIssue
 * @property {"past_due" | "unpaid" | "action_required"} reason
 * @property {string} message
 * @property {string | null} invoice_url
 * @property {string | null} next_attempt_at
 *
 * @typedef {object} Plan
 * @property {Tier} tier
 * @property {string} name
 * @property {Record<Interval, number | "custom">} price Whole US dollars.
 * @property {number | null} grace_percent
 * @property {Record<string, {limit: number | null | "custom", hard_limit?: number | null}>} limits
 * @property {number | null} burst_requests_per_minute
 *
 * @typedef {object} Plans
 * @property {number} [trial_days]
 * @property {Plan[]} plans
 * @property {{deposit_cents: {min: number, max: number}, price_examples_cents: Record<string, number>}} wallet
 *
 * @typedef {object} Metric
 * @property {number} used
 * @property {number | null} limit Null is unlimited.
 * @property {number | null} hard_limit The last unit that passes, grace included.
 * @property {number | null} remaining
 * @property {"ok" | "grace" | "blocked"} state
 *
 * @typedef {object} Usage
 * @property {Tier} tier
 * @property {string} period A calendar month in UTC, like 2026-03.
 * @property {Record<string, Metric>} usage
 *
 * @typedef {object} Resource
 * @property {string} id
 * @property {string} created_at
 * @property {boolean} read_only
 *
 * @typedef {{used: number, limit: number | null, items: Resource[]}} ResourcesOfKind
 * @typedef {{resources: Record<string, ResourcesOfKind>}} Resources
 *
 * @typedef {object} AutoReload
 * @property {boolean} enabled
 * @property {number | null} threshold_cents
 * @property {number | null} amount_cents
 * @property {number | null} monthly_cap_cents
 * @property {"off" | "armed" | "due" | "pending" | "retrying" | "suspended" | "action_required"} state
 * @property {{code: string, message: string, at: string} | null} last_error
 * @property {string | null} next_attempt_at
 * @property {string | null} action_url
 *
 * @typedef {object} Card
 * @property {string | null} type
 * @property {string | null} brand
 * @property {string | null} last4
 * @property {number | null} exp_month
 * @property {number | null} exp_year
 * @property {boolean} expires_soon
 *
 * @typedef {object} Paper
 * @property {string} id
 * @property {"invoice" | "receipt"} kind
 * @property {string | null} number
 * @property {"draft" | "open" | "paid" | "uncollectible" | "void"} status
 * @property {number} total_cents
 * @property {string} currency
 * @property {string} created_at
 * @property {string | null} description
 * @property {string | null} hosted_url
 * @property {string | null} pdf_url
 *
 * @typedef {object} Outgrown
 * @property {string} name
 * @property {"read_only" | "grace" | "blocked"} effect
 * @property {number} used
 * @property {number | null} limit
 * @property {number} above
 *
 * @typedef {object} Preview
 * @property {"now" | "period_end"} effective
 * @property {string} effective_at
 * @property {number} due_now_cents
 * @property {number} credit_cents
 * @property {{description: string, amount_cents: number}[]} lines
 * @property {number} next_amount_cents
 * @property {string | null} next_at
 * @property {number} [trial_days]
 * @property {Outgrown[]} limits_after
 *
 * @typedef {object} Notifications
 * @property {string[]} emails
 * @property {string | null} webhook_url
 * @property {number | null} balance_low_cents
 * @property {string[]} events
 * @property {{email: string, reason: "bounced" | "complained", since: string}[]} muted
 * @property {string | null} webhook_secret
 *
 * @typedef {object} Delivery
 * @property {string} id
 * @property {string} type
 * @property {string | null} recipient
 * @property {"waiting" | "sending" | "sent" | "dead" | "skipped"} state
 * @property {string | null} error
 * @property {string} occurred_at
 * @property {string | null} next_attempt_at
 *
 * @typedef {object} Forecast
 * @property {Record<string, {used: number, projected: number | null, limit_reached_at: string | null}>} usage
 * @property {{spent_cents: number, projected_cents: number | null} | null} spending
 *
 * @typedef {{period: string, usage: Record<string, {used: number, limit: number | null}>}} PastMonth
 *
 * @typedef {object} Tool
 * @property {string} tool_id
 * @property {string} name
 * @property {number} price_cents
 *
 * @typedef {object} Balance
 * @property {number} balance_cents
 * @property {number} granted_cents
 * @property {number} held_cents
 * @property {number} debt_cents
 * @property {AutoReload} auto_reload
 * @property {number | null} monthly_spend_cap_cents
 * @property {number} monthly_spent_cents
 * @property {number} lifetime_deposited_cents
 * @property {number} lifetime_spent_cents
 *
 * @typedef {object} Transaction
 * @property {string} id
 * @property {string} type
 * @property {string | null} kind What was paid for, where something was.
 * @property {number} amount_cents What it did to the balance.
 * @property {number} balance_after_cents
 * @property {string} created_at
 * @property {string} description
 * @property {string | null} reference
 * @property {Record<string, string>} [labels]
 *
 * @typedef {{transactions: Transaction[], next_cursor: string | null}} TransactionPage
 *
 * @typedef {object} Payout
 * @property {string} id
 * @property {number} amount_cents
 * @property {"pending" | "paid" | "failed" | "reversed"} state
 * @property {string} created_at
 * @property {string | null} reason
 *
 * @typedef {object} Creator
 * @property {"none" | "pending" | "complete" | "restricted"} onboarding
 * @property {number} pending_cents
 * @property {{day: string, amount_cents: number}[]} pending_by_day
 * @property {number} payable_cents
 * @property {number} granted_cents
 * @property {number} claimed_cents
 * @property {number} owed_cents
 * @property {number} in_transit_cents
 * @property {number} paid_cents
 * @property {string | null} last_error
 * @property {string | null} payouts_held_for
 * @property {Payout[]} payouts
 *
 * @typedef {object} TimelineEntry
 * @property {string} at
 * @property {"transfer" | "earning" | "stripe_event" | "notice" | "operator_act"} kind
 * @property {string} type
 * @property {string} id
 * @property {string} state
 * @property {string | null} correlation_id
 * @property {string | null} by
 * @property {"email" | "webhook" | null} channel
 * @property {number | null} amount_cents
 * @property {string | null} text
 * @property {string | null} reference
 * @property {Record<string, string>} labels
 *
 * @typedef {{entries: TimelineEntry[], next_cursor: string | null}} TimelinePage
 *
 * @typedef {object} View What a view is made of and with.
 * @property {import("./lib/store.js").Store} store
 * @property {ReturnType<typeof import("./acts.js").createActs>} acts
 * @property {import("./lib/api.js").Api} api
 * @property {Config} config
 * @property {import("./returning.js").Tell} tell
 * @property {() => Date} now
 * @property {AbortSignal} signal When another view is shown.
 * @property {string} account Whom an operator looks at; empty where users see their own.
 * @property {string} place What the address names.
 *
 * @typedef {"plain" | "good" | "warn" | "bad"} Tone
 *
 * @typedef {object} Act What the reader can do about something: a button, or a link where there is an address.
 * @property {string} label
 * @property {string} [act] The name of one of the page's acts.
 * @property {string} [href]
 *
 * @typedef {object} Notice Something the reader should know, and can do something about.
 * @property {string} id
 * @property {Tone} tone
 * @property {string} title
 * @property {string} text
 * @property {Act[]} acts
 */
export {};
