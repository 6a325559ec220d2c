/** Where auto-reload stands, in words, and what its owner can do. Pure functions. */

import { date, dateTime, fromNow, money } from "../lib/format.js";

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

const UPDATE_CARD = { label: "Update card", act: "portal" };
const CAP_REACHED = "monthly_cap_reached";

/** @type {Record<AutoReload["state"], typeof describeReload>} */
const STATES = {
  off: ({ last_error }) => ({
    badge: "Off",
    tone: "plain",
    text: last_error
      ? `The last reload failed: ${last_error.message}`
      : "When the balance runs out, paid work stops until you deposit.",
    acts: [],
  }),
  armed: () => ({
    badge: "On",
    tone: "good",
    text: "Ready. Your card is charged when the balance falls below the threshold.",
    acts: [],
  }),
  due: ({ last_error, next_attempt_at }) =>
    last_error?.code === CAP_REACHED
      ? {
          badge: "Cap reached",
          tone: "warn",
          text: `This month’s cap is used up. Reloads go on ${next_attempt_at ? `on ${date(next_attempt_at, { utc: true })}` : "next month"}, or once you raise it.`,
          acts: [{ label: "Raise the cap", act: "reload" }],
        }
      : {
          badge: "Starting",
          tone: "good",
          text: "The balance is below the threshold. Your card is charged within a minute.",
          acts: [],
        },
  pending: () => ({
    badge: "In progress",
    tone: "good",
    text: "A payment is under way. The balance follows as soon as it is through.",
    acts: [],
  }),
  retrying: ({ last_error, next_attempt_at }, now) => ({
    badge: "Declined",
    tone: "warn",
    text: `${told(last_error)} ${next_attempt_at ? `We try again ${fromNow(next_attempt_at, now)}.` : "We try again."} Update your card to try sooner.`,
    acts: [UPDATE_CARD],
  }),
  suspended: ({ last_error }) => ({
    badge: "Suspended",
    tone: "bad",
    text: `${told(last_error)} Nothing more is charged until you update your card, or save these settings again.`,
    acts: [UPDATE_CARD, { label: "Try again", act: "reload" }],
  }),
  action_required: ({ action_url }) => ({
    badge: "Confirm payment",
    tone: "warn",
    text: "The last reload needs 3-D Secure. Nothing was declined: the payment waits for you.",
    acts: action_url ? [{ label: "Confirm at your bank", href: action_url }] : [{ label: "Try again", act: "reload" }],
  }),
};

/** @param {AutoReload["last_error"]} error */
function told(error) {
  return error ? `${dateTime(error.at)}: ${error.message.replace(/\.?$/, ".")}` : "The last reload failed.";
}

/** The settings in one sentence. @param {AutoReload} reload */
export function settingsOf({ enabled, threshold_cents, amount_cents, monthly_cap_cents }) {
  if (!enabled || threshold_cents === null || amount_cents === null) return "";
  const cap =
    monthly_cap_cents === null ? "no monthly cap" : `at most ${money(monthly_cap_cents, { whole: true })} a month`;
  return `Below ${money(threshold_cents, { whole: true })}, add ${money(amount_cents, { whole: true })}; ${cap}.`;
}
