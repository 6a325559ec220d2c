/** The usage of the last twelve months, one metric at a time: a chart, and the same as a table. */

import { columns, h, svg } from "../lib/dom.js";
import { month, monthName, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { amount } from "../rules/usage.js";
import { axisTop } from "../rules/spending.js";

/** @import { PastMonth, View } from "../types.js" */

const HEIGHT = 100;
const SLOT = 10;
const WIDTH = 6;

/** @param {View} view */
export function months(view) {
  const { store } = view;
  return panel(view, {
    id: "months",
    title: t("months.title"),
    needs: ["months", "metric"],
    lines: 10,
    render: (found, metric) => found && monthsView(found.history, metric, (name) => store.set("metric", name)),
  });
}

/** @param {PastMonth[]} history @param {string} chosen @param {(name: string) => void} choose */
function monthsView(history, chosen, choose) {
  const names = Object.keys(history.at(-1)?.usage ?? {});
  const metric = names.includes(chosen) ? chosen : names[0];
  const select = h(
    "select",
    { id: "months-metric", on: { change: () => choose(select.value) } },
    names.map((name) => h("option", { value: name, selected: name === metric }, title(name))),
  );
  return [
    h("div.filter", h("label", { for: select.id }, t("months.of")), select),
    chart(history, metric),
    h("details.figures", { id: "months-figures" }, h("summary", t("chart.table")), table(history, names)),
  ];
}

/** @param {PastMonth[]} history @param {string} metric */
function chart(history, metric) {
  const used = history.map(({ usage }) => usage[metric]?.used ?? 0);
  const most = Math.max(...used);
  const top = most === 0 ? 1 : axisTop(most);
  const words = t("months.chart", {
    name: title(metric),
    month: month(history[used.indexOf(most)].period),
    most: amount(metric, most),
  });
  const bars = svg(
    "svg",
    {
      viewBox: `0 0 ${history.length * SLOT} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": words,
    },
    history.map(({ period }, index) => {
      const height = (used[index] / top) * HEIGHT;
      return svg(
        "g",
        svg("title", `${month(period)}: ${amount(metric, used[index])}`),
        svg("rect.hover", { x: index * SLOT, y: 0, width: SLOT, height: HEIGHT }),
        svg("rect.kind-bot_conversation", {
          x: index * SLOT + (SLOT - WIDTH) / 2,
          y: HEIGHT - height,
          width: WIDTH,
          height,
        }),
      );
    }),
  );
  const axis = (/** @type {number} */ part) => h("span", amount(metric, top * part));
  return h(
    "div.chart",
    h("div.chart-y", { "aria-hidden": "true" }, axis(1), top > 1 && axis(0.5), axis(0)),
    h("div.chart-plot", bars),
    h(
      "div.chart-x.months",
      { "aria-hidden": "true" },
      history.map(({ period }) => h("span", monthName(period))),
    ),
  );
}

/** @param {PastMonth[]} history @param {string[]} names */
function table(history, names) {
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": t("months.table") },
    h(
      "table.numbers",
      columns([t("months.month")], ...names.map((name) => [title(name)])),
      h(
        "tbody",
        [...history].reverse().map(({ period, usage }) =>
          h(
            "tr",
            h("th", { scope: "row" }, month(period)),
            names.map((name) => h("td", amount(name, usage[name]?.used ?? 0))),
          ),
        ),
      ),
    ),
  );
}
