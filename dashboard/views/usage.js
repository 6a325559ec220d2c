/** This month's counters, and storage, against their limits; and what exists. */

import { h } from "../lib/dom.js";
import { month } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { paceOf } from "../rules/forecast.js";
import { resetWords, spanWords } from "../rules/usage.js";
import { months } from "./months.js";
import { meter } from "./meter.js";
import { resourcesView } from "./resources.js";

/** @import { Forecast, Usage, View } from "../types.js" */

/** @param {View} view */
export function view(view) {
  return [
    panel(view, {
      id: "this-month",
      title: t("usage.title"),
      needs: ["usage", "forecast"],
      lines: 14,
      render: (usage, forecast) => usageView(usage, forecast, view.now()),
    }),
    months(view),
    panel(view, {
      id: "resources",
      title: t("resources.title"),
      needs: ["resources"],
      lines: 10,
      render: resourcesView,
    }),
  ];
}

/** @param {Usage} usage @param {Forecast | null} forecast @param {Date} now */
function usageView(usage, forecast, now) {
  return [
    h("p.soft", h("strong", month(usage.period)), `. ${resetWords(usage.period, now)}. ${spanWords(usage.tier)}`),
    h(
      "ul.meters",
      Object.entries(usage.usage).map(([name, metric]) => h("li", meter(name, metric, pace(paceOf(forecast, name))))),
    ),
  ];
}

/** @param {string} words */
function pace(words) {
  return words === "" ? null : h("p.meter-note.small.pace", words);
}
