/** Who spent it: agents, keys, models and kinds, with a bar and the figures of each. */

import { attempts } from "../acts.js";
import { columns, h } from "../lib/dom.js";
import { count, money, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { spending } from "../sources.js";

/** @import { Spend, SpendGroup, Transaction, View } from "../types.js" */

const ALWAYS = ["kind", "model", "billing_mode"];
const NAMES = /** @type {Record<string, string>} */ ({ billing_mode: t("breakdown.whoPaid") });

/** @param {View} view */
export function breakdown(view) {
  const { store, api, now, tell } = view;
  const choose = attempts(tell)(async (/** @type {string} */ by) => {
    const turn = store.begin("breakdown");
    try {
      const spend = await spending(api, now(), "total", by);
      if (turn !== store.turns.breakdown) return;
      store.set("by", by);
      store.set("breakdown", { ...spend, by });
    } finally {
      store.tell("by");
    }
  });
  return panel(view, {
    id: "who-spent",
    title: t("breakdown.title"),
    needs: ["breakdown", "budgets", "transactions", "by"],
    lines: 8,
    render: (spend, { budgets }, { transactions }) => breakdownView(spend, labelsOf(budgets, transactions), choose),
  });
}

/** The labels that the account is known to use: of its budgets and of its latest lines. */
/** @param {{label: string}[]} budgets @param {Transaction[]} lines */
function labelsOf(budgets, lines) {
  return [...new Set([...budgets.map(({ label }) => label), ...lines.flatMap((line) => Object.keys(line.labels ?? {}))])].sort();
}

/**
 * @param {Spend} spend In one bucket.
 * @param {string[]} labels By which spending may be told too.
 * @param {(by: string) => unknown} choose
 */
function breakdownView({ by, total_cents, buckets }, labels, choose) {
  const groups = buckets.flatMap((bucket) => bucket.groups);
  const select = h(
    "select",
    { id: "breakdown-by", on: { change: () => choose(select.value) } },
    [...ALWAYS, ...labels.map((label) => (ALWAYS.includes(label) ? `label:${label}` : label))].map((value) =>
      h("option", { value, selected: value === by }, NAMES[value] ?? title(value)),
    ),
  );
  return [
    h("div.filter", h("label", { for: select.id }, t("breakdown.by")), select),
    groups.length === 0
      ? h("p.empty", t("spending.nothing"))
      : h("p.soft", `${money(total_cents)} ${t("spending.days")}.`),
    groups.length > 0 && table(groups, by),
  ];
}

/** @param {SpendGroup[]} groups @param {string} by */
function table(groups, by) {
  const name = NAMES[by] ?? title(by);
  const most = Math.max(...groups.map((group) => group.amount_cents), 1);
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": t("breakdown.table", { name }) },
    h(
      "table.numbers",
      columns(
        [name],
        [t("breakdown.share")],
        [t("breakdown.spent")],
        [t("breakdown.charges")],
        [t("breakdown.in")],
        [t("breakdown.out")],
      ),
      h(
        "tbody",
        groups.map((group) => row(group, by, most)),
      ),
    ),
  );
}

/** @param {SpendGroup} group @param {string} by @param {number} most */
function row(group, by, most) {
  const { value, rest, amount_cents, charges, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = group;
  const named = rest ? t("breakdown.rest") : value === null ? t("breakdown.without") : by === "kind" ? title(value) : value;
  const fill = Math.max(0, amount_cents / most);
  return h(
    "tr",
    h("th", { scope: "row" }, named),
    h(
      "td.share",
      h("div.bar", { css: { "--fill": fill, "--limit": 1, "--grace": 1 }, "aria-hidden": "true" }, h("span.bar-fill")),
    ),
    h("td", money(amount_cents)),
    h("td", count(charges)),
    h("td", count(input_tokens + cache_read_tokens + cache_write_tokens)),
    h("td", count(output_tokens)),
  );
}
