/** What the reader can do: ask first where something is at stake, do it, say how it went, show what is true now. */

import { button, safeUrl } from "./lib/dom.js";
import { explain } from "./lib/errors.js";
import { title } from "./lib/format.js";
import { pageUrl } from "./returning.js";
import { verify } from "./rules/chain.js";
import { planName } from "./rules/plans.js";
import { askBudget, askRemoval } from "./views/budgets.js";
import { askCancel, askCap, askDeposit, askInstead, askReload } from "./views/dialogs.js";

/** @import { Api } from "./lib/api.js" */
/** @import { Store } from "./lib/store.js" */
/** @import { Tell } from "./returning.js" */
/** @import { Budget, Interval, Plan } from "./types.js" */

const LEAVING_MS = 10_000;

/** @param {string} label @param {string} value */
function budgetPath(label, value) {
  return `/api/balance/budgets/${encodeURIComponent(label)}/${encodeURIComponent(value)}`;
}

/** Every line of the ledger, oldest first. @param {Api} api */
async function ledger(api) {
  const found = [];
  let cursor = null;
  do {
    const page = await api.lines(`/api/balance/statement${cursor === null ? "" : `?cursor=${cursor}`}`);
    found.push(...page.lines);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

/**
 * Makes acts that tell the reader where they fail.
 *
 * @param {Tell} tell
 */
export function attempts(tell) {
  /** @template {any[]} Asked @param {(...asked: Asked) => Promise<unknown>} act */
  return (act) =>
    async (/** @type {Asked} */ ...asked) => {
      try {
        await act(...asked);
      } catch (error) {
        tell("bad", explain(error));
      }
    };
}

/**
 * Go to a page of Stripe's. Done when the reader is back, or never left: until then what was pressed stays busy, so that
 * pressing again opens no second page.
 *
 * @param {{url: string}} page
 */
function leave({ url }) {
  const address = safeUrl(url);
  if (address === null) throw new Error("This is no address to go to.");
  location.assign(address);
  return new Promise((resume) => {
    window.addEventListener("pageshow", resume, { once: true });
    setTimeout(resume, LEAVING_MS);
  });
}

/**
 * @param {Api} api
 * @param {Store} store
 * @param {Tell} tell
 */
export function createActs(api, store, tell) {
  const told = attempts(tell);
  return {
    /** @param {Plan} plan @param {Interval} interval */
    buy: ({ tier }, interval) => {
      const waiting = store.data("billing").pending_change;
      const body = {
        tier,
        billing_interval: interval,
        success_url: pageUrl({ back: "plan", tier, interval }),
        cancel_url: pageUrl({ back: waiting ? "dropped" : "turned" }),
      };
      const go = async () => leave(await api.post("/api/billing/checkout", body));
      // Opening the page for another change takes the one that waits back, whether or not the new one is confirmed.
      return waiting ? askInstead(waiting, planName(tier, interval), go) : told(go)();
    },
    cancel: () =>
      askCancel(store.data("billing"), async () => {
        await api.post("/api/billing/cancel");
        await store.load("billing");
        tell("good", "Your plan is cancelled.");
      }),
    resume: told(async () => {
      const billing = await api.post("/api/billing/resume");
      store.set("billing", billing);
      tell("good", `You stay on ${title(billing.plan_tier)}. Nothing else changes.`);
    }),
    portal: told(async () =>
      leave(await api.get(`/api/billing/portal?return_url=${encodeURIComponent(pageUrl({ back: "portal" }))}`)),
    ),
    deposit: () =>
      askDeposit(bounds(), async (cents) => {
        const body = {
          amount_cents: cents,
          success_url: pageUrl({ back: "deposit" }),
          cancel_url: pageUrl({ back: "turned" }),
        };
        await leave(await api.post("/api/balance/deposit", body));
      }),
    reload: () =>
      askReload(store.data("balance").auto_reload, bounds(), async (settings) => {
        await api.put("/api/balance/auto-reload", settings);
        await store.load("balance");
        tell("good", store.data("balance").auto_reload.enabled ? "Auto-reload is set." : "Auto-reload is off.");
      }),
    cap: () =>
      askCap(store.data("balance").monthly_spend_cap_cents, async (cents) => {
        await api.put("/api/balance/spend-cap", { monthly_cap_cents: cents });
        await store.load("balance");
        tell("good", cents === null ? "The monthly cap is taken away." : "The monthly cap is set.");
      }),
    /** @param {Budget | null} budget */
    budget: (budget) =>
      askBudget(budget, async (label, value, body) => {
        await api.put(budgetPath(label, value), body);
        await store.load("budgets");
        tell("good", `The budget of ${label} ${value} is set.`);
      }),
    /** @param {Budget} budget */
    unbudget: (budget) =>
      askRemoval(budget, async () => {
        await api.del(budgetPath(budget.label, budget.value));
        await store.load("budgets");
        tell("good", `The budget of ${budget.label} ${budget.value} is removed.`);
      }),
    check: told(async () => {
      store.set("bill", "checking");
      try {
        store.set("bill", await verify(await ledger(api)));
      } catch (error) {
        store.set("bill", "not yet");
        throw error;
      }
    }),
    onboard: told(async () => {
      const body = { return_url: pageUrl({ back: "payouts" }), refresh_url: pageUrl({ back: "payouts-again" }) };
      await leave(await api.post("/api/creators/onboard", body));
    }),
  };

  function bounds() {
    return store.data("plans")?.wallet.deposit_cents ?? { min: 500, max: 50_000 };
  }
}

/**
 * Where results are told: beside the reader wherever they scrolled, until they put it away or the next one comes.
 *
 * @param {HTMLElement} region A live region.
 * @returns {Tell}
 */
export function createTell(region) {
  return (tone, text, again) => {
    const words = document.createElement("p");
    words.textContent = text;
    const dismiss = () => {
      region.replaceChildren();
      // The button that had the focus is gone.
      document.querySelector("main")?.focus({ preventScroll: true });
    };
    const close = button("Dismiss", dismiss, { class: "button quiet" });
    const retry = again ? [button("Check again", again)] : [];
    region.className = `result ${tone}`;
    region.replaceChildren(words, ...retry, close);
  };
}
