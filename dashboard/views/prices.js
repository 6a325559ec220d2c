/** The price book: what a million tokens of each model cost. */

import { columns, h } from "../lib/dom.js";
import { date, percent } from "../lib/format.js";
import { t } from "../lib/words.js";

/** @import { PriceBook } from "../types.js" */

/** @param {PriceBook} book */
export function pricesView({ version, markup_bps, models }) {
  const words = [t("prices.text", { date: date(version) })];
  if (markup_bps > 0) words.push(t("prices.markup", { part: percent(markup_bps / 10_000) }));
  words.push(t("prices.rounded"));
  return [
    h("p.soft", words.join(" ")),
    h(
      "details.figures",
      { id: "price-book" },
      h("summary", t("prices.show", { n: models.length })),
      h(
        "div.scroll",
        { tabindex: "0", role: "region", "aria-label": t("prices.table") },
        h(
          "table.numbers",
          columns(
            [t("prices.model")],
            [t("prices.input")],
            [t("prices.output")],
            [t("prices.read")],
            [t("prices.write")],
          ),
          h(
            "tbody",
            models.map(({ model, input, output, cache_read, cache_write }) =>
              h(
                "tr",
                h("th", { scope: "row" }, model),
                [input, output, cache_read, cache_write].map((price) => h("td", price === null ? t("prices.asInput") : `$${price}`)),
              ),
            ),
          ),
        ),
      ),
    ),
  ];
}
