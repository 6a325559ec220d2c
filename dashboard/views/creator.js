/** What a creator of paid tools earned, and how it gets to them. */

import { badge, button, columns, h } from "../lib/dom.js";
import { date, money, shortDay } from "../lib/format.js";
import { pair } from "./wallet.js";

/** @import { Creator } from "../types.js" */

/** Whether somebody earns, or set out to. @param {Creator} creator */
function isCreator({ onboarding, pending_cents, payable_cents, owed_cents, in_transit_cents, paid_cents, payouts }) {
  return (
    onboarding !== "none" ||
    payouts.length > 0 ||
    pending_cents + payable_cents + owed_cents + in_transit_cents + paid_cents > 0
  );
}

/** @param {Creator} creator @param {() => unknown} onboard */
export function creatorView(creator, onboard) {
  if (!isCreator(creator)) {
    return [
      h(
        "p.soft",
        "No earnings yet. When somebody pays for a tool that you publish, your share shows up here, and is paid out to your bank a week later.",
      ),
      h("div.actions", button("Set up payouts", onboard, { id: "onboard" })),
    ];
  }
  return [h("div.cards", sums(creator), standing(creator, onboard), waiting(creator)), payouts(creator)];
}

/** @param {Creator} creator */
function sums({ payable_cents, pending_cents, granted_cents, claimed_cents, owed_cents, in_transit_cents, paid_cents }) {
  return h(
    "div.card",
    h("h3", "Ready to be paid"),
    h("p.figure", money(payable_cents)),
    h(
      "dl.pairs",
      pair("Held back for now", money(pending_cents)),
      in_transit_cents > 0 && pair("On its way", money(in_transit_cents)),
      claimed_cents > 0 && pair("Held, since its payer's deposit is disputed or gone", money(claimed_cents), "warn"),
      owed_cents > 0 && pair("Refunded, taken from the next earnings", money(owed_cents), "bad"),
      granted_cents > 0 && pair("Paid with granted credit, not paid out", money(granted_cents)),
      pair("Paid so far", money(paid_cents)),
    ),
  );
}

const STANDING = /** @type {const} */ ({
  none: {
    word: "Not set up",
    tone: "warn",
    text: "Tell Stripe where to send your money. What you earn waits for you.",
    label: "Set up payouts",
  },
  pending: {
    word: "Not complete",
    tone: "warn",
    text: "Stripe needs more details before it can pay you.",
    label: "Go on with set-up",
  },
  restricted: {
    word: "Restricted",
    tone: "bad",
    text: "Stripe cannot pay you at the moment. See there what is missing.",
    label: "Resolve at Stripe",
  },
  complete: {
    word: "Ready",
    tone: "good",
    text: "Paid out to your bank by itself once enough has come together.",
    label: "",
  },
});

/** Why nothing is paid out, where the account itself does not say it. @type {Record<string, string>} */
const HELD = {
  account_disconnected: "The account at Stripe is gone, or we may not pay to it any more. Set up payouts again.",
  debt: "Payouts wait until the debt of your wallet is paid.",
  review: "You are new here: the next payout waits until we have looked at your account.",
  operator: "Payouts are held while we look at this account. Contact us.",
  transfer_reversed: "A payout was reversed. The next ones wait until we have looked at it. Contact us.",
};

/** @param {Creator} creator @param {() => unknown} onboard */
function standing({ onboarding, last_error, payouts_held_for }, onboard) {
  const { word, tone, text, label } = STANDING[onboarding];
  return h(
    "div.card",
    h("h3", "Payout account ", badge(word, tone)),
    h("p.soft", text),
    payouts_held_for !== null && payouts_held_for in HELD && h("p.bad-text", { id: "payouts-held" }, HELD[payouts_held_for]),
    last_error && h("p.small.bad-text", `The last payout did not work: ${last_error}`),
    label !== "" && h("div.actions", button(label, onboard, { id: "onboard", class: "button primary" })),
  );
}

/** @param {Creator} creator */
function waiting({ pending_by_day }) {
  if (pending_by_day.length === 0) return null;
  return h(
    "div.card",
    h("h3", "Held back until"),
    h(
      "dl.pairs",
      pending_by_day.map(({ day, amount_cents }) => pair(shortDay(day), money(amount_cents))),
    ),
  );
}

const STATES = /** @type {const} */ ({
  pending: ["On its way", "plain"],
  paid: ["Paid", "good"],
  failed: ["Failed", "bad"],
  reversed: ["Reversed", "warn"],
});

/** @param {Creator} creator */
function payouts({ payouts: made }) {
  if (made.length === 0) return null;
  return h(
    "table.statement.payouts",
    h("caption", "Latest payouts"),
    columns(["When", "when"], ["State", "what"], ["Amount", "sum"]),
    h(
      "tbody",
      made.map(({ created_at, state, reason, amount_cents }) => {
        const [word, tone] = STATES[state];
        return h(
          "tr",
          h("td.when.soft", date(created_at)),
          h("td.what", badge(word, tone), reason && h("span.soft.small", reason)),
          h("td.sum", money(amount_cents)),
        );
      }),
    ),
  );
}
