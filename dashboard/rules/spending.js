/** What was spent, by day and kind, out of the statement. Pure functions. */

/** @import { Transaction } from "../types.js" */

const KINDS = ["bot_conversation", "agent_execution", "tool_call"];
const OTHER = "other";
const DAY_MS = 86_400_000;
/** Sums are kept in whole micros, so that no fraction of a cent is lost on the way. */
const MICROS = 10_000;

/**
 * @typedef {object} Day
 * @property {string} day Like 2026-03-09, in UTC as the statement's times are.
 * @property {Record<string, number>} byKind Cents.
 * @property {number} total
 */

/**
 * The days up to `now`, oldest first, each with what was spent. A charge that was refunded counts by what is left of
 * it, on the day that it was made.
 *
 * @param {Transaction[]} transactions
 * @param {Date} now
 * @param {number} length How many days.
 * @returns {{days: Day[], totals: Record<string, number>, total: number}}
 */
export function spendingByDay(transactions, now, length = 30) {
  const days = lastDays(now, length).map((day) => ({
    day,
    byKind: /** @type {Record<string, number>} */ ({}),
    total: 0,
  }));
  const byDay = new Map(days.map((day) => [day.day, day]));
  const refunded = refunds(transactions);
  /** @type {Record<string, number>} */
  const totals = {};
  for (const line of transactions) {
    const day = byDay.get(line.created_at.slice(0, 10));
    if (!day || (line.type !== "charge" && line.type !== "capture")) continue;
    const spent = -micros(line.amount_cents) - (refunded.get(line.id) ?? 0);
    if (spent <= 0) continue;
    const kind = line.kind && KINDS.includes(line.kind) ? line.kind : OTHER;
    day.byKind[kind] = (day.byKind[kind] ?? 0) + spent;
    day.total += spent;
    totals[kind] = (totals[kind] ?? 0) + spent;
  }
  const total = days.reduce((sum, day) => sum + day.total, 0);
  const inCents = days.map((day) => ({ day: day.day, byKind: cents(day.byKind), total: day.total / MICROS }));
  return { days: inCents, totals: cents(totals), total: total / MICROS };
}

/** @param {number} amount Cents. */
function micros(amount) {
  return Math.round(amount * MICROS);
}

/** @param {Record<string, number>} byKind Micros. */
function cents(byKind) {
  return Object.fromEntries(Object.entries(byKind).map(([kind, amount]) => [kind, amount / MICROS]));
}

/** The first day of the chart: what is older need not be fetched. @param {Date} now @param {number} length */
export function firstDay(now, length = 30) {
  return lastDays(now, length)[0];
}

/** What was given back, by the charge. @param {Transaction[]} transactions */
function refunds(transactions) {
  /** @type {Map<string, number>} */
  const given = new Map();
  for (const { type, reference, amount_cents } of transactions) {
    if (type === "charge_refund" && reference) given.set(reference, (given.get(reference) ?? 0) + micros(amount_cents));
  }
  return given;
}

/** @param {Date} now @param {number} length */
function lastDays(now, length) {
  const days = Array.from({ length }, (_, index) => new Date(now.getTime() - (length - 1 - index) * DAY_MS));
  return days.map((day) => day.toISOString().slice(0, 10));
}

/** A round figure at or above the highest value, for the axis: 1, 2, 2.5 or 5 times a power of ten. @param {number} highest */
export function axisTop(highest) {
  if (highest <= 0) return 100;
  const power = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 2.5, 5, 10].map((step) => step * power).find((top) => top >= highest) ?? 10 * power;
}
