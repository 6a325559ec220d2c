/** The price book: what a million tokens of each model cost. */

import { columns, h } from "../lib/dom.js";
import { date } from "../lib/format.js";

/** @import { PriceBook } from "../types.js" */

/** @param {PriceBook} book */
export function pricesView({ version, markup_bps, models }) {
  const added = markup_bps > 0 ? ` ${markup_bps / 100} % is added to them.` : "";
  return [
    h("p.soft", `Dollars for a million tokens, as of ${date(version)}.${added} Each charge is rounded up once, to a millionth of a dollar.`),
    h(
      "details.figures",
      { id: "price-book" },
      h("summary", `Show ${models.length} models`),
      h(
        "div.scroll",
        { tabindex: "0", role: "region", "aria-label": "Prices by model" },
        h(
          "table.numbers",
          columns(["Model"], ["Input"], ["Output"], ["Cache read"], ["Cache write"]),
          h(
            "tbody",
            models.map(({ model, input, output, cache_read, cache_write }) =>
              h(
                "tr",
                h("th", { scope: "row" }, model),
                [input, output, cache_read, cache_write].map((price) => h("td", price === null ? "As input" : `$${price}`)),
              ),
            ),
          ),
        ),
      ),
    ),
  ];
}
