/** What the reader can do: ask first where something is at stake, do it, say how it went, show what is true now. */

import { button, safeUrl } from "./lib/dom.js";
import { explain } from "./lib/errors.js";
import { date, title } from "./lib/format.js";
import { pageUrl } from "./returning.js";
import { askCancel, askCap, askDeposit, askReload } from "./views/dialogs.js";

/**
 * Makes acts that tell the reader where they fail.
 *
 * @param {import("./returning.js").Tell} tell
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
 * @param {import("./lib/api.js").Api} api
 * @param {import("./lib/store.js").Store} store
 * @param {import("./returning.js").Tell} tell
 */
export function createActs(api, store, tell) {
  const told = attempts(tell);
  /** @param {{url: string}} page */
  const leave = ({ url }) => location.assign(safeUrl(url) ?? pageUrl());

  return {
    buy: told(
      /** @param {import("./types.js").Plan} plan @param {import("./types.js").Interval} interval */
      async (plan, interval) => {
        const back = { back: "plan", tier: plan.tier, interval };
        const body = {
          tier: plan.tier,
          billing_interval: interval,
          success_url: pageUrl(back),
          cancel_url: pageUrl({ back: "turned" }),
        };
        leave(await api.post("/api/billing/checkout", body));
      },
    ),
    cancel: () =>
      askCancel(store.data("billing"), async () => {
        await api.post("/api/billing/cancel");
        await store.load("billing");
        const { plan_tier, current_period_end: end } = store.data("billing");
        tell("good", `Cancelled. You keep ${title(plan_tier)} until ${end ? date(end) : "the period ends"}.`);
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
        leave(await api.post("/api/balance/deposit", body));
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
    onboard: told(async () => {
      const body = { return_url: pageUrl({ back: "payouts" }), refresh_url: pageUrl({ back: "payouts-again" }) };
      leave(await api.post("/api/creators/onboard", body));
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
 * @returns {import("./returning.js").Tell}
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
