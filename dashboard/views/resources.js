/** What exists, by kind, and which of it is read-only since a downgrade. */

import { badge, h } from "../lib/dom.js";
import { count, date, title } from "../lib/format.js";

const MOST_SHOWN = 100;

/** @param {import("../types.js").Resources} resources */
export function resourcesView({ resources }) {
  return [
    h(
      "ul",
      { class: "kinds" },
      Object.entries(resources).map(([kind, of]) => h("li", {}, one(kind, of))),
    ),
  ];
}

/** @param {string} kind @param {import("../types.js").ResourcesOfKind} of */
function one(kind, { used, limit, items }) {
  const readOnly = items.filter((item) => item.read_only).length;
  const figures = [
    h("span", { class: "kind-name" }, title(kind)),
    readOnly > 0 && badge(`${count(readOnly)} read-only`, "warn"),
    h(
      "span",
      { class: "kind-count" },
      h("strong", {}, count(used)),
      h("span", { class: "soft" }, limit === null ? " of unlimited" : ` of ${count(limit)}`),
    ),
  ];
  if (items.length === 0) return h("div", { class: "kind" }, figures);
  return h(
    "details",
    { class: "kind" },
    h("summary", {}, figures),
    readOnly > 0 &&
      h(
        "p",
        { class: "soft small" },
        "Read-only came with a smaller plan, newest first. Delete some, or move to a larger plan, and they open again.",
      ),
    h("ul", { class: "items" }, items.slice(0, MOST_SHOWN).map(item)),
    items.length > MOST_SHOWN && h("p", { class: "soft small" }, `and ${count(items.length - MOST_SHOWN)} more`),
  );
}

/** @param {import("../types.js").Resource} resource */
function item({ id, created_at, read_only }) {
  return h(
    "li",
    {},
    h("span", { class: "item-id" }, id),
    read_only && badge("Read-only", "warn"),
    h("span", { class: "soft small" }, `since ${date(created_at)}`),
  );
}
