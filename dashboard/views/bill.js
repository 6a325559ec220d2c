/** "Check my bill": every line of the ledger, checked in the reader's own browser. */

import { attempts } from "../acts.js";
import { badge, button, h } from "../lib/dom.js";
import { count, money } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";

/** @import { Api } from "../lib/api.js" */
/** @import { Checked } from "../rules/chain.js" */
/** @import { View } from "../types.js" */

const PER_CENT = 10_000;

/** @param {View} view */
export function bill(view) {
  const { store, api } = view;
  const check = attempts(view.tell)(async () => {
    store.set("bill", "checking");
    try {
      const { verify } = await import("../rules/chain.js");
      store.set("bill", await verify(await ledger(api)));
    } catch (error) {
      store.set("bill", "not yet");
      throw error;
    }
  });
  return panel(view, {
    id: "check",
    title: t("bill.title"),
    needs: ["bill"],
    render: (checked) => billView(checked, check),
  });
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

/** @param {Checked | "not yet" | "checking"} checked @param {() => unknown} check */
function billView(checked, check) {
  return [
    h("p.soft", t("bill.text")),
    typeof checked === "string" ? null : outcome(checked),
    h("div.actions", button(t(checked === "checking" ? "bill.checking" : "bill.title"), check, { id: "check-bill" })),
  ];
}

/** @param {Checked} checked */
function outcome({ lines, hash, balance, wrong }) {
  if (wrong !== null) {
    const { seq, id, reason } = wrong;
    const words = t("bill.wrong", { seq: count(seq), id, reason: t(`bill.reason.${reason}`), before: count(lines) });
    return h("p.bad-text", { id: "bill", role: "status" }, badge(t("bill.wrongBadge"), "bad"), ` ${words}`);
  }
  if (lines === 0) return h("p", { id: "bill", role: "status" }, t("bill.empty"));
  return h(
    "p.good-text",
    { id: "bill", role: "status" },
    badge(t("bill.goodBadge"), "good"),
    ` ${t("bill.good", { n: lines, amount: money((balance ?? 0) / PER_CENT) })}`,
    h("span.reference.soft.small", t("bill.hash", { hash: hash ?? "" })),
  );
}
