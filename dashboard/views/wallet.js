/** The wallet: what can be spent, what is held and owed, how it is kept filled, and how much may go out. */

import { badge, button, h } from "../lib/dom.js";
import { money } from "../lib/format.js";
import { describeReload, settingsOf } from "../rules/reload.js";
import { capReached } from "../rules/wallet.js";
import { controls } from "./acts.js";

/** @import { Balance, Tone } from "../types.js" */
/** @import { Acts } from "./acts.js" */

/** @param {Balance} balance @param {Date} now @param {Acts} acts */
export function walletView(balance, now, acts) {
  return [h("div.cards", funds(balance, acts), reload(balance, now, acts), cap(balance, acts))];
}

/** @param {Balance} balance @param {Acts} acts */
function funds({ balance_cents, granted_cents, held_cents, debt_cents, lifetime_deposited_cents, lifetime_spent_cents }, acts) {
  return h(
    "div.card",
    h("h3", "Balance"),
    h("p.figure", { id: "balance" }, money(balance_cents)),
    h(
      "dl.pairs",
      granted_cents > 0 && pair("Of it granted, spent first", money(granted_cents)),
      pair("Held for running work", held_cents > 0 ? money(held_cents) : "None"),
      debt_cents > 0 && pair("Owed", money(debt_cents), "bad"),
      pair("Deposited so far", money(lifetime_deposited_cents)),
      pair("Spent so far", money(lifetime_spent_cents)),
    ),
    h("div.actions", button("Add money", acts.deposit, { id: "deposit", class: "button primary" })),
  );
}

/** @param {Balance} balance @param {Date} now @param {Acts} acts */
function reload({ auto_reload }, now, acts) {
  const { badge: word, tone, text, acts: wanted } = describeReload(auto_reload, now);
  const settings = settingsOf(auto_reload);
  return h(
    "div.card",
    { id: "auto-reload" },
    h("h3", "Auto-reload ", badge(word, tone)),
    settings && h("p.lead", settings),
    h("p.soft", text),
    h(
      "div.actions",
      // The button beside them opens the settings already.
      controls(
        wanted.filter(({ act }) => act !== "reload"),
        acts,
        "reload-act",
        true,
      ),
      button(auto_reload.enabled ? "Change" : "Set up", acts.reload, { id: "reload-settings" }),
    ),
  );
}

/** @param {Balance} balance @param {Acts} acts */
function cap(balance, acts) {
  const { monthly_spend_cap_cents: most, monthly_spent_cents: spent } = balance;
  const reached = capReached(balance);
  return h(
    "div.card",
    { id: "spend-cap" },
    h("h3", "This month ", reached && badge("Cap reached", "bad")),
    h("p.figure", money(spent), h("span.soft", most === null ? " spent" : ` of ${money(most, { whole: true })}`)),
    most !== null &&
      h(
        "div",
        {
          class: `bar ${reached ? "bad" : ""}`,
          css: { "--fill": Math.min(1, spent / most), "--limit": 1, "--grace": 1 },
          "aria-hidden": "true",
        },
        h("span.bar-fill"),
      ),
    h("p.soft", capWords(most, reached)),
    h("div.actions", button(most === null ? "Set a monthly cap" : "Change cap", acts.cap, { id: "cap-settings" })),
  );
}

/** @param {number | null} most @param {boolean} reached */
function capWords(most, reached) {
  if (most === null) return "No cap: spending stops only when the balance does.";
  return reached
    ? "Paid work is refused until next month, or until you raise the cap."
    : "Paid work is refused once the cap is reached.";
}

/** @param {string} term @param {string} value @param {Tone} [tone] */
export function pair(term, value, tone = "plain") {
  return h("div", { class: tone === "bad" ? "bad-text" : "" }, h("dt", term), h("dd", value));
}
