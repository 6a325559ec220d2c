/** "Check my bill": every line of the ledger, checked in the reader's own browser. */

import { badge, button, h } from "../lib/dom.js";
import { count, money } from "../lib/format.js";

/** @import { Checked } from "../rules/chain.js" */

const PER_CENT = 10_000;

/** @param {Checked | "not yet" | "checking"} checked @param {() => unknown} check */
export function billView(checked, check) {
  return [
    h(
      "p.soft",
      "Each line of your ledger carries a hash of what it says and of the line before. This page adds all of them up " +
        "again, here in your browser: a line that was changed, left out or put in does not fit.",
    ),
    typeof checked === "string" ? null : outcome(checked),
    h("div.actions", button(checked === "checking" ? "Checking…" : "Check my bill", check, { id: "check-bill" })),
  ];
}

/** @param {Checked} checked */
function outcome({ lines, hash, balance, wrong }) {
  if (wrong !== null)
    return h(
      "p.bad-text",
      { id: "bill", role: "status" },
      badge("Does not fit", "bad"),
      ` Line ${count(wrong.seq)} (${wrong.id}) does not fit: ${wrong.reason}. The ${count(lines)} lines before it do.`,
    );
  if (lines === 0) return h("p", { id: "bill", role: "status" }, "There are no lines yet.");
  return h(
    "p.good-text",
    { id: "bill", role: "status" },
    badge("All fits", "good"),
    ` All ${count(lines)} lines fit, and come to ${money((balance ?? 0) / PER_CENT)}.`,
    h("span.reference.soft.small", `The newest line's hash: ${hash}`),
  );
}
