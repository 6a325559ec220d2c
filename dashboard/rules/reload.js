/** Where auto-reload stands, in words, and what its owner can do. Pure functions. */

import { date, dateTime, fromNow, money } from "../lib/format.js";
import { t } from "../lib/words.js";

/** @import { Act, AutoReload, Tone } from "../types.js" */

/**
 * @param {AutoReload} reload
 * @param {Date} now
 * @returns {{badge: string, tone: Tone, text: string, acts: Act[]}}
 */
export function describeReload(reload, now) {
  return STATES[reload.state](reload, now);
}

/** Whether it will be another state within moments. @param {AutoReload} reload */
export function isMoving({ state, last_error }) {
  return state === "pending" || (state === "due" && last_error?.code !== CAP_REACHED);
}

const UPDATE_CARD = { label: t("act.card"), act: "portal" };
const CAP_REACHED = "monthly_cap_reached";

/** @type {Record<AutoReload["state"], typeof describeReload>} */
const STATES = {
  off: ({ last_error }) => ({
    badge: t("reload.off.badge"),
    tone: "plain",
    text: last_error ? t("reload.off.failed", { reason: last_error.message }) : t("reload.off.text"),
    acts: [],
  }),
  armed: () => ({
    badge: t("reload.armed.badge"),
    tone: "good",
    text: t("reload.armed.text"),
    acts: [],
  }),
  due: ({ last_error, next_attempt_at }) =>
    last_error?.code === CAP_REACHED
      ? {
          badge: t("reload.cap.badge"),
          tone: "warn",
          text: next_attempt_at
            ? t("reload.cap.text", { date: date(next_attempt_at, { utc: true }) })
            : t("reload.cap.nextMonth"),
          acts: [{ label: t("act.raiseCap"), act: "reload" }],
        }
      : {
          badge: t("reload.due.badge"),
          tone: "good",
          text: t("reload.due.text"),
          acts: [],
        },
  pending: () => ({
    badge: t("reload.pending.badge"),
    tone: "good",
    text: t("reload.pending.text"),
    acts: [],
  }),
  retrying: ({ last_error, next_attempt_at }, now) => ({
    badge: t("reload.retrying.badge"),
    tone: "warn",
    text: [
      told(last_error),
      next_attempt_at ? t("reload.retrying.when", { when: fromNow(next_attempt_at, now) }) : t("reload.retrying.again"),
      t("reload.retrying.sooner"),
    ].join(" "),
    acts: [UPDATE_CARD],
  }),
  suspended: ({ last_error }) => ({
    badge: t("reload.suspended.badge"),
    tone: "bad",
    text: `${told(last_error)} ${t("reload.suspended.text")}`,
    acts: [UPDATE_CARD, { label: t("act.tryAgain"), act: "reload" }],
  }),
  action_required: ({ action_url }) => ({
    badge: t("reload.action_required.badge"),
    tone: "warn",
    text: t("reload.action_required.text"),
    acts: action_url ? [{ label: t("act.bank"), href: action_url }] : [{ label: t("act.tryAgain"), act: "reload" }],
  }),
};

/** @param {AutoReload["last_error"]} error */
function told(error) {
  return error ? `${dateTime(error.at)}: ${error.message.replace(/\.?$/, ".")}` : t("reload.failed");
}

/** The settings in one sentence. @param {AutoReload} reload */
export function settingsOf({ enabled, threshold_cents, amount_cents, monthly_cap_cents }) {
  if (!enabled || threshold_cents === null || amount_cents === null) return "";
  const threshold = money(threshold_cents, { whole: true });
  const amount = money(amount_cents, { whole: true });
  if (monthly_cap_cents === null) return t("reload.settings", { threshold, amount });
  return t("reload.settingsCapped", { threshold, amount, cap: money(monthly_cap_cents, { whole: true }) });
}
