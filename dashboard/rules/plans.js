/** What a plan state means, and what can be done about it. Pure functions: they read what the API said, no more. */

import { date, money, title } from "../lib/format.js";

/** @import { Billing, Interval, Notice, PaymentIssue, Plan, Tone } from "../types.js" */

/** @param {Interval} interval */
export function every(interval) {
  return interval === "yearly" ? "year" : "month";
}

/** What a year costs less than twelve months: dollars and the part of it. Null where the price is not a number. */
/** @param {Plan} plan */
export function saving(plan) {
  const { monthly, yearly } = plan.price;
  if (monthly === "custom" || yearly === "custom" || monthly === 0) return null;
  const months = monthly * 12;
  return { dollars: months - yearly, part: (months - yearly) / months };
}

/** Which plan, in words like "Pro, billed yearly". @param {string} tier @param {Interval} interval */
export function planName(tier, interval) {
  return tier === "free" || tier === "enterprise" ? title(tier) : `${title(tier)}, billed ${interval}`;
}

/** How the status reads in one word. @param {Billing} billing @returns {{text: string, tone: Tone}} */
export function statusOf(billing) {
  if (billing.status === "past_due") return { text: "Past due", tone: "bad" };
  if (billing.payment_issue) return { text: "Payment needed", tone: "bad" };
  if (billing.cancel_at_period_end) return { text: "Ends soon", tone: "warn" };
  if (billing.pending_change) return { text: "Changes soon", tone: "warn" };
  if (billing.status === "trialing") return { text: "Trial", tone: "good" };
  return { text: "Active", tone: "good" };
}

/**
 * When it renews, changes or ends, in one sentence. What is past due does not renew: it waits for its payment.
 *
 * @param {Billing} billing
 * @param {number | "custom"} [price] Of the plan, in dollars.
 */
export function renewalOf(billing, price) {
  const end = billing.current_period_end;
  if (billing.plan_tier === "free" || end === null) {
    return billing.plan_tier === "free" ? "Free of charge, for as long as you like." : "Agreed with sales.";
  }
  if (billing.status === "past_due") return owed(billing, price);
  if (billing.cancel_at_period_end) return "Nothing more is charged.";
  if (billing.pending_change) {
    const { plan_tier, billing_interval, effective_at } = billing.pending_change;
    return `Changes to ${planName(plan_tier, billing_interval)}, on ${date(effective_at)}.`;
  }
  return `Renews on ${date(end)}.`;
}

/** @param {Billing} billing @param {number | "custom"} [price] */
function owed({ current_period_start: since, payment_issue: issue }, price) {
  const what = typeof price === "number" ? money(price * 100, { whole: true }) : "The payment";
  const due = `${what} ${since ? `was due on ${date(since)}` : "is due"} and is not paid.`;
  return issue?.next_attempt_at ? `${due} The next try is on ${date(issue.next_attempt_at)}.` : due;
}

/** Taking back what is to end or change. @param {Billing} billing */
export function keep({ plan_tier }) {
  return `Keep ${title(plan_tier)}`;
}

/** What the reader should know of the plan before all else. @param {Billing} billing */
export function planNotices(billing) {
  /** @type {Notice[]} */
  const notices = [];
  const issue = billing.payment_issue;
  if (issue) {
    notices.push({
      id: "payment-issue",
      tone: "bad",
      title: ISSUES[issue.reason].title,
      text: issueText(billing),
      acts: issueActs(issue),
    });
  }
  if (billing.cancel_at_period_end && billing.current_period_end) {
    notices.push({
      id: "ends",
      tone: "warn",
      title: `Your ${title(billing.plan_tier)} plan ends on ${date(billing.current_period_end)}`,
      text: "Until then nothing changes. After it you are on Free: your data stays, and what is above Free’s limits becomes read-only.",
      acts: [{ label: keep(billing), act: "resume" }],
    });
  } else if (billing.pending_change) {
    const { plan_tier, billing_interval, effective_at } = billing.pending_change;
    notices.push({
      id: "changes",
      tone: "warn",
      title: `Your plan changes to ${planName(plan_tier, billing_interval)}, on ${date(effective_at)}`,
      text: `Until then you keep ${planName(billing.plan_tier, billing.billing_interval)}. What is above the new limits becomes read-only.`,
      acts: [{ label: keep(billing), act: "resume" }],
    });
  }
  return notices;
}

const ISSUES = {
  past_due: {
    title: "Your last payment failed",
    text: "You keep your plan while we try again. Pay the invoice, or update your card, so that it does not end.",
  },
  unpaid: {
    title: "Your plan has ended because its invoice was not paid",
    text: "Pay the open invoice, or choose a plan again.",
  },
  action_required: {
    title: "Your bank asks you to confirm a payment",
    text: "Nothing was declined. Open the invoice and confirm the payment there.",
  },
};

/** @param {Billing} billing */
function issueText({ payment_issue: issue }) {
  return issue ? ISSUES[issue.reason].text : "";
}

/** @param {PaymentIssue} issue */
function issueActs(issue) {
  const confirm = issue.reason === "action_required";
  const pay = issue.invoice_url
    ? [{ label: confirm ? "Confirm the payment" : "Pay the invoice", href: issue.invoice_url }]
    : [];
  return confirm ? pay : [...pay, { label: "Update card", act: "portal" }];
}

/**
 * @typedef {object} Offer What choosing a plan means.
 * @property {"none" | "buy" | "cancel" | "resume" | "sales"} act `buy` leads to checkout, `none` is had already.
 * @property {string} word On the button; the card says of which plan.
 * @property {string} label The same for who hears the button alone.
 * @property {string} note When it takes effect.
 * @property {boolean} [up] Whether it is dearer than the present plan.
 */

/**
 * What choosing a plan at an interval means for an account.
 *
 * @param {Plan} plan
 * @param {Billing} billing
 * @param {Interval} interval
 * @param {Plan[]} plans
 * @returns {Offer}
 */
export function offer(plan, billing, interval, plans) {
  const { tier, name } = plan;
  const custom = plan.price.monthly === "custom";
  const hasOneInterval = custom || tier === "free";
  if (tier === billing.plan_tier && (hasOneInterval || interval === billing.billing_interval))
    return own(name, billing);
  if (custom) return { act: "sales", word: "Talk to sales", label: "Talk to sales", note: "" };
  if (tier === "free") return backToFree(billing);
  const waiting = billing.pending_change;
  if (waiting?.plan_tier === tier && waiting.billing_interval === interval) return soon(waiting.effective_at);
  if (!billing.stripe_subscription_id)
    return { act: "buy", word: "Choose", label: `Choose ${name}`, note: "", up: true };
  if (tier === billing.plan_tier) {
    return { act: "buy", word: `Switch to ${interval}`, label: `Switch to ${interval}`, note: "" };
  }
  const present = plans.find((other) => other.tier === billing.plan_tier);
  if (Number(plan.price.monthly) > Number(present?.price.monthly)) {
    return { act: "buy", word: "Upgrade", label: `Upgrade to ${name}`, note: "At once, prorated", up: true };
  }
  const end = billing.current_period_end;
  return { act: "buy", word: "Change", label: `Change to ${name}`, note: end ? `From ${date(end)}` : "" };
}

/** What can be done with the plan one is on. @param {string} name @param {Billing} billing @returns {Offer} */
function own(name, billing) {
  if (billing.cancel_at_period_end) return { act: "resume", word: "Keep", label: `Keep ${name}`, note: "" };
  if (billing.pending_change) return { act: "resume", word: "Keep", label: `Keep ${name}`, note: "Your plan now" };
  return { act: "none", word: "Your plan", label: "Your plan", note: "" };
}

/** @param {Billing} billing @returns {Offer} */
function backToFree({ cancel_at_period_end, current_period_end, stripe_subscription_id }) {
  if (cancel_at_period_end && current_period_end) return soon(current_period_end);
  if (stripe_subscription_id) return { act: "cancel", word: "Go back", label: "Go back to Free", note: "" };
  return { act: "none", word: "Not available", label: "Not available", note: "" };
}

/** @param {string} moment @returns {Offer} */
function soon(moment) {
  return { act: "none", word: "Starts soon", label: "Starts soon", note: `On ${date(moment)}` };
}

/** A plan's price at an interval: the amount, what it is for, and what it means by the month or the year. */
/** @param {Plan} plan @param {Interval} interval */
export function priceOf(plan, interval) {
  const price = plan.price[interval];
  if (price === "custom") return { amount: "Custom", unit: "", aside: "Agreed with sales" };
  if (price === 0) return { amount: money(0, { whole: true }), unit: "", aside: "No card needed" };
  const saved = saving(plan);
  const aside =
    interval === "yearly" && saved
      ? `${money((price * 100) / 12, { whole: true })} a month, saves ${money(saved.dollars * 100, { whole: true })}`
      : "Billed every month";
  return { amount: money(price * 100, { whole: true }), unit: `a ${every(interval)}`, aside };
}
