/** A counter with its bar. */

import { h } from "../lib/dom.js";
import { title } from "../lib/format.js";
import { t } from "../lib/words.js";
import { amount, barOf, graceMatters, wordsOf } from "../rules/usage.js";

/** @import { Metric } from "../types.js" */

/** @param {string} name @param {Metric} metric @param {Node | string | null} [aside] What more there is to say of it. */
export function meter(name, metric, aside = null) {
  const { tone, text } = wordsOf(name, metric);
  const used = amount(name, metric.used);
  const limit = metric.limit === null ? t("usage.unlimited") : amount(name, metric.limit);
  const figures = h("span", h("strong", used), h("span.soft", ` ${t("usage.of", { limit })}`));
  return h(
    "div",
    { class: `meter ${tone}${metric.used === 0 ? " idle" : ""}`, "data-metric": name },
    h("p.meter-head", h("span", title(name)), figures),
    bar(title(name), metric, `${used} ${t("usage.of", { limit })}. ${text}`),
    h("p.meter-note.small", text),
    aside,
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
