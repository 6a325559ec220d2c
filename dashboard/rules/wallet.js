/** What the reader must not miss of the wallet. Pure functions. */

import { money } from "../lib/format.js";
import { t } from "../lib/words.js";
import { describeReload } from "./reload.js";

/** @import { Balance, Notice } from "../types.js" */

/** Whether this month's spending has come to the cap. @param {Balance} balance */
export function capReached({ monthly_spend_cap_cents: cap, monthly_spent_cents: spent }) {
  return cap !== null && spent >= cap;
}

/** @param {Balance} balance @param {Date} now @returns {Notice[]} */
export function walletNotices(balance, now) {
  return [...debt(balance), ...reload(balance, now), ...cap(balance)];
}

/** @param {Balance} balance @returns {Notice[]} */
function debt({ debt_cents }) {
  if (debt_cents <= 0) return [];
  const acts = [{ label: t("act.deposit"), act: "deposit" }];
  return [{ id: "debt", tone: "bad", title: t("debt.title", { amount: money(debt_cents) }), text: t("debt.text"), acts }];
}

/** @param {Balance} balance @param {Date} now @returns {Notice[]} */
function reload({ auto_reload }, now) {
  if (auto_reload.state !== "suspended" && auto_reload.state !== "action_required") return [];
  const { tone, text, acts } = describeReload(auto_reload, now);
  const suspended = auto_reload.state === "suspended";
  const title = t(suspended ? "reload.suspended.title" : "reload.action_required.title");
  return [{ id: "reload", tone, title, text, acts }];
}

/** @param {Balance} balance @returns {Notice[]} */
function cap(balance) {
  if (!capReached(balance)) return [];
  const acts = [{ label: t("act.changeCap"), act: "cap" }];
  return [{ id: "cap", tone: "warn", title: t("cap.title"), text: t("cap.reached"), acts }];
}
