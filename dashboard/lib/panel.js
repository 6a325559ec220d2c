/** A section of a view that waits for its data, says when it cannot be had, and shows it again when it changes. */

import { button, h, refill } from "./dom.js";
import { explain } from "./errors.js";
import { t } from "./words.js";

/** @import { View } from "../types.js" */

/**
 * @param {View} view
 * @param {object} of
 * @param {string} of.id Of the section.
 * @param {string} of.title
 * @param {string[]} of.needs The parts that must be there. They are fetched.
 * @param {string[]} [of.also] Parts that are shown where they are there, and not waited for. They are fetched too.
 * @param {(...data: any[]) => (Node | null | false)[] | null} of.render The body, from the parts' data; null where there
 *   is nothing to show, and no section then.
 * @param {string} [of.look] Further classes.
 * @param {number} [of.lines] How many lines it will have, about: so much room is kept while it loads.
 */
export function panel({ store, signal }, { id, title, needs, also = [], render, look = "", lines = 4 }) {
  const heading = h("h2", { id: `${id}-title`, tabindex: "-1" }, title);
  const body = h("div.panel-body");
  const section = h("section", { id, class: `panel ${look}`, "aria-labelledby": heading.id }, heading, body);

  function update() {
    const parts = needs.map((name) => store.parts[name] ?? {});
    const failed = parts.find((part) => part.error);
    const waits = !failed && parts.some((part) => part.data === undefined);
    section.setAttribute("aria-busy", String(waits));
    section.hidden = false;
    if (failed)
      return refill(
        body,
        failure(failed.error, () => store.retry(needs)),
        heading,
      );
    if (waits) return refill(body, [skeleton(lines)], heading);
    const nodes = render(...[...needs, ...also].map((name) => store.data(name)));
    section.hidden = nodes === null;
    refill(body, /** @type {Node[]} */ ((nodes ?? []).filter((node) => node instanceof Node)), heading);
  }

  store.on([...needs, ...also], update, signal);
  update();
  void store.ensure([...needs, ...also]);
  return section;
}

/** @param {number} lines */
function skeleton(lines) {
  return h(
    "div.skeleton",
    Array.from({ length: lines }, () => h("span")),
    h("p.sr-only", t("panel.loading")),
  );
}

/** @param {unknown} error @param {() => unknown} retry */
function failure(error, retry) {
  return [h("div.failure", h("p", { role: "alert" }, explain(error)), button(t("panel.retry"), retry))];
}
