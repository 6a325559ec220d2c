/** A chart of what was spent, and the same as a table for who cannot see it or wants the figures. */

import { columns, h, svg } from "../lib/dom.js";
import { money, shortDay, title } from "../lib/format.js";
import { axisTop } from "../rules/spending.js";

/** @import { Day } from "../rules/spending.js" */

/** @typedef {ReturnType<typeof import("../rules/spending.js").spendingByDay>} Spending */

const HEIGHT = 100;
const SLOT = 10;
const WIDTH = 7;

/** @param {Spending} spending @param {string | null} since Set where the statement was too long to be read whole. */
export function spendingView(spending, since) {
  if (spending.total === 0) return [h("p.empty", "Nothing was spent in the last 30 days.")];
  const kinds = Object.keys(spending.totals).sort((one, other) => spending.totals[other] - spending.totals[one]);
  return [
    h("p.figure", money(spending.total), h("span.soft", " in the last 30 days")),
    h(
      "ul.legend",
      kinds.map((kind) =>
        h("li", { class: `kind-${kind}` }, title(kind), " ", h("strong", money(spending.totals[kind]))),
      ),
    ),
    chart(spending, kinds),
    since !== null &&
      h(
        "p.soft.small",
        `There were more transactions than are read here: days before ${shortDay(since)} may be incomplete.`,
      ),
    h("details.figures", { id: "figures" }, h("summary", "Show as a table"), table(spending, kinds)),
  ];
}

/** @param {Spending} spending @param {string[]} kinds */
function chart({ days, total }, kinds) {
  const top = axisTop(Math.max(...days.map((day) => day.total)));
  const highest = days.reduce((most, day) => (day.total > most.total ? day : most));
  const words = `${money(total)} in 30 days, most on ${shortDay(highest.day)}: ${money(highest.total)}.`;
  const bars = svg(
    "svg",
    {
      viewBox: `0 0 ${days.length * SLOT} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `Spending by day. ${words}`,
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
  const told = kinds
    .filter((kind) => day.byKind[kind] > 0)
    .map((kind) => `\n${title(kind)} ${money(day.byKind[kind])}`);
  return svg(
    "g",
    svg("title", `${shortDay(day.day)}: ${money(day.total)}`, ...told),
    svg("rect.hover", { x: index * SLOT, y: 0, width: SLOT, height: HEIGHT }),
    parts,
  );
}

/** @param {Spending} spending @param {string[]} kinds */
function table({ days }, kinds) {
  const spent = days.filter((day) => day.total > 0).reverse();
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": "Spending by day and kind" },
    h(
      "table.numbers",
      columns(["Day"], ...kinds.map((kind) => [title(kind)]), ["Total"]),
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
