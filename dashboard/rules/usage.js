/** What a counter means against its limit and its grace. Pure functions. */

import { bytes, count, date, daysUntil, list, percent, periodEnd, title } from "../lib/format.js";
import { t } from "../lib/words.js";

/** @import { Metric, Notice, Outgrown, Resources, Tone, Usage } from "../types.js" */

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
  if (limit === null || hard_limit === null) return { tone: "plain", text: t("usage.noLimit") };
  if (state === "blocked")
    return { tone: "bad", text: t(name === STORAGE ? "usage.full" : "usage.blocked") };
  if (state === "grace") {
    return { tone: "warn", text: t("usage.over", { left: amount(name, remaining ?? 0) }) };
  }
  const part = limit === 0 ? 0 : used / limit;
  const near = part >= NEAR;
  // Grace is a safety net: it is spoken of when it comes near, not as if it were quota.
  const grace = near && hard_limit > limit ? t("usage.graceTo", { amount: amount(name, hard_limit) }) : "";
  const lasts = name === STORAGE ? t("usage.lasts") : "";
  return { tone: near ? "warn" : "plain", text: t("usage.used", { part: partUsed(part) }) + grace + lasts };
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
  return part > 0 && shown === 0 ? t("usage.under", { part: percent(0.001) }) : percent(shown);
}

/**
 * What a change of plan makes of something that the plan does not hold.
 *
 * A month's quota begins anew before a change that waits for the period's end: nothing of this month counts then.
 *
 * @param {Outgrown} outgrown
 * @param {boolean} now Whether the change takes effect at once.
 */
export function outgrownWords({ name, effect, used, limit, above }, now) {
  const places = effect === "read_only";
  const shown = (/** @type {number} */ value) => (places ? count(value) : amount(name, value));
  const words = {
    name: title(name),
    n: above,
    used: shown(used),
    limit: limit === null ? t("usage.unlimited") : shown(limit),
  };
  const beginsAnew = !now && !places && name !== STORAGE;
  return beginsAnew ? t(`outgrown.month.${effect}`, words) : t(`outgrown.${effect}`, words);
}

/** When the month's counters start again. @param {string} period @param {Date} now */
export function resetWords(period, now) {
  const end = periodEnd(period);
  const days = daysUntil(end, now);
  return t(days === 0 ? "usage.resetsNow" : "usage.resets", { n: days, date: date(end, { utc: true }) });
}

/**
 * What to say of a paid month that spans two calendar months.
 *
 * @param {string} tier
 */
export function spanWords(tier) {
  if (tier === "free" || tier === "enterprise") return "";
  return t("usage.spans");
}

const MOST_SHOWN = 3;

/** The counters that are fullest, those with a limit alone. @param {Record<string, Metric>} usage */
export function closest(usage) {
  const part = (/** @type {Metric} */ { used, limit }) => (limit ? used / limit : 0);
  return Object.entries(usage)
    .filter(([, { limit }]) => limit !== null)
    .sort(([, one], [, other]) => part(other) - part(one))
    .slice(0, MOST_SHOWN);
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
    title: t("readOnly.title", { kinds: list(kinds) }),
    text: t("readOnly.text"),
    acts: [
      { label: t("act.which"), href: "#resources" },
      { label: t("act.plans"), href: "#plans" },
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
  const acts = usage.tier === "business" || usage.tier === "enterprise" ? [] : [{ label: t("act.plans"), href: "#plans" }];
  /** @type {Notice[]} */
  const notices = [];
  const blocked = inState("blocked");
  if (blocked.length > 0) {
    const words = [t("blocked.text")];
    if (blocked.some((name) => name !== STORAGE)) words.push(t("blocked.again", { n: days, date: until }));
    if (blocked.includes(STORAGE)) words.push(t("blocked.storage"));
    words.push(t("blocked.larger"));
    notices.push({
      id: "blocked",
      tone: "bad",
      title: t("blocked.title", { names: list(blocked) }),
      text: words.join(" "),
      acts,
    });
  }
  const grace = inState("grace");
  if (grace.length > 0) {
    notices.push({
      id: "grace",
      tone: "warn",
      title: t("grace.title", { names: list(grace) }),
      text: t("grace.text"),
      acts,
    });
  }
  return notices;
}
