/** The wallet: what can be spent, what is held and owed, how it is kept filled, how much may go out, and its ledger. */

import { badge, button, h } from "../lib/dom.js";
import { money } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { describeReload, settingsOf } from "../rules/reload.js";
import { capReached } from "../rules/wallet.js";
import { controls } from "./acts.js";
import { bill } from "./bill.js";
import { pair } from "./pair.js";
import { transactions } from "./transactions.js";

/** @import { Balance, View } from "../types.js" */
/** @import { Acts } from "./acts.js" */

/** @param {View} view */
export function view(view) {
  const { acts, now } = view;
  return [
    panel(view, {
      id: "your-wallet",
      title: t("wallet.title"),
      needs: ["balance"],
      look: "flat",
      lines: 9,
      render: (balance) => [h("div.cards", funds(balance, acts), reload(balance, now(), acts), cap(balance, acts))],
    }),
    transactions(view),
    bill(view),
  ];
}

/** @param {Balance} balance @param {Acts} acts */
function funds({ balance_cents, granted_cents, held_cents, debt_cents, lifetime_deposited_cents, lifetime_spent_cents }, acts) {
  return h(
    "div.card",
    h("h3", t("wallet.balance")),
    h("p.figure", { id: "balance" }, money(balance_cents)),
    h(
      "dl.pairs",
      granted_cents > 0 && pair(t("wallet.granted"), money(granted_cents)),
      pair(t("wallet.held"), held_cents > 0 ? money(held_cents) : t("wallet.nothingHeld")),
      debt_cents > 0 && pair(t("wallet.owed"), money(debt_cents), "bad"),
      pair(t("wallet.deposited"), money(lifetime_deposited_cents)),
      pair(t("wallet.spent"), money(lifetime_spent_cents)),
    ),
    h("div.actions", button(t("act.deposit"), acts.deposit, { id: "deposit", class: "button primary" })),
  );
}

/** @param {Balance} balance @param {Date} now @param {Acts} acts */
function reload({ auto_reload }, now, acts) {
  const { badge: word, tone, text, acts: wanted } = describeReload(auto_reload, now);
  const settings = settingsOf(auto_reload);
  return h(
    "div.card",
    { id: "auto-reload" },
    h("h3", t("reload.title"), " ", badge(word, tone)),
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
      button(t(auto_reload.enabled ? "act.change" : "act.setUp"), acts.reload, { id: "reload-settings" }),
    ),
  );
}

/** @param {Balance} balance @param {Acts} acts */
function cap(balance, acts) {
  const { monthly_spend_cap_cents: most, monthly_spent_cents: spent } = balance;
  const reached = capReached(balance);
  const words = most === null ? t("cap.none") : t(reached ? "cap.reached" : "cap.set");
  return h(
    "div.card",
    { id: "spend-cap" },
    h("h3", t("cap.thisMonth"), " ", reached && badge(t("cap.badge"), "bad")),
    h(
      "p.figure",
      money(spent),
      h("span.soft", ` ${most === null ? t("cap.spent") : t("usage.of", { limit: money(most, { whole: true }) })}`),
    ),
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
    h("p.soft", words),
    h("div.actions", button(t(most === null ? "act.setCap" : "act.changeCap"), acts.cap, { id: "cap-settings" })),
  );
}
