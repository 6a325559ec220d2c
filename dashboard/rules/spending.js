/** What was spent, by day and kind. Pure functions. */

/** @import { Spend } from "../types.js" */

const KINDS = ["bot_conversation", "agent_execution", "tool_call"];
const OTHER = "other";
const DAY_MS = 86_400_000;
/** Sums are kept in whole micros, so that no fraction of a cent is lost on the way. */
const MICROS = 10_000;

/**
 * @typedef {object} Day
 * @property {string} day Like 2026-03-09, in UTC as the ledger's days are.
 * @property {Record<string, number>} byKind Cents.
 * @property {number} total Cents; below zero where more was given back than spent.
 */

/**
 * The days up to `now`, oldest first, each with what was spent less what was given back on it.
 *
 * @param {Spend} spend By day and kind.
 * @param {Date} now
 * @param {number} length How many days.
 * @returns {{days: Day[], totals: Record<string, number>, total: number}}
 */
export function spendingByDay({ buckets, total_cents }, now, length = 30) {
  const found = new Map(buckets.map(({ start, groups }) => [start.slice(0, 10), groups]));
  /** @type {Record<string, number>} */
  const totals = {};
  const days = lastDays(now, length).map((day) => {
    /** @type {Record<string, number>} */
    const byKind = {};
    for (const { value, amount_cents } of found.get(day) ?? []) {
      const kind = value !== null && KINDS.includes(value) ? value : OTHER;
      if (amount_cents === 0) continue;
      byKind[kind] = (byKind[kind] ?? 0) + micros(amount_cents);
      totals[kind] = (totals[kind] ?? 0) + micros(amount_cents);
    }
    const total = Object.values(byKind).reduce((sum, amount) => sum + amount, 0);
    return { day, byKind: cents(byKind), total: total / MICROS };
  });
  return { days, totals: cents(totals), total: total_cents };
}

/** @param {number} amount Cents. */
function micros(amount) {
  return Math.round(amount * MICROS);
}

/** @param {Record<string, number>} byKind Micros. */
function cents(byKind) {
  return Object.fromEntries(Object.entries(byKind).map(([kind, amount]) => [kind, amount / MICROS]));
}

/** The first of the days up to `now`. @param {Date} now @param {number} length */
export function firstDay(now, length = 30) {
  return lastDays(now, length)[0];
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
