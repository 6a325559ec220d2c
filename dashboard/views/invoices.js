/** The card that pays, and every invoice and receipt with its PDF. */

import { attempts } from "../acts.js";
import { badge, button, columns, h, link } from "../lib/dom.js";
import { currency, date, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { cardName, cardTone } from "../rules/card.js";
import { papers } from "../sources.js";

/** @import { Card, Paper, Tone, View } from "../types.js" */

/** @type {Record<string, Tone>} */
const STATES = { paid: "good", open: "bad", uncollectible: "bad", draft: "plain", void: "plain" };

/** @param {View} view */
export function view(view) {
  const { store, api, acts, tell } = view;
  const more = attempts(tell)(async () => {
    const page = store.data("papers");
    const next = await papers(api, page.next_cursor);
    store.set("papers", { invoices: [...page.invoices, ...next.invoices], next_cursor: next.next_cursor });
  });
  return [
    panel(view, {
      id: "payment-method",
      title: t("card.title"),
      needs: ["method"],
      lines: 2,
      render: (card) => card && method(card, acts.portal),
    }),
    panel(view, {
      id: "papers",
      title: t("invoices.list"),
      needs: ["papers"],
      lines: 12,
      render: (page) => page && list(page, more),
    }),
  ];
}

/** @param {Card} card @param {() => unknown} portal */
function method(card, portal) {
  if (card.type === null) return [h("p.soft", t("card.none"))];
  const { exp_month, exp_year, expires_soon } = card;
  const tone = cardTone(card);
  return [
    h("p", h("strong", cardName(card)), " ", expires_soon && badge(t("card.soonBadge"), tone)),
    exp_month !== null && h("p.soft", t("card.expires", { date: `${String(exp_month).padStart(2, "0")}/${exp_year}` })),
    h("div.actions", button(t("act.card"), portal, { id: "method-portal" })),
  ];
}

/** @param {{invoices: Paper[], next_cursor: string | null}} page @param {() => unknown} more */
function list({ invoices, next_cursor }, more) {
  if (invoices.length === 0) return [h("p.empty", t("invoices.none"))];
  return [
    h(
      "table.statement.invoices",
      h("caption.sr-only", t("invoices.caption")),
      columns(
        [t("table.when"), "when"],
        [t("table.what"), "what"],
        [t("table.amount"), "sum"],
        [t("invoices.papers"), "does"],
      ),
      h("tbody", invoices.map(row)),
    ),
    next_cursor !== null && h("div.actions", button(t("transactions.more"), more, { id: "papers-more" })),
  ];
}

/** @param {Paper} paper */
function row({ id, kind, number, status, total_cents, currency: unit, created_at, description, hosted_url, pdf_url }) {
  const name = number ?? id;
  return h(
    "tr",
    h("td.when.soft", h("time", { datetime: created_at }, date(created_at))),
    h(
      "td.what",
      h("span", description ?? title(kind)),
      badge(t(`paper.${status}`), STATES[status]),
      h("span.reference.soft.small", name),
    ),
    h("td.sum", currency(total_cents, unit)),
    h(
      "td.does",
      h(
        "div.actions.end",
        status === "open" && hosted_url
          ? link(t("act.payShort"), hosted_url, { class: "button primary", "aria-label": t("invoices.payOf", { name }) })
          : hosted_url && link(t(`paper.${kind}`), hosted_url, { class: "button", "aria-label": t("invoices.openOf", { name }) }),
        pdf_url && link(t("invoices.pdf"), pdf_url, { class: "button", "aria-label": t("invoices.pdfOf", { name }) }),
      ),
    ),
  );
}
