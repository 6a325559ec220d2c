/** What was spent: by day, by whom, and at which prices. */

import { columns, h, svg } from "../lib/dom.js";
import { money, shortDay, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { axisTop, spendingByDay } from "../rules/spending.js";
import { breakdown } from "./breakdown.js";
import { pricesView } from "./prices.js";

/** @import { Day } from "../rules/spending.js" */
/** @import { View } from "../types.js" */

/** @typedef {ReturnType<typeof spendingByDay>} Spending */

const HEIGHT = 100;
const SLOT = 10;
const WIDTH = 7;

/** @param {View} view */
export function view(view) {
  return [
    panel(view, {
      id: "by-day",
      title: t("spending.byDay"),
      needs: ["days", "forecast"],
      lines: 10,
      render: (spend, forecast) => spendingView(spendingByDay(spend, view.now()), forecast?.spending?.projected_cents ?? null),
    }),
    breakdown(view),
    panel(view, { id: "prices", title: t("prices.title"), needs: ["prices"], render: pricesView }),
  ];
}

/** A chart, and the same as a table for who cannot see it or wants the figures. @param {Spending} spending @param {number | null} projected Cents, of this month. */
function spendingView(spending, projected) {
  const kinds = Object.keys(spending.totals).sort((one, other) => spending.totals[other] - spending.totals[one]);
  if (kinds.length === 0) return [h("p.empty", t("spending.nothing"))];
  return [
    h("p.figure", money(spending.total), h("span.soft", ` ${t("spending.days")}`)),
    projected !== null && h("p.soft", t("pace.spending", { amount: money(Math.round(projected)) })),
    h(
      "ul.legend",
      kinds.map((kind) =>
        h("li", { class: `kind-${kind}` }, title(kind), " ", h("strong", money(spending.totals[kind]))),
      ),
    ),
    chart(spending, kinds),
    h("details.figures", { id: "figures" }, h("summary", t("chart.table")), table(spending, kinds)),
  ];
}

/** @param {Spending} spending @param {string[]} kinds */
function chart({ days, total }, kinds) {
  const top = axisTop(Math.max(...days.map((day) => day.total)));
  const highest = days.reduce((most, day) => (day.total > most.total ? day : most));
  const words = t("spending.chart", {
    total: money(total),
    day: shortDay(highest.day),
    most: money(highest.total),
  });
  const bars = svg(
    "svg",
    {
      viewBox: `0 0 ${days.length * SLOT} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": words,
    },
    days.map((day, index) => column(day, index, kinds, top)),
  );
  const axis = (/** @type {number} */ part) => h("span", money(top * part, { whole: true }));
  return h(
    "div.chart",
    h("div.chart-y", { "aria-hidden": "true" }, axis(1), axis(0.5), axis(0)),
    h("div.chart-plot", bars),
    h(
      "div.chart-x",
      { "aria-hidden": "true" },
      [0, 10, 20, 29].map((at) => h("span", shortDay(days[at].day))),
    ),
  );
}

/** One day's kinds, one upon the other. @param {Day} day @param {number} index @param {string[]} kinds @param {number} top */
function column(day, index, kinds, top) {
  let y = HEIGHT;
  const parts = kinds
    .filter((kind) => day.byKind[kind] > 0)
    .map((kind) => {
      const height = (day.byKind[kind] / top) * HEIGHT;
      y -= height;
      return svg("rect", { class: `kind-${kind}`, x: index * SLOT + (SLOT - WIDTH) / 2, y, width: WIDTH, height });
    });
  const told = kinds.filter((kind) => kind in day.byKind).map((kind) => `\n${title(kind)} ${money(day.byKind[kind])}`);
  return svg(
    "g",
    svg("title", `${shortDay(day.day)}: ${money(day.total)}`, ...told),
    svg("rect.hover", { x: index * SLOT, y: 0, width: SLOT, height: HEIGHT }),
    parts,
  );
}

/** @param {Spending} spending @param {string[]} kinds */
function table({ days }, kinds) {
  const spent = days.filter((day) => Object.keys(day.byKind).length > 0).reverse();
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": t("spending.table") },
    h(
      "table.numbers",
      columns([t("table.day")], ...kinds.map((kind) => [title(kind)]), [t("table.total")]),
      h(
        "tbody",
        spent.map((day) =>
          h(
            "tr",
            h("th", { scope: "row" }, shortDay(day.day)),
            kinds.map((kind) => h("td", money(day.byKind[kind] ?? 0))),
            h("td", money(day.total)),
          ),
        ),
      ),
    ),
  );
}
