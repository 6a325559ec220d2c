/** The card that pays, in words. Pure functions. */

import { title } from "../lib/format.js";
import { t } from "../lib/words.js";

/** @import { Card, Notice, Tone } from "../types.js" */

/** Like "Visa ending in 4242"; what is no card is called by its kind. @param {Card} card */
export function cardName({ type, brand, last4 }) {
  const name = title(brand ?? type ?? "");
  return last4 === null ? name : t("card.name", { name, last4 });
}

/** @param {Card} card @returns {Tone} */
export function cardTone({ expires_soon }) {
  return expires_soon ? "warn" : "plain";
}

/** A card that soon declines. @param {Card | null} card @returns {Notice[]} */
export function cardNotices(card) {
  if (!card?.expires_soon || card.exp_month === null) return [];
  const expires = `${String(card.exp_month).padStart(2, "0")}/${card.exp_year}`;
  return [
    {
      id: "card",
      tone: "warn",
      title: t("card.soonTitle", { card: cardName(card), date: expires }),
      text: t("card.soonText"),
      acts: [{ label: t("act.card"), act: "portal" }],
    },
  ];
}
