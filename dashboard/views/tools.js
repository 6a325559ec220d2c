/** A creator's tools with their prices: published, changed and taken away in place. */

import { Invalid, openDialog } from "../lib/dialog.js";
import { button, columns, h } from "../lib/dom.js";
import { amountField, textField } from "../lib/fields.js";
import { money, parsePrice, price } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";

/** @import { Tool, View } from "../types.js" */

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:@|+=,-]{0,127}$/;
const MOST_CENTS = 10_000;

/** @param {View} view */
export function tools(view) {
  const acts = createActs(view);
  return panel(view, {
    id: "tools",
    title: t("tools.title"),
    needs: ["tools"],
    lines: 5,
    render: ({ tools }) => [
      tools.length === 0 ? h("p.empty", t("tools.none")) : table(tools, acts),
      h("div.actions", button(t("tools.add"), () => acts.publish(null), { id: "tool-add" })),
    ],
  });
}

/** @param {View} view */
function createActs({ api, store, tell }) {
  const path = (/** @type {string} */ id) => `/api/creators/tools/${encodeURIComponent(id)}`;
  return {
    publish: (/** @type {Tool | null} */ tool) =>
      askTool(tool, async (id, body) => {
        await api.put(path(id), body);
        await store.load("tools");
        tell("good", t(tool === null ? "tools.published" : "tools.changed", { name: body.name, price: money(body.price_cents) }));
      }),
    remove: (/** @type {Tool} */ { tool_id, name }) =>
      openDialog({
        title: t("tools.removeTitle", { name }),
        body: [h("p", t("tools.removeText"))],
        submit: t("act.remove"),
        danger: true,
        act: async () => {
          await api.del(path(tool_id));
          await store.load("tools");
          tell("good", t("tools.removed", { name }));
        },
      }),
  };
}

/** @param {Tool[]} tools @param {ReturnType<typeof createActs>} acts */
function table(tools, { publish, remove }) {
  return h(
    "table.statement.tools",
    h("caption.sr-only", t("tools.title")),
    columns([t("tools.name"), "what"], [t("tools.price"), "sum"], [t("tools.acts"), "does"]),
    h(
      "tbody",
      tools.map((tool) => {
        const { tool_id, name, price_cents } = tool;
        const id = tool_id.replaceAll(/[^A-Za-z0-9_-]/g, "-");
        return h(
          "tr",
          h("td.what", h("span", name), h("span.reference.soft.small", tool_id)),
          h("td.sum", price_cents === 0 ? t("tools.free") : money(price_cents)),
          h(
            "td.does",
            h(
              "div.actions.end",
              button(t("act.change"), () => publish(tool), {
                id: `tool-change-${id}`,
                "aria-label": t("tools.changeOf", { name }),
              }),
              button(t("act.remove"), () => remove(tool), {
                id: `tool-remove-${id}`,
                "aria-label": t("tools.removeOf", { name }),
              }),
            ),
          ),
        );
      }),
    ),
  );
}

/**
 * @param {Tool | null} tool The one that is changed; null for a new one.
 * @param {(id: string, body: {name: string, price_cents: number}) => Promise<unknown>} act
 */
function askTool(tool, act) {
  const id = textField("tool_id", t("tools.id"), "", t("tools.idHint"), { spellcheck: "false" });
  const name = textField("name", t("tools.name"), tool?.name ?? "");
  const amount = amountField("price_cents", t("tools.priceLabel"), tool ? price(tool.price_cents) : "", t("tools.priceHint"));
  openDialog({
    title: tool === null ? t("tools.add") : t("tools.changeOf", { name: tool.name }),
    body: [h("p.soft", t("tools.text"))],
    fields: tool === null ? [name, id, amount] : [name, amount],
    submit: t("act.save"),
    act: () => {
      const chosen = tool?.tool_id ?? id.input.value.trim();
      const cents = parsePrice(amount.input.value);
      if (name.input.value.trim() === "") throw new Invalid("name", t("tools.invalidName"));
      if (!ID.test(chosen)) throw new Invalid("tool_id", t("tools.invalidId"));
      if (cents === null || cents > MOST_CENTS) throw new Invalid("price_cents", t("tools.invalidPrice"));
      return act(chosen, { name: name.input.value.trim(), price_cents: cents });
    },
  });
}
