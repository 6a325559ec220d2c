/** This month's counters, and storage, against their limits. */

import { h } from "../lib/dom.js";
import { month, title } from "../lib/format.js";
import { amount, barOf, graceMatters, resetWords, spanWords, wordsOf } from "../rules/usage.js";

/** @import { Metric, Usage } from "../types.js" */

/** @param {Usage} usage @param {Date} now */
export function usageView(usage, now) {
  const meters = Object.entries(usage.usage).map(([name, metric]) => h("li", meter(name, metric)));
  return [
    h("p.soft", h("strong", month(usage.period)), ". ", resetWords(usage.period, now), ".", spanWords(usage.tier)),
    h("ul.meters", meters),
  ];
}

/** A counter with its bar. @param {string} name @param {Metric} metric */
function meter(name, metric) {
  const { tone, text } = wordsOf(name, metric);
  const used = amount(name, metric.used);
  const limit = metric.limit === null ? "unlimited" : amount(name, metric.limit);
  const figures = h("span", h("strong", used), h("span.soft", ` of ${limit}`));
  return h(
    "div",
    { class: `meter ${tone}${metric.used === 0 ? " idle" : ""}`, "data-metric": name },
    h("p.meter-head", h("span", title(name)), figures),
    bar(title(name), metric, `${used} of ${limit}. ${text}`),
    h("p.meter-note.small", text),
  );
}

/** The bar, with the zone of grace drawn behind the limit. @param {string} label @param {Metric} metric @param {string} words */
function bar(label, metric, words) {
  const drawn = barOf(metric);
  if (!drawn) return null;
  const value = {
    "aria-valuemin": "0",
    "aria-valuemax": String(Math.max(metric.hard_limit ?? 0, metric.used, 1)),
    "aria-valuenow": String(metric.used),
    "aria-valuetext": words,
  };
  return h(
    "div.bar",
    {
      role: "meter",
      "aria-label": label,
      ...value,
      css: { "--fill": drawn.fill, "--limit": drawn.limitAt, "--grace": drawn.graceTo },
    },
    graceMatters(metric) && h("span.bar-grace"),
    h("span.bar-fill"),
    graceMatters(metric) && drawn.limitAt < 1 && h("span.bar-limit"),
  );
}
