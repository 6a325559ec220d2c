/** How each part of what the page knows is fetched. */

import { ApiError } from "./lib/errors.js";
import { firstDay } from "./rules/spending.js";

/** @import { Api } from "./lib/api.js" */
/** @import { Store } from "./lib/store.js" */

const PAGE_SIZE = 20;
const MOST_AT_ONCE = 100;
const QUICK_MS = 1_500;

/**
 * @param {Api} api
 * @param {() => Date} now
 * @param {() => Store} store
 * @returns {Record<string, () => Promise<any>>}
 */
export function createSources(api, now, store) {
  return {
    billing: () => api.get("/api/billing"),
    plans: () => api.get("/api/billing/plans"),
    usage: () => api.get("/api/billing/usage"),
    resources: () => api.get("/api/billing/resources"),
    balance: () => api.get("/api/balance"),
    // So many as are shown already.
    transactions: () =>
      statement(api, store().data("type"), null, store().data("transactions")?.transactions.length),
    days: () => spending(api, now(), "day", "kind"),
    breakdown: () => spending(api, now(), "total", store().data("by")),
    budgets: () => api.get("/api/balance/budgets"),
    method: () => method(api),
    card: () => quickly(method(api)),
    papers: () => papers(api, null),
    notifications: () => whereServed(api.get("/api/billing/notifications")),
    deliveries: () => deliveryPage(api, null),
    months: () => api.get("/api/billing/usage?months=12").then((answer) => (answer.history ? answer : null)),
    forecast: () => api.get("/api/billing/usage/forecast").catch(() => null),
    prices: () => api.get("/api/billing/prices"),
    creator: () => api.get("/api/creators/me"),
    tools: () => api.get("/api/creators/tools"),
  };
}

/** A page of the statement. @param {Api} api @param {string} type @param {string | null} cursor @param {number} [atLeast] */
export function statement(api, type, cursor, atLeast = 0) {
  const query = new URLSearchParams({ limit: String(Math.min(MOST_AT_ONCE, Math.max(PAGE_SIZE, atLeast))) });
  if (type) query.set("type", type);
  if (cursor) query.set("cursor", cursor);
  return api.get(`/api/balance/transactions?${query}`);
}

/** What was spent in the last 30 days. @param {Api} api @param {Date} now @param {"day" | "total"} bucket @param {string} by */
export function spending(api, now, bucket, by) {
  const query = new URLSearchParams({ from: firstDay(now), to: now.toISOString().slice(0, 10), bucket, by });
  return api.get(`/api/balance/spend?${query}`);
}

/** The card that pays. @param {Api} api */
function method(api) {
  return whereServed(api.get("/api/billing/payment-method"));
}

/** An answer that others do not wait for: null where it takes long or fails. @param {Promise<any>} asked */
function quickly(asked) {
  const late = new Promise((resolve) => setTimeout(resolve, QUICK_MS, null));
  return Promise.race([asked.catch(() => null), late]);
}

/** Invoices and receipts, newest first. @param {Api} api @param {string | null} cursor */
export function papers(api, cursor) {
  return whereServed(api.get(`/api/billing/invoices${cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`}`));
}

/** What became of notices, newest first. @param {Api} api @param {string | null} cursor */
export function deliveryPage(api, cursor) {
  const query = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
  return whereServed(api.get(`/api/billing/notifications/deliveries${query}`));
}

/** What a stack of an older version does not serve: null, and what would show it is left out. @param {Promise<any>} asked */
export function whereServed(asked) {
  return asked.catch((error) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });
}
