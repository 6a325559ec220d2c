/** Who spent it: agents, keys, models and kinds, with a bar and the figures of each. */

import { columns, h } from "../lib/dom.js";
import { count, money, title } from "../lib/format.js";

/** @import { Spend, SpendGroup } from "../types.js" */

const ALWAYS = ["kind", "model", "billing_mode"];
const NAMES = /** @type {Record<string, string>} */ ({ billing_mode: "Who paid" });

/**
 * @param {Spend} spend In one bucket.
 * @param {string[]} labels By which spending may be told too.
 * @param {(by: string) => unknown} choose
 */
export function breakdownView({ by, total_cents, buckets }, labels, choose) {
  const groups = buckets.flatMap((bucket) => bucket.groups);
  const select = h(
    "select",
    { id: "breakdown-by", on: { change: () => choose(select.value) } },
    [...ALWAYS, ...labels.map((label) => (ALWAYS.includes(label) ? `label:${label}` : label))].map((value) =>
      h("option", { value, selected: value === by }, NAMES[value] ?? title(value)),
    ),
  );
  return [
    h("div.filter", h("label", { for: select.id }, "By"), select),
    groups.length === 0
      ? h("p.empty", "Nothing was spent in the last 30 days.")
      : h("p.soft", `${money(total_cents)} in the last 30 days.`),
    groups.length > 0 && table(groups, by),
  ];
}

/** @param {SpendGroup[]} groups @param {string} by */
function table(groups, by) {
  const name = NAMES[by] ?? title(by);
  const most = Math.max(...groups.map((group) => group.amount_cents), 1);
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": `Spending by ${name}` },
    h(
      "table.numbers",
      columns([name], ["Share"], ["Spent"], ["Charges"], ["Tokens in"], ["Tokens out"]),
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
  const named = rest ? "All others" : value === null ? "Without" : by === "kind" ? title(value) : value;
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
