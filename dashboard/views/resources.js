/** What exists, by kind, and which of it is read-only since a downgrade. */

import { badge, h } from "../lib/dom.js";
import { count, date, title } from "../lib/format.js";
import { t } from "../lib/words.js";

/** @import { Resource, Resources, ResourcesOfKind } from "../types.js" */

const MOST_SHOWN = 100;

/** @param {Resources} resources */
export function resourcesView({ resources }) {
  return [
    h(
      "ul.kinds",
      Object.entries(resources).map(([kind, of]) => h("li", one(kind, of))),
    ),
  ];
}

/** @param {string} kind @param {ResourcesOfKind} of */
function one(kind, { used, limit, items }) {
  const readOnly = items.filter((item) => item.read_only).length;
  const figures = [
    h("span.kind-name", title(kind)),
    readOnly > 0 && badge(t("resources.readOnlyCount", { n: readOnly }), "warn"),
    h(
      "span.kind-count",
      h("strong", count(used)),
      h("span.soft", ` ${t("usage.of", { limit: limit === null ? t("usage.unlimited") : count(limit) })}`),
    ),
  ];
  if (items.length === 0) return h("div.kind", figures);
  return h(
    "details.kind",
    { id: `kind-${kind}`, open: readOnly > 0 },
    h("summary", figures),
    readOnly > 0 &&
      h(
        "p.soft.small",
        t("resources.readOnlyText"),
      ),
    h("ul.items", items.slice(0, MOST_SHOWN).map(item)),
    items.length > MOST_SHOWN && h("p.soft.small", t("resources.more", { n: items.length - MOST_SHOWN })),
  );
}

/** @param {Resource} resource */
function item({ id, created_at, read_only }) {
  return h(
    "li",
    h("span.item-id", id),
    read_only && badge(t("resources.readOnly"), "warn"),
    h("span.soft.small", t("resources.since", { date: date(created_at) })),
  );
}
