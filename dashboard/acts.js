/** What the reader can do: ask first where something is at stake, do it, say how it went, show what is true now. */

import { button, h, safeUrl } from "./lib/dom.js";
import { explain } from "./lib/errors.js";
import { title } from "./lib/format.js";
import { t } from "./lib/words.js";
import { pageUrl } from "./returning.js";
import { planName } from "./rules/plans.js";
import { whereServed } from "./sources.js";

/** @import { Api } from "./lib/api.js" */
/** @import { Store } from "./lib/store.js" */
/** @import { Tell } from "./returning.js" */
/** @import { Interval, Plan } from "./types.js" */

const LEAVING_MS = 10_000;

/** What is asked in dialogs is fetched with the first one. */
const dialogs = () => import("./views/dialogs.js");

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

/** What a change would cost; null where the stack does not say. @param {Api} api @param {{tier: string, billing_interval: string}} wanted */
function previewed(api, { tier, billing_interval }) {
  return whereServed(api.post("/api/billing/preview", { tier, billing_interval }));
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
    buy: told(async ({ tier }, interval) => {
      const waiting = store.data("billing").pending_change;
      const body = {
        tier,
        billing_interval: interval,
        success_url: pageUrl({ back: "plan", tier, interval }),
        cancel_url: pageUrl({ back: waiting ? "dropped" : "turned" }),
      };
      const go = async () => leave(await api.post("/api/billing/checkout", body));
      const asks = store.data("billing").stripe_subscription_id || (store.data("plans")?.trial_days ?? 0) > 0;
      const preview = asks && (await previewed(api, body));
      // Opening the page for another change takes the one that waits back, whether or not the new one is confirmed.
      if (preview) (await import("./views/preview.js")).askChange(preview, { tier, interval }, waiting, go);
      else if (waiting) (await dialogs()).askInstead(waiting, planName(tier, interval), go);
      else await go();
    }),
    cancel: told(async () => {
      const { askCancel } = await dialogs();
      askCancel(store.data("billing"), async () => {
        await api.post("/api/billing/cancel");
        await store.load("billing");
        tell("good", t("told.cancelled"));
      });
    }),
    resume: told(async () => {
      const billing = await api.post("/api/billing/resume");
      store.set("billing", billing);
      tell("good", t("told.stay", { plan: title(billing.plan_tier) }));
    }),
    portal: told(async () =>
      leave(await api.post("/api/billing/portal", { return_url: pageUrl({ back: "portal" }) })),
    ),
    deposit: told(async () => {
      const { askDeposit } = await dialogs();
      askDeposit(await bounds(), async (cents) => {
        const body = {
          amount_cents: cents,
          success_url: pageUrl({ back: "deposit" }),
          cancel_url: pageUrl({ back: "turned" }),
        };
        await leave(await api.post("/api/balance/deposit", body));
      });
    }),
    reload: told(async () => {
      const { askReload } = await dialogs();
      askReload(store.data("balance").auto_reload, await bounds(), async (settings) => {
        await api.put("/api/balance/auto-reload", settings);
        await store.load("balance");
        tell("good", t(store.data("balance").auto_reload.enabled ? "told.reloadOn" : "told.reloadOff"));
      });
    }),
    cap: told(async () => {
      const { askCap } = await dialogs();
      askCap(store.data("balance").monthly_spend_cap_cents, async (cents) => {
        await api.put("/api/balance/spend-cap", { monthly_cap_cents: cents });
        await store.load("balance");
        tell("good", t(cents === null ? "told.capOff" : "told.capOn"));
      });
    }),
    onboard: told(async () => {
      const body = { return_url: pageUrl({ back: "payouts" }), refresh_url: pageUrl({ back: "payouts-again" }) };
      await leave(await api.post("/api/creators/onboard", body));
    }),
  };

  /** How much may be paid in at once, in cents. @returns {Promise<{min: number, max: number}>} */
  async function bounds() {
    if (!store.data("plans")) await store.load("plans");
    return store.data("plans")?.wallet.deposit_cents ?? { min: 500, max: 50_000 };
  }
}

/**
 * Where results are told: beside the reader wherever they scrolled, until they put it away or the next one comes.
 *
 * @param {HTMLElement} region A live region.
 * @param {HTMLElement} main Where the reader goes on.
 * @returns {Tell}
 */
export function createTell(region, main) {
  return (tone, text, again) => {
    const dismiss = () => {
      region.replaceChildren();
      // The button that had the focus is gone.
      main.focus({ preventScroll: true });
    };
    const retry = again ? [button(t("told.again"), again)] : [];
    region.className = `result ${tone}`;
    region.replaceChildren(h("p", text), ...retry, button(t("told.dismiss"), dismiss, { class: "button quiet" }));
  };
}
