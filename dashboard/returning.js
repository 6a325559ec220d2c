/** Back from Stripe: what the address says happened there, made true and told. */

import { ApiError, explain } from "./lib/errors.js";
import { date, money, title } from "./lib/format.js";
import { t } from "./lib/words.js";
import { planName } from "./rules/plans.js";

/** @import { Api } from "./lib/api.js" */
/** @import { Store } from "./lib/store.js" */
/** @import { Tone } from "./types.js" */

/** @typedef {(tone: Tone, text: string, again?: () => unknown) => void} Tell */

const OURS = [
  "back",
  "tier",
  "interval",
  "session_id",
  "payment_intent",
  "payment_intent_client_secret",
  "redirect_status",
];
const TRIES = 12;
const FIRST_PAUSE_MS = 250;

/** This page's address, for Stripe to lead back to, with what the page must know then. @param {Record<string, string>} told */
export function pageUrl(told) {
  const query = new URLSearchParams(location.search);
  for (const name of OURS) query.delete(name);
  for (const [name, value] of Object.entries(told)) query.set(name, value);
  return `${location.origin}${location.pathname}?${query}`;
}

/** Which view a return is about. @param {Record<string, string>} told */
export function viewOfReturn({ back, payment_intent }) {
  if (payment_intent || back === "deposit") return "wallet";
  if (back?.startsWith("payouts")) return "earnings";
  return "overview";
}

/** What Stripe appended to the address, which is cleaned of it: a reload must not tell it again. */
export function takeReturn() {
  const query = new URLSearchParams(location.search);
  const told = Object.fromEntries(OURS.filter((name) => query.has(name)).map((name) => [name, query.get(name) ?? ""]));
  for (const name of OURS) query.delete(name);
  const rest = query.size > 0 ? `?${query}` : "";
  history.replaceState(history.state, "", location.pathname + rest + location.hash);
  return told;
}

/**
 * Make what happened at Stripe true here, and tell the reader.
 *
 * @param {Record<string, string>} told As `takeReturn` found it.
 * @param {Api} api
 * @param {Store} store
 * @param {Tell} tell
 */
export async function settleReturn(told, api, store, tell) {
  if (told.session_id) return settleSession(told, api, store, tell);
  if (told.redirect_status || told.payment_intent) return settleConfirmation(told, store, tell);
  switch (told.back) {
    case "plan":
      return settleChange(told, store, tell);
    case "turned":
      return tell("plain", t("back.turned"));
    case "dropped":
      return tell(
        "warn",
        t("back.dropped"),
      );
    case "portal":
      // What was changed there arrives by a webhook, a moment later than the reader.
      return void (await until(
        () => store.load("billing", "balance"),
        () => false,
        4,
      ));
    case "payouts":
      await until(
        () => store.load("creator"),
        () => store.data("creator")?.onboarding === "complete",
        6,
      );
      return tell(
        "plain",
        store.data("creator")?.onboarding === "complete"
          ? t("back.payouts")
          : t("back.payoutsWait"),
      );
    case "payouts-again":
      return tell("warn", t("back.payoutsAgain"));
  }
}

/** @param {Record<string, string>} told @param {Api} api @param {Store} store @param {Tell} tell */
async function settleSession(told, api, store, tell) {
  tell("plain", t("back.checking"));
  try {
    const answer = await api.post("/api/billing/verify-session", { session_id: told.session_id });
    if ("plan_tier" in answer) {
      store.set("billing", answer);
      await store.load("usage", "resources");
      const renews = answer.current_period_end ? ` ${t("back.renews", { date: date(answer.current_period_end) })}` : "";
      return tell("good", t("back.plan", { plan: planName(answer.plan_tier, answer.billing_interval) }) + renews);
    }
    store.set("balance", answer);
    tell("good", t("back.deposit", { amount: money(answer.balance_cents) }));
    await store.load("transactions");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) throw error;
    const waits = error instanceof ApiError && error.code === "SESSION_NOT_PAID";
    const lasting = error instanceof ApiError && error.status >= 400 && error.status < 500;
    tell(
      waits ? "warn" : "bad",
      explain(error),
      lasting && !waits ? undefined : () => settleSession(told, api, store, tell),
    );
  }
}

/** A change of plan that was confirmed at Stripe is told of by a webhook. @param {Record<string, string>} told @param {Store} store @param {Tell} tell */
async function settleChange({ tier, interval }, store, tell) {
  tell("plain", t("back.waiting"));
  const is = (/** @type {any} */ plan) => plan?.plan_tier === tier && plan?.billing_interval === interval;
  const done = () => is(store.data("billing")) || is(store.data("billing")?.pending_change);
  await until(() => store.load("billing"), done);
  const billing = store.data("billing");
  if (is(billing)) {
    tell("good", t("back.plan", { plan: planName(billing.plan_tier, billing.billing_interval) }));
    return store.load("usage", "resources");
  }
  if (is(billing?.pending_change)) {
    return tell(
      "good",
      t("back.starts", {
        plan: title(billing.pending_change.plan_tier),
        date: date(billing.pending_change.effective_at),
      }),
    );
  }
  tell("warn", t("back.notYet"), () =>
    settleChange({ tier, interval }, store, tell),
  );
}

/** The bank asked about a reload, and the reader answered. @param {Record<string, string>} told @param {Store} store @param {Tell} tell */
async function settleConfirmation({ redirect_status }, store, tell) {
  if (redirect_status === "failed") return tell("bad", t("back.notConfirmed"));
  tell("plain", t("back.bank"));
  const open = () => ["action_required", "pending"].includes(store.data("balance")?.auto_reload.state);
  await until(
    () => store.load("balance"),
    () => store.data("balance") !== undefined && !open(),
  );
  if (open()) return tell("warn", t("back.bankNotYet"));
  if (["retrying", "suspended"].includes(store.data("balance")?.auto_reload.state)) {
    return tell("bad", t("back.bankFailed"));
  }
  tell(
    "good",
    t("back.confirmed", { amount: money(store.data("balance")?.balance_cents ?? 0) }),
  );
  await store.load("transactions");
}

/** Ask until it is so, less and less often. @param {() => Promise<unknown>} ask @param {() => boolean} so */
async function until(ask, so, tries = TRIES) {
  for (let pause = FIRST_PAUSE_MS, left = tries; left > 0; left -= 1, pause = Math.min(pause * 1.5, 3_000)) {
    await ask();
    if (so()) return;
    await new Promise((resume) => setTimeout(resume, pause));
  }
}
