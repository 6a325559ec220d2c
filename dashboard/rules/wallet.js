/** What the reader must not miss of the wallet. Pure functions. */

import { money } from "../lib/format.js";
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
  const text =
    "A payment was taken back after its money was spent. Paid work is refused until a deposit covers this; it is paid first.";
  const acts = [{ label: "Add money", act: "deposit" }];
  return [{ id: "debt", tone: "bad", title: `Your wallet owes ${money(debt_cents)}`, text, acts }];
}

/** @param {Balance} balance @param {Date} now @returns {Notice[]} */
function reload({ auto_reload }, now) {
  if (auto_reload.state !== "suspended" && auto_reload.state !== "action_required") return [];
  const { tone, text, acts } = describeReload(auto_reload, now);
  const suspended = auto_reload.state === "suspended";
  const title = suspended ? "Auto-reload is suspended" : "Your bank asks you to confirm a reload";
  return [{ id: "reload", tone, title, text, acts }];
}

/** @param {Balance} balance @returns {Notice[]} */
function cap(balance) {
  if (!capReached(balance)) return [];
  const title = "Your monthly spending cap is reached";
  const text = "Bots, agents and paid tools are refused until next month, or until you raise the cap.";
  return [{ id: "cap", tone: "warn", title, text, acts: [{ label: "Change cap", act: "cap" }] }];
}
