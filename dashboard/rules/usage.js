/** What a counter means against its limit and its grace. Pure functions. */

import { bytes, count, date, daysUntil, list, percent, periodEnd } from "../lib/format.js";

/** @import { Metric, Notice, Resources, Tone, Usage } from "../types.js" */

export const STORAGE = "storage_bytes";
/** From here on a reader is told that the limit is near, as the service itself does. */
const NEAR = 0.8;

/** A figure of a metric, in its unit. @param {string} name @param {number} value */
export function amount(name, value) {
  return name === STORAGE ? bytes(value) : count(value);
}

/**
 * How to draw a counter: parts of the bar from 0 to 1, the grace zone beginning at `limitAt`. Null where unlimited.
 *
 * @param {Metric} metric
 */
export function barOf({ used, limit, hard_limit }) {
  if (limit === null || hard_limit === null) return null;
  // A downgrade may leave more in use than the new plan's hard limit.
  const scale = Math.max(hard_limit, used, 1);
  return { fill: used / scale, limitAt: limit / scale, graceTo: hard_limit / scale };
}

/**
 * How full it is in words, and how grave that is.
 *
 * @param {string} name
 * @param {Metric} metric
 * @returns {{tone: Tone, text: string}}
 */
export function wordsOf(name, { used, limit, hard_limit, remaining, state }) {
  if (limit === null || hard_limit === null) return { tone: "plain", text: "No limit" };
  if (state === "blocked")
    return { tone: "bad", text: name === STORAGE ? "Full: nothing more is stored" : "Blocked: nothing more passes" };
  if (state === "grace") {
    return { tone: "warn", text: `Over the limit: ${amount(name, remaining ?? 0)} of grace left` };
  }
  const part = limit === 0 ? 0 : used / limit;
  const near = part >= NEAR;
  // Grace is a safety net: it is spoken of when it comes near, not as if it were quota.
  const grace = near && hard_limit > limit ? `, grace to ${amount(name, hard_limit)}` : "";
  const lasts = name === STORAGE ? ", does not reset" : "";
  const text = `${partUsed(part)} used${grace}${lasts}`;
  return { tone: near ? "warn" : "plain", text };
}

/** Whether a counter's grace is worth drawing. @param {Metric} metric */
export function graceMatters({ used, limit }) {
  return limit !== null && used >= limit * NEAR;
}

/**
 * The used part in percent, to a tenth, never rounded up: 79.96 % is not 80 % yet, and something is more than nothing.
 *
 * @param {number} part
 */
function partUsed(part) {
  const shown = Math.floor(part * 1_000) / 1_000;
  return part > 0 && shown === 0 ? `Under ${percent(0.001)}` : percent(shown);
}

/** When the month's counters start again. @param {string} period @param {Date} now */
export function resetWords(period, now) {
  const end = periodEnd(period);
  const days = daysUntil(end, now);
  const when = days === 0 ? "now" : days === 1 ? "in 1 day" : `in ${days} days`;
  return `Resets ${when}, on ${date(end, { utc: true })} (UTC)`;
}

/**
 * What to say of a paid month that spans two calendar months.
 *
 * @param {string} tier
 */
export function spanWords(tier) {
  if (tier === "free" || tier === "enterprise") return "";
  return " On a monthly plan, usage since your last payment still counts after the 1st, until your next payment.";
}

/**
 * What a smaller plan made read-only.
 *
 * @param {Resources} resources
 */
export function resourceNotices({ resources }) {
  const kinds = Object.keys(resources).filter((kind) => resources[kind].items.some((item) => item.read_only));
  if (kinds.length === 0) return [];
  /** @type {Notice} */
  const notice = {
    id: "read-only",
    tone: "warn",
    title: `Read-only: some of your ${list(kinds)}`,
    text: "Your plan allows fewer than you have, so the newest are read-only. Delete some, or choose a larger plan, and they open again.",
    acts: [
      { label: "See which", href: "#resources" },
      { label: "See plans", href: "#plans" },
    ],
  };
  return [notice];
}

/**
 * A warning for what is in grace, a stop for what is blocked.
 *
 * @param {Usage} usage
 * @param {Date} now
 */
export function usageNotices(usage, now) {
  const inState = (/** @type {string} */ state) =>
    Object.keys(usage.usage).filter((name) => usage.usage[name].state === state);
  const until = date(periodEnd(usage.period), { utc: true });
  const days = daysUntil(periodEnd(usage.period), now);
  const acts = usage.tier === "business" || usage.tier === "enterprise" ? [] : [{ label: "See plans", href: "#plans" }];
  /** @type {Notice[]} */
  const notices = [];
  const blocked = inState("blocked");
  if (blocked.length > 0) {
    const storage = blocked.includes(STORAGE) ? " Storage frees up as you delete." : "";
    const counted = blocked.some((name) => name !== STORAGE)
      ? ` Counting starts again on ${until}, in ${days} ${days === 1 ? "day" : "days"}.`
      : "";
    notices.push({
      id: "blocked",
      tone: "bad",
      title: `Blocked: ${list(blocked)}`,
      text: `The limit and its grace are used up, so requests are refused now.${counted}${storage} A larger plan opens them at once.`,
      acts,
    });
  }
  const grace = inState("grace");
  if (grace.length > 0) {
    notices.push({
      id: "grace",
      tone: "warn",
      title: `Over the limit: ${list(grace)}`,
      text: "You are in the grace zone: requests still pass, and are refused when it is used up. Grace is a safety net, not extra quota.",
      acts,
    });
  }
  return notices;
}
