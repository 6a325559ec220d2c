/**
 * Money, numbers and dates as the reader writes them. What comes in is what the API sends.
 *
 * Figures are by the reader's own locale. What has words in it, such as the names of months, is in the language of the
 * page, in the order of the reader's region: "1 April 2026" for an English page in Paris.
 */

import { has, language, t } from "./words.js";

const READER = new Intl.Locale(new Intl.NumberFormat().resolvedOptions().locale);
const WORDS = new Intl.Locale(language, { region: READER.maximize().region });

const DAY_MS = 86_400_000;

/**
 * US cents as money: whole dollars without cents, fractions of a cent where there are any.
 *
 * @param {number} cents
 * @param {{signed?: boolean, whole?: boolean}} [how] `whole` leaves `.00` out; `signed` shows a plus.
 */
export function money(cents, { signed = false, whole = false } = {}) {
  const fraction = Number.isInteger(cents) ? 2 : 6;
  return new Intl.NumberFormat(undefined, {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: whole && cents % 100 === 0 ? 0 : 2,
    maximumFractionDigits: whole && cents % 100 === 0 ? 0 : fraction,
    signDisplay: signed ? "exceptZero" : "auto",
  }).format(cents / 100);
}

/** Hundredths of a currency, as money of it. @param {number} amount @param {string} unit Like `usd`. */
export function currency(amount, unit) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency: unit });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** @param {number} value */
export function count(value) {
  return new Intl.NumberFormat().format(value);
}

/** @param {number} value In short, like 2M. */
export function compact(value) {
  return new Intl.NumberFormat(WORDS, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/** @param {number} value Bytes, in the unit that reads best; 1 GB is 10^9 bytes. */
export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), units.length - 1);
  return new Intl.NumberFormat(WORDS, {
    style: "unit",
    unit: units[power],
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: 2,
  }).format(value / 1000 ** power);
}

/** @param {number} part From 0 to 1. */
export function percent(part) {
  return new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 }).format(part);
}

/** @param {string | Date} moment @param {{utc?: boolean}} [how] */
export function date(moment, { utc = false } = {}) {
  return new Intl.DateTimeFormat(WORDS, { dateStyle: "long", ...(utc && { timeZone: "UTC" }) }).format(asDate(moment));
}

/** @param {string | Date} moment A day without its year, by UTC, as the statement counts days. */
export function shortDay(moment) {
  return new Intl.DateTimeFormat(WORDS, { month: "short", day: "numeric", timeZone: "UTC" }).format(asDate(moment));
}

/** @param {string | Date} moment */
export function dateTime(moment) {
  return new Intl.DateTimeFormat(WORDS, { dateStyle: "medium", timeStyle: "short" }).format(asDate(moment));
}

/** @param {string} period Like 2026-03. */
export function month(period) {
  return new Intl.DateTimeFormat(WORDS, { month: "long", year: "numeric", timeZone: "UTC" }).format(
    periodStart(period),
  );
}

/** A month without its year, in short. @param {string} period */
export function monthName(period) {
  return new Intl.DateTimeFormat(WORDS, { month: "short", timeZone: "UTC" }).format(periodStart(period));
}

/** "in 3 hours", "in 2 days". @param {string | Date} moment @param {Date} now */
export function fromNow(moment, now) {
  const ms = asDate(moment).getTime() - now.getTime();
  const words = new Intl.RelativeTimeFormat(WORDS, { numeric: "auto" });
  if (Math.abs(ms) >= DAY_MS) return words.format(Math.round(ms / DAY_MS), "day");
  if (Math.abs(ms) >= 3_600_000) return words.format(Math.round(ms / 3_600_000), "hour");
  return words.format(Math.ceil(ms / 60_000), "minute");
}

/** @param {string} period */
function periodStart(period) {
  return new Date(`${period}-01T00:00:00Z`);
}

/** The first moment after the period. @param {string} period */
export function periodEnd(period) {
  const start = periodStart(period);
  return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1));
}

/** Days until a moment, a day that has begun counted whole. @param {Date} moment @param {Date} now */
export function daysUntil(moment, now) {
  return Math.max(0, Math.ceil((moment.getTime() - now.getTime()) / DAY_MS));
}

/**
 * Dollars that somebody typed, as cents; null for what is no amount. A comma is taken for a decimal point.
 *
 * @param {string} typed
 */
export function parseDollars(typed) {
  const found = /^\s*\$?\s*(\d{1,7})(?:[.,](\d{1,2}))?\s*$/.exec(typed);
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : null;
}

/**
 * A price that somebody typed in dollars, as cents with up to four decimals; null for what is none.
 *
 * @param {string} typed
 */
export function parsePrice(typed) {
  const found = /^\s*\$?\s*(\d{1,5})(?:[.,](\d{1,6}))?\s*$/.exec(typed);
  return found ? (Number(found[1]) * 1_000_000 + Number((found[2] ?? "").padEnd(6, "0"))) / 10_000 : null;
}

/** A price in cents as it stands in an input, in dollars to its last decimal. @param {number} cents */
export function price(cents) {
  const micros = String(Math.round(cents * 10_000)).padStart(7, "0");
  const decimals = micros.slice(-6).replace(/0{1,4}$/, "");
  return `${micros.slice(0, -6)}.${decimals}`;
}

/** Cents as they stand in an input. @param {number | null} cents */
export function dollars(cents) {
  return cents === null ? "" : (cents / 100).toFixed(cents % 100 === 0 ? 0 : 2);
}

/** "API requests and AI tokens". @param {string[]} names As the API calls them. */
export function list(names) {
  return new Intl.ListFormat(WORDS).format(names.map(title));
}

/** What the API calls `ai_tokens`, as a reader calls it. @param {string} name */
export function title(name) {
  const key = `name.${name}`;
  return has(key) ? t(key) : name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " ");
}

/** @param {string | Date} moment */
function asDate(moment) {
  return moment instanceof Date ? moment : new Date(moment);
}
