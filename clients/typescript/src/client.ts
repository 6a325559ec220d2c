// The calls of a signed-in user, and those of the platform's own services.

import { Allowance, type AllowanceTerms } from "./allowance.js";
import { budget, keyed, parts, priced, segment } from "./bodies.js";
import { Caller, type Call, type CallOptions, type ClientOptions } from "./calling.js";
import { Hold } from "./hold.js";
import { LeasedMeter, type LeaseTerms } from "./meter.js";
import type { components } from "./schema.js";
import type { Answer, Body, Operation, Query } from "./types.js";

/** What needs no token. */
class Client {
  readonly #caller: Caller;

  constructor(options: ClientOptions) {
    this.#caller = new Caller(options);
  }

  /** The catalog of plans: prices, limits, grace. */
  getPlans(options?: CallOptions): Promise<Answer<"getPlans">> {
    return this.ask("GET", "/api/billing/plans", { public: true, ...options });
  }

  /** What tokens cost, by model. */
  getPrices(options?: CallOptions): Promise<Answer<"getPrices">> {
    return this.ask("GET", "/api/billing/prices", { public: true, ...options });
  }

  /** The service's own description. */
  getOpenapi(options?: CallOptions): Promise<Answer<"getOpenapi">> {
    return this.ask("GET", "/api/billing/openapi.json", { public: true, ...options });
  }

  /** Never the token. */
  toJSON(): object {
    return { host: this.#caller.host };
  }

  protected get deadlineMs(): number {
    return this.#caller.deadlineMs;
  }

  protected ask<Op extends Operation>(
    method: Call["method"], path: string, more: Partial<Call> = {},
  ): Promise<Answer<Op>> {
    return this.#caller.call<Answer<Op>>({ method, path, ...more });
  }
}

/** Calls in the name of the account that the token names. */
export class UserClient extends Client {
  // Plan

  /** The plan that the account is on. */
  getBilling(options?: CallOptions): Promise<Answer<"getBilling">> {
    return this.ask("GET", "/api/billing", options);
  }

  /** The page on which the plan is bought, or its change confirmed. Then `verifySession`. */
  checkout(body: Body<"checkout">, options?: CallOptions): Promise<Answer<"checkout">> {
    return this.ask("POST", "/api/billing/checkout", { body: keyed(body), ...options });
  }

  /** What was bought takes effect at once: the account after a plan, the wallet after a deposit. */
  verifySession(body: Body<"applySession">, options?: CallOptions): Promise<Answer<"applySession">> {
    return this.ask("POST", "/api/billing/verify-session", { body, ...options });
  }

  /** End the subscription with its period. */
  cancel(options?: CallOptions): Promise<Answer<"cancel">> {
    return this.ask("POST", "/api/billing/cancel", options);
  }

  /** Take a pending cancellation, or a pending cheaper plan, back. */
  resume(options?: CallOptions): Promise<Answer<"resume">> {
    return this.ask("POST", "/api/billing/resume", options);
  }

  /** Stripe's page for cards, invoices and the subscription. */
  portal(body: Body<"openPortal"> = {}, options?: CallOptions): Promise<Answer<"openPortal">> {
    return this.ask("POST", "/api/billing/portal", { body, ...options });
  }

  /** What a change of plan would cost and take away; nothing is changed. */
  preview(body: Body<"preview">, options?: CallOptions): Promise<Answer<"preview">> {
    return this.ask("POST", "/api/billing/preview", { body, ...options });
  }

  /** A page of invoices and receipts, newest first. */
  getInvoices(query?: Query<"getInvoices">, options?: CallOptions): Promise<Answer<"getInvoices">> {
    return this.ask("GET", "/api/billing/invoices", { query, ...options });
  }

  /** What the plan is charged to, and whether it ends soon. */
  getPaymentMethod(options?: CallOptions): Promise<Answer<"getPaymentMethod">> {
    return this.ask("GET", "/api/billing/payment-method", options);
  }

  // Usage

  /** The counters of this month, or of an older one: `2026-03`. */
  getUsage(query?: Query<"getUsage">, options?: CallOptions): Promise<Answer<"getUsage">> {
    return this.ask("GET", "/api/billing/usage", { query, ...options });
  }

  /** What the month's usage and spending come to if they go on as they went. */
  getForecast(options?: CallOptions): Promise<Answer<"getForecast">> {
    return this.ask("GET", "/api/billing/usage/forecast", options);
  }

  /** What exists, by kind, and what of it is read-only. */
  getResources(options?: CallOptions): Promise<Answer<"getResources">> {
    return this.ask("GET", "/api/billing/resources", options);
  }

  // Wallet

  /** The wallet. */
  getBalance(options?: CallOptions): Promise<Answer<"getBalance">> {
    return this.ask("GET", "/api/balance", options);
  }

  /** The page on which 500 to 50,000 whole cents are paid in. Then `verifySession`. */
  deposit(body: Body<"deposit">, options?: CallOptions): Promise<Answer<"deposit">> {
    return this.ask("POST", "/api/balance/deposit", { body: keyed(body), ...options });
  }

  /** One page of the statement, newest first. */
  getTransactions(query?: Query<"getTransactions">, options?: CallOptions): Promise<Answer<"getTransactions">> {
    return this.ask("GET", "/api/balance/transactions", { query, ...options });
  }

  /** Every line of the statement, newest first; pages are fetched as they are needed. */
  async *transactions(
    query: Omit<Query<"getTransactions">, "cursor"> = {}, options?: CallOptions,
  ): AsyncGenerator<Answer<"getTransactions">["transactions"][number]> {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await this.getTransactions({ limit: 100, ...query, ...(cursor && { cursor }) }, options);
      yield* page.transactions;
      cursor = page.next_cursor;
    }
  }

  /** Up to 2,000 lines of the ledger as they were hashed, oldest first: docs/check-my-bill.md tells how to check them. */
  getStatement(query?: Query<"getStatement">, options?: CallOptions): Promise<Answer<"getStatement">> {
    return this.ask("GET", "/api/balance/statement", { query, lines: true, ...options });
  }

  /** What was spent, by day and by what it was for; the days of this month by default. */
  getSpend(query?: Query<"getSpend">, options?: CallOptions): Promise<Answer<"getSpend">> {
    return this.ask("GET", "/api/balance/spend", { query, ...options });
  }

  /** Keep the wallet filled by the saved card. */
  setAutoReload(body: Body<"setAutoReload">, options?: CallOptions): Promise<Answer<"setAutoReload">> {
    return this.ask("PUT", "/api/balance/auto-reload", { body, ...options });
  }

  /** Spend at most so much in a calendar month; null takes the cap away. */
  setSpendCap(body: Body<"setSpendCap">, options?: CallOptions): Promise<Answer<"setSpendCap">> {
    return this.ask("PUT", "/api/balance/spend-cap", { body, ...options });
  }

  // Tools

  /** The creator's own tools with their prices. */
  listTools(options?: CallOptions): Promise<Answer<"listTools">> {
    return this.ask("GET", "/api/creators/tools", options);
  }

  /** Publish a tool with its price, or change it. */
  putTool(toolId: string, body: Body<"putTool">, options?: CallOptions): Promise<Answer<"putTool">> {
    return this.ask("PUT", `/api/creators/tools/${segment(toolId)}`, { body, ...options });
  }

  /** Sell a tool no more. */
  deleteTool(toolId: string, options?: CallOptions): Promise<Answer<"deleteTool">> {
    return this.ask("DELETE", `/api/creators/tools/${segment(toolId)}`, options);
  }

  /** What a tool costs, whoever's it is. */
  getTool(toolId: string, options?: CallOptions): Promise<Answer<"getTool">> {
    return this.ask("GET", `/api/tools/${segment(toolId)}`, options);
  }

  // Budgets

  /** The budgets and what is spent of them, a page at a time. */
  listBudgets(query?: Query<"listBudgets">, options?: CallOptions): Promise<Answer<"listBudgets">> {
    return this.ask("GET", "/api/balance/budgets", { query, ...options });
  }

  /** What one budget stands at. */
  getBudget(label: string, value: string, options?: CallOptions): Promise<Answer<"getBudget">> {
    return this.ask("GET", budget(label, value), options);
  }

  /** Set what may be spent under a label; the value `*` is for each value that has no budget of its own. */
  putBudget(
    label: string, value: string, body: Body<"putBudget">, options?: CallOptions,
  ): Promise<Answer<"putBudget">> {
    return this.ask("PUT", budget(label, value), { body, ...options });
  }

  /** Remove a budget. */
  deleteBudget(label: string, value: string, options?: CallOptions): Promise<Answer<"deleteBudget">> {
    return this.ask("DELETE", budget(label, value), options);
  }

  // Notifications

  /** Whom the account tells of what. */
  getNotifications(options?: CallOptions): Promise<Answer<"getNotifications">> {
    return this.ask("GET", "/api/billing/notifications", options);
  }

  /** Set whom the account tells of what: what is left out is off. */
  putNotifications(body: Body<"putNotifications">, options?: CallOptions): Promise<Answer<"putNotifications">> {
    return this.ask("PUT", "/api/billing/notifications", { body, ...options });
  }

  /** A new secret for the webhooks; the one before signs too for a day. */
  rotateWebhookSecret(options?: CallOptions): Promise<Answer<"rotateWebhookSecret">> {
    return this.ask("POST", "/api/billing/notifications/webhook/secret", options);
  }

  /** Send a test message to the webhook, or to each address. */
  testNotifications(body: Body<"testNotifications">, options?: CallOptions): Promise<Answer<"testNotifications">> {
    return this.ask("POST", "/api/billing/notifications/test", { body, ...options });
  }

  /** What became of each event and recipient, a page at a time, the newest first. */
  listDeliveries(query?: Query<"listDeliveries">, options?: CallOptions): Promise<Answer<"listDeliveries">> {
    return this.ask("GET", "/api/billing/notifications/deliveries", { query, ...options });
  }

  /** Send a delivery that is over once more. */
  resendDelivery(deliveryId: string, options?: CallOptions): Promise<Answer<"resendDelivery">> {
    return this.ask("POST", `/api/billing/notifications/deliveries/${segment(deliveryId)}/resend`, options);
  }

  // Creators

  /** The page on which a creator connects to Stripe, to be paid. */
  onboardCreator(body: Body<"onboardCreator">, options?: CallOptions): Promise<Answer<"onboardCreator">> {
    return this.ask("POST", "/api/creators/onboard", { body, ...options });
  }

  /** What the account earned as a creator. */
  getCreator(options?: CallOptions): Promise<Answer<"getCreator">> {
    return this.ask("GET", "/api/creators/me", options);
  }
}

/** What a charge would be. */
export type Quote = components["schemas"]["Quoted"];
type HoldBody = Body<"takeHold">;

/**
 * Calls for any account, which each names. Usage needs the scope `billing:meter`, money `billing:charge`, an account's
 * timeline `billing:operate`.
 */
export class ServiceClient extends Client {
  // Operators

  /** What happened to an account, a page at a time, the newest first. Needs the scope `billing:operate`. */
  getTimeline(
    accountId: string, query?: Query<"getTimeline">, options?: CallOptions,
  ): Promise<Answer<"getTimeline">> {
    return this.ask("GET", `/api/operators/accounts/${segment(accountId)}/timeline`, { query, ...options });
  }

  // Usage

  /** Count usage if the plan has room for it: else 403 PLAN_LIMIT_EXCEEDED, and nothing is counted. */
  consume(body: Body<"consume">, options?: CallOptions): Promise<Answer<"consume">> {
    return this.ask("POST", "/api/billing/usage/consume", { body: body.dry_run ? body : keyed(body), ...options });
  }

  /**
   * Count any number of events, a hundred in a request or as many as fit. Each has a key, its own or one that it is
   * given: hand `events` in again after an error.
   */
  async consumeBatch(events: Body<"consume">[], options?: CallOptions): Promise<Answer<"consumeBatch">> {
    const named = events.map((event) => Object.assign(event, keyed(event)));
    const results: Answer<"consumeBatch">["results"] = [];
    for (const part of parts(named)) {
      const call = { body: { events: part }, ...options };
      results.push(...(await this.ask<"consumeBatch">("POST", "/api/billing/usage/batch", call)).results);
    }
    return { results };
  }

  /** A block of quota to use without asking; see also `meter`. Under a key of yours it is repeated. */
  takeLease(body: Body<"takeLease">, options?: CallOptions): Promise<Answer<"takeLease">> {
    return this.ask("POST", "/api/billing/usage/leases", { body, repeatable: body.idempotency_key !== undefined, ...options });
  }

  /** Give back what of a lease was not used, once. */
  settleLease(leaseId: string, body: Body<"settleLease">, options?: CallOptions): Promise<Answer<"settleLease">> {
    return this.ask("POST", `/api/billing/usage/leases/${segment(leaseId)}/settle`, { body, ...options });
  }

  /** Counts usage without a request for each, by leases taken ahead. */
  meter(terms?: LeaseTerms): LeasedMeter {
    return new LeasedMeter(this, terms);
  }

  /** Take a place of the plan for a thing; again: the same. */
  claimResource(
    kind: string, id: string, body: Body<"claimResource">, options?: CallOptions,
  ): Promise<Answer<"claimResource">> {
    return this.ask("PUT", `/api/billing/resources/${segment(kind)}/${segment(id)}`, { body, ...options });
  }

  /** Give the place of a thing back. */
  freeResource(
    kind: string, id: string, query: Query<"freeResource">, options?: CallOptions,
  ): Promise<Answer<"freeResource">> {
    return this.ask("DELETE", `/api/billing/resources/${segment(kind)}/${segment(id)}`, { query, ...options });
  }

  // Money

  /** Take a price from the wallet, once for the key, for ever: else 402 INSUFFICIENT_BALANCE, and nothing is taken. */
  charge(body: Body<"charge">, options?: CallOptions): Promise<Answer<"charge">> {
    return this.ask("POST", "/api/balance/charges", { body: keyed(priced(body)), ...options });
  }

  /** Take many charges, a hundred in a request. Each has a key, its own or one that it is given: hand `charges` in again after an error. */
  async chargeBatch(charges: Body<"charge">[], options?: CallOptions): Promise<Answer<"chargeBatch">> {
    const named = charges.map((charge) => Object.assign(charge, keyed(priced(charge))));
    const results: Answer<"chargeBatch">["results"] = [];
    for (const part of parts(named)) {
      const call = { body: { charges: part }, ...options };
      results.push(...(await this.ask<"chargeBatch">("POST", "/api/balance/charges/batch", call)).results);
    }
    return { results };
  }

  /** What a charge would cost, and whether it would be refused; nothing is taken. */
  quote(body: Body<"charge">, options?: CallOptions): Promise<Quote> {
    const asked = { body: keyed(priced(body)), query: { dry_run: true }, ...options };
    return this.ask("POST", "/api/balance/charges", asked) as Promise<unknown> as Promise<Quote>;
  }

  /** Give the whole price of a charge back, once. */
  refundCharge(chargeId: string, body: Body<"refundCharge">, options?: CallOptions): Promise<Answer<"refundCharge">> {
    return this.ask("POST", `/api/balance/charges/${segment(chargeId)}/refund`, { body: keyed(body), ...options });
  }

  /** Takes charges from an account without a request for each, out of money that is held ahead. */
  allowance(accountId: string, terms: AllowanceTerms): Allowance {
    return new Allowance(this, accountId, terms);
  }

  /** Set money aside until it is captured, released, or its time is over. */
  takeHold(body: HoldBody, options?: CallOptions): Promise<Answer<"takeHold">> {
    return this.ask("POST", "/api/balance/holds", { body: keyed(priced(body)), ...options });
  }

  /** Take the price of the work; the rest of the hold goes back. */
  captureHold(holdId: string, body: Body<"captureHold">, options?: CallOptions): Promise<Answer<"captureHold">> {
    return this.ask("POST", `/api/balance/holds/${segment(holdId)}/capture`, { body: keyed(priced(body)), ...options });
  }

  /** Let a hold end later, and hold more. */
  extendHold(holdId: string, body: Body<"extendHold">, options?: CallOptions): Promise<Answer<"extendHold">> {
    return this.ask("POST", `/api/balance/holds/${segment(holdId)}/extend`, { body: keyed(body), ...options });
  }

  /** Give the whole hold back. */
  releaseHold(holdId: string, body: Body<"releaseHold">, options?: CallOptions): Promise<Answer<"releaseHold">> {
    return this.ask("POST", `/api/balance/holds/${segment(holdId)}/release`, { body: keyed(body), ...options });
  }

  /**
   * Set money aside while `work` runs. `work` captures what it cost; without that, or when it fails, the money goes
   * back. Once a capture was tried it does not: whether it succeeded may be unknown, and unpaid work must not become
   * free. What nobody captures goes back by itself when `ttl_seconds` are over.
   */
  async withHold<Result>(body: HoldBody, work: (hold: Hold) => Promise<Result>, options?: CallOptions): Promise<Result> {
    const named = keyed(body);
    const hold = new Hold(this, named.account_id, named.idempotency_key, await this.takeHold(named, options));
    try {
      return await work(hold);
    } finally {
      await hold.end();
    }
  }
}
