/** What a creator of paid tools earned, and how it gets to them. */

import { badge, button, columns, h } from "../lib/dom.js";
import { date, money, shortDay } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { has, t } from "../lib/words.js";
import { pair } from "./pair.js";
import { tools } from "./tools.js";

/** @import { Creator, Tone, View } from "../types.js" */

/** @param {View} view */
export function view(view) {
  return [
    panel(view, {
      id: "your-earnings",
      title: t("earnings.title"),
      needs: ["creator"],
      lines: 6,
      render: (creator) => creatorView(creator, view.acts.onboard),
    }),
    tools(view),
  ];
}

/** Whether somebody earns, or set out to. @param {Creator} creator */
function isCreator({ onboarding, pending_cents, payable_cents, owed_cents, in_transit_cents, paid_cents, payouts }) {
  return (
    onboarding !== "none" ||
    payouts.length > 0 ||
    pending_cents + payable_cents + owed_cents + in_transit_cents + paid_cents > 0
  );
}

/** @param {Creator} creator @param {() => unknown} onboard */
function creatorView(creator, onboard) {
  if (!isCreator(creator)) {
    return [
      h(
        "p.soft",
        t("earnings.none"),
      ),
      h("div.actions", button(t("earnings.setUp"), onboard, { id: "onboard" })),
    ];
  }
  return [h("div.cards", sums(creator), standing(creator, onboard), waiting(creator)), payouts(creator)];
}

/** @param {Creator} creator */
function sums({ payable_cents, pending_cents, granted_cents, claimed_cents, owed_cents, in_transit_cents, paid_cents }) {
  return h(
    "div.card",
    h("h3", t("earnings.payable")),
    h("p.figure", money(payable_cents)),
    h(
      "dl.pairs",
      pair(t("earnings.pending"), money(pending_cents)),
      in_transit_cents > 0 && pair(t("earnings.inTransit"), money(in_transit_cents)),
      claimed_cents > 0 && pair(t("earnings.claimed"), money(claimed_cents), "warn"),
      owed_cents > 0 && pair(t("earnings.owed"), money(owed_cents), "bad"),
      granted_cents > 0 && pair(t("earnings.granted"), money(granted_cents)),
      pair(t("earnings.paid"), money(paid_cents)),
    ),
  );
}

/** @type {Record<Creator["onboarding"], Tone>} */
const STANDING = { none: "warn", pending: "warn", restricted: "bad", complete: "good" };

/** @param {Creator} creator @param {() => unknown} onboard */
function standing({ onboarding, last_error, payouts_held_for }, onboard) {
  const label = onboarding === "complete" ? "" : t(`onboarding.${onboarding}.act`);
  const held = `held.${payouts_held_for}`;
  return h(
    "div.card",
    h("h3", t("earnings.account"), " ", badge(t(`onboarding.${onboarding}.badge`), STANDING[onboarding])),
    h("p.soft", t(`onboarding.${onboarding}.text`)),
    has(held) && h("p.bad-text", { id: "payouts-held" }, t(held)),
    last_error && h("p.small.bad-text", t("earnings.lastError", { reason: last_error })),
    label !== "" && h("div.actions", button(label, onboard, { id: "onboard", class: "button primary" })),
  );
}

/** @param {Creator} creator */
function waiting({ pending_by_day }) {
  if (pending_by_day.length === 0) return null;
  return h(
    "div.card",
    h("h3", t("earnings.heldUntil")),
    h(
      "dl.pairs",
      pending_by_day.map(({ day, amount_cents }) => pair(shortDay(day), money(amount_cents))),
    ),
  );
}

/** @type {Record<string, Tone>} */
const STATES = { pending: "plain", paid: "good", failed: "bad", reversed: "warn" };

/** @param {Creator} creator */
function payouts({ payouts: made }) {
  if (made.length === 0) return null;
  return h(
    "table.statement.payouts",
    h("caption", t("earnings.payouts")),
    columns([t("table.when"), "when"], [t("table.state"), "what"], [t("table.amount"), "sum"]),
    h(
      "tbody",
      made.map(({ created_at, state, reason, amount_cents }) => {
        return h(
          "tr",
          h("td.when.soft", date(created_at)),
          h("td.what", badge(t(`payout.${state}`), STATES[state]), reason && h("span.soft.small", reason)),
          h("td.sum", money(amount_cents)),
        );
      }),
    ),
  );
}
