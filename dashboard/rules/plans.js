/** What a plan state means, and what can be done about it. Pure functions: they read what the API said, no more. */

import { date, money, title } from "../lib/format.js";
import { t } from "../lib/words.js";

/** @import { Billing, Interval, Notice, PaymentIssue, Plan, Tone } from "../types.js" */

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
  return tier === "free" || tier === "enterprise" ? title(tier) : t(`plan.${interval}`, { plan: title(tier) });
}

/** How the status reads in one word. @param {Billing} billing @returns {{text: string, tone: Tone}} */
export function statusOf(billing) {
  if (billing.status === "past_due") return { text: t("status.pastDue"), tone: "bad" };
  if (billing.payment_issue) return { text: t("status.paymentNeeded"), tone: "bad" };
  if (billing.cancel_at_period_end) return { text: t("status.ends"), tone: "warn" };
  if (billing.pending_change) return { text: t("status.changes"), tone: "warn" };
  if (billing.status === "trialing") return { text: t("status.trial"), tone: "good" };
  return { text: t("status.active"), tone: "good" };
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
    return t(billing.plan_tier === "free" ? "plan.freeForever" : "plan.withSales");
  }
  if (billing.status === "past_due") return owed(billing, price);
  if (billing.cancel_at_period_end) return t("plan.nothingMore");
  if (billing.pending_change) {
    const { plan_tier, billing_interval, effective_at } = billing.pending_change;
    return t("plan.changesOn", { plan: planName(plan_tier, billing_interval), date: date(effective_at) });
  }
  if (billing.status === "trialing" && billing.trial_ends_at) {
    return t("plan.trialUntil", { date: date(billing.trial_ends_at) });
  }
  return t("plan.renews", { date: date(end) });
}

/** @param {Billing} billing @param {number | "custom"} [price] */
function owed({ current_period_start: since, payment_issue: issue }, price) {
  const what = typeof price === "number" ? money(price * 100, { whole: true }) : t("plan.thePayment");
  const due = since ? t("plan.wasDue", { what, date: date(since) }) : t("plan.isDue", { what });
  return issue?.next_attempt_at ? `${due} ${t("plan.nextTry", { date: date(issue.next_attempt_at) })}` : due;
}

/** Taking back what is to end or change. @param {Billing} billing */
export function keep({ plan_tier }) {
  return t("plan.keep", { plan: title(plan_tier) });
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
      title: t(`issue.${issue.reason}.title`),
      text: t(`issue.${issue.reason}.text`),
      acts: issueActs(issue),
    });
  }
  if (billing.cancel_at_period_end && billing.current_period_end) {
    notices.push({
      id: "ends",
      tone: "warn",
      title: t("plan.endsTitle", { plan: title(billing.plan_tier), date: date(billing.current_period_end) }),
      text: t("plan.endsText"),
      acts: [{ label: keep(billing), act: "resume" }],
    });
  } else if (billing.pending_change) {
    const { plan_tier, billing_interval, effective_at } = billing.pending_change;
    notices.push({
      id: "changes",
      tone: "warn",
      title: t("plan.changesTitle", { plan: planName(plan_tier, billing_interval), date: date(effective_at) }),
      text: t("plan.changesText", { plan: planName(billing.plan_tier, billing.billing_interval) }),
      acts: [{ label: keep(billing), act: "resume" }],
    });
  }
  return notices;
}

/** @param {PaymentIssue} issue */
function issueActs(issue) {
  const confirm = issue.reason === "action_required";
  const pay = issue.invoice_url
    ? [{ label: t(confirm ? "act.confirm" : "act.pay"), href: issue.invoice_url }]
    : [];
  return confirm ? pay : [...pay, { label: t("act.card"), act: "portal" }];
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
  if (custom) return { act: "sales", word: t("offer.sales"), label: t("offer.sales"), note: "" };
  if (tier === "free") return backToFree(billing);
  const waiting = billing.pending_change;
  if (waiting?.plan_tier === tier && waiting.billing_interval === interval) return soon(waiting.effective_at);
  if (!billing.stripe_subscription_id)
    return { act: "buy", word: t("offer.choose"), label: t("offer.choosePlan", { plan: name }), note: "", up: true };
  if (tier === billing.plan_tier) {
    const words = t(`offer.switch.${interval}`);
    return { act: "buy", word: words, label: words, note: "" };
  }
  const present = plans.find((other) => other.tier === billing.plan_tier);
  if (Number(plan.price.monthly) > Number(present?.price.monthly)) {
    return { act: "buy", word: t("offer.upgrade"), label: t("offer.upgradeTo", { plan: name }), note: t("offer.atOnce"), up: true };
  }
  const end = billing.current_period_end;
  return { act: "buy", word: t("offer.change"), label: t("offer.changeTo", { plan: name }), note: end ? t("offer.from", { date: date(end) }) : "" };
}

/** What can be done with the plan one is on. @param {string} name @param {Billing} billing @returns {Offer} */
function own(name, billing) {
  if (billing.cancel_at_period_end) return { act: "resume", word: t("offer.keep"), label: t("plan.keep", { plan: name }), note: "" };
  if (billing.pending_change) return { act: "resume", word: t("offer.keep"), label: t("plan.keep", { plan: name }), note: t("offer.yours") };
  return { act: "none", word: t("offer.own"), label: t("offer.own"), note: "" };
}

/** @param {Billing} billing @returns {Offer} */
function backToFree({ cancel_at_period_end, current_period_end, stripe_subscription_id }) {
  if (cancel_at_period_end && current_period_end) return soon(current_period_end);
  if (stripe_subscription_id) return { act: "cancel", word: t("offer.back"), label: t("offer.backToFree"), note: "" };
  return { act: "none", word: t("offer.none"), label: t("offer.none"), note: "" };
}

/** @param {string} moment @returns {Offer} */
function soon(moment) {
  return { act: "none", word: t("offer.soon"), label: t("offer.soon"), note: t("offer.on", { date: date(moment) }) };
}

/** A plan's price at an interval: the amount, what it is for, and what it means by the month or the year. */
/** @param {Plan} plan @param {Interval} interval */
export function priceOf(plan, interval) {
  const price = plan.price[interval];
  if (price === "custom") return { amount: t("price.custom"), unit: "", aside: t("price.withSales") };
  if (price === 0) return { amount: money(0, { whole: true }), unit: "", aside: t("price.noCard") };
  const saved = saving(plan);
  const aside =
    interval === "yearly" && saved
      ? t("price.saves", {
          monthly: money((price * 100) / 12, { whole: true }),
          saved: money(saved.dollars * 100, { whole: true }),
        })
      : t("price.everyMonth");
  return { amount: money(price * 100, { whole: true }), unit: t(`price.${interval}`), aside };
}
