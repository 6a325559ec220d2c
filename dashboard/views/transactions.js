/** The statement: every movement of the wallet, newest first. */

import { badge, button, columns, h } from "../lib/dom.js";
import { dateTime, money, title } from "../lib/format.js";

/** @import { Transaction, TransactionPage } from "../types.js" */

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

/**
 * @param {TransactionPage} page
 * @param {string} type The one that is shown; empty for all.
 * @param {object} on
 * @param {(type: string) => unknown} on.filter
 * @param {() => unknown} on.more
 */
export function transactionsView({ transactions, next_cursor }, type, on) {
  return [
    filter(type, on.filter),
    transactions.length > 0 ? table(transactions) : h("p.empty", empty(type, next_cursor !== null)),
    next_cursor !== null &&
      h(
        "div.actions",
        button(transactions.length > 0 ? "Show more" : "Look further back", on.more, { id: "transactions-more" }),
      ),
  ];
}

/** @param {string} type @param {boolean} goesOn */
function empty(type, goesOn) {
  if (type === "") return "No transactions yet. They begin with your first deposit.";
  return goesOn ? "None of this type among the latest." : "None of this type.";
}

/** @param {string} type @param {(type: string) => unknown} choose */
function filter(type, choose) {
  const select = h(
    "select",
    { id: "transactions-type", on: { change: () => choose(select.value) } },
    h("option", { value: "" }, "All types"),
    TYPES.map((value) => h("option", { value, selected: value === type }, title(value))),
  );
  return h("div.filter", h("label", { for: select.id }, "Show"), select);
}

/** @param {Transaction[]} transactions */
function table(transactions) {
  return h(
    "table.statement",
    h("caption.sr-only", "Transactions, newest first"),
    columns(["When", "when"], ["What", "what"], ["Amount", "sum"], ["Balance", "after"]),
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
