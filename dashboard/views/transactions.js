/** The statement: every movement of the wallet, newest first. */

import { attempts } from "../acts.js";
import { badge, button, columns, h } from "../lib/dom.js";
import { dateTime, money, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { statement } from "../sources.js";

/** @import { Transaction, TransactionPage, View } from "../types.js" */

const TYPES = [
  "deposit",
  "reload",
  "charge",
  "hold",
  "capture",
  "release",
  "charge_refund",
  "refund",
  "dispute",
  "dispute_reversal",
  "debt_payment",
  "grant",
];

/** @param {View} view */
export function transactions(view) {
  return panel(view, {
    id: "transactions",
    title: t("transactions.title"),
    needs: ["transactions", "type"],
    lines: 12,
    render: (page, type) => transactionsView(page, type, reading(view)),
  });
}

/** How the statement is read on. @param {View} view */
function reading({ store, api, tell }) {
  const told = attempts(tell);
  return {
    filter: told(async (/** @type {string} */ type) => {
      const turn = store.begin("transactions");
      try {
        const page = await statement(api, type, null);
        if (turn !== store.turns.transactions) return;
        store.set("type", type);
        store.set("transactions", page);
      } finally {
        // The choice is shown as it is, also where it could not be changed.
        store.tell("type");
      }
    }),
    more: told(async () => {
      const page = store.data("transactions");
      const turn = store.begin("transactions");
      const next = await statement(api, store.data("type"), page.next_cursor);
      if (turn !== store.turns.transactions) return;
      const lines = [...page.transactions, ...next.transactions];
      store.set("transactions", { transactions: lines, next_cursor: next.next_cursor });
    }),
  };
}

/**
 * @param {TransactionPage} page
 * @param {string} type The one that is shown; empty for all.
 * @param {object} on
 * @param {(type: string) => unknown} on.filter
 * @param {() => unknown} on.more
 */
function transactionsView({ transactions, next_cursor }, type, on) {
  return [
    filter(type, on.filter),
    transactions.length > 0 ? table(transactions) : h("p.empty", empty(type, next_cursor !== null)),
    next_cursor !== null &&
      h(
        "div.actions",
        button(t(transactions.length > 0 ? "transactions.more" : "transactions.further"), on.more, { id: "transactions-more" }),
      ),
  ];
}

/** @param {string} type @param {boolean} goesOn */
function empty(type, goesOn) {
  if (type === "") return t("transactions.none");
  return t(goesOn ? "transactions.noneLatest" : "transactions.noneOfType");
}

/** @param {string} type @param {(type: string) => unknown} choose */
function filter(type, choose) {
  const select = h(
    "select",
    { id: "transactions-type", on: { change: () => choose(select.value) } },
    h("option", { value: "" }, t("transactions.all")),
    TYPES.map((value) => h("option", { value, selected: value === type }, title(value))),
  );
  return h("div.filter", h("label", { for: select.id }, t("transactions.show")), select);
}

/** @param {Transaction[]} transactions */
function table(transactions) {
  return h(
    "table.statement",
    h("caption.sr-only", t("transactions.caption")),
    columns(
      [t("table.when"), "when"],
      [t("table.what"), "what"],
      [t("table.amount"), "sum"],
      [t("table.balance"), "after"],
    ),
    h("tbody", transactions.map(row)),
  );
}

/** @param {Transaction} transaction */
function row({ type, description, reference, amount_cents, balance_after_cents, created_at }) {
  const name = title(type);
  return h(
    "tr",
    h("td.when.soft", h("time", { datetime: created_at }, dateTime(created_at))),
    h(
      "td.what",
      h("span", description),
      description !== name && badge(name),
      reference && h("span.reference.soft.small", reference),
    ),
    h("td", { class: amount_cents > 0 ? "sum good-text" : "sum" }, money(amount_cents, { signed: true })),
    h("td.after.soft", money(balance_after_cents)),
  );
}
