/** What became of each notice, and to send one again. */

import { attempts } from "../acts.js";
import { badge, button, columns, h } from "../lib/dom.js";
import { dateTime } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { has, t } from "../lib/words.js";
import { deliveryPage } from "../sources.js";

/** @import { Delivery, Tone, View } from "../types.js" */

/** @type {Record<string, Tone>} */
const STATES = { waiting: "plain", sending: "plain", sent: "good", dead: "bad", skipped: "warn" };
/** What is over can be sent again. */
const OVER = ["sent", "dead", "skipped"];

/** @param {View} view */
export function deliveries(view) {
  const { store, api, tell } = view;
  const told = attempts(tell);
  const acts = {
    more: told(async () => {
      const page = store.data("deliveries");
      const next = await deliveryPage(api, page.next_cursor);
      store.set("deliveries", { deliveries: [...page.deliveries, ...next.deliveries], next_cursor: next.next_cursor });
    }),
    resend: told(async (/** @type {Delivery} */ { id }) => {
      await api.post(`/api/billing/notifications/deliveries/${encodeURIComponent(id)}/resend`);
      tell("good", t("deliveries.resent"));
      await store.load("deliveries");
    }),
  };
  return panel(view, {
    id: "deliveries",
    title: t("deliveries.title"),
    needs: ["deliveries"],
    lines: 8,
    render: (page) => page && list(page, acts),
  });
}

/**
 * @param {{deliveries: Delivery[], next_cursor: string | null}} page
 * @param {{more: () => unknown, resend: (delivery: Delivery) => unknown}} acts
 */
function list({ deliveries: found, next_cursor }, acts) {
  if (found.length === 0) return [h("p.empty", t("deliveries.none"))];
  return [
    h(
      "table.statement.deliveries",
      h("caption.sr-only", t("deliveries.caption")),
      columns([t("table.when"), "when"], [t("table.what"), "what"], [t("table.state"), "sum"], [t("deliveries.acts"), "does"]),
      h(
        "tbody",
        found.map((delivery) => row(delivery, acts)),
      ),
    ),
    next_cursor !== null && h("div.actions", button(t("transactions.more"), acts.more, { id: "deliveries-more" })),
  ];
}

/** @param {Delivery} delivery @param {{resend: (delivery: Delivery) => unknown}} acts */
function row(delivery, acts) {
  const { id, type, recipient, state, error, occurred_at, next_attempt_at } = delivery;
  const name = has(`event.${type}`) ? t(`event.${type}`) : type;
  const to = recipient ?? t("webhook.title");
  return h(
    "tr",
    h("td.when.soft", h("time", { datetime: occurred_at }, dateTime(occurred_at))),
    h(
      "td.what",
      h("span", name),
      h("span.reference.soft.small", to),
      state !== "sent" && error && h("span.reference.bad-text.small", error),
      next_attempt_at && h("span.reference.soft.small", t("deliveries.next", { date: dateTime(next_attempt_at) })),
    ),
    h("td.sum", badge(t(`delivery.${state}`), STATES[state])),
    h(
      "td.does",
      OVER.includes(state) &&
        h(
          "div.actions.end",
          button(t("deliveries.resend"), () => acts.resend(delivery), {
            id: `resend-${id.replaceAll(/[^A-Za-z0-9_-]/g, "-")}`,
            "aria-label": t("deliveries.resendOf", { name, to }),
          }),
        ),
    ),
  );
}
