/** A section of the page that waits for its data, says when it cannot be had, and shows it again when it changes. */

import { button, h, refill } from "./dom.js";
import { explain } from "./errors.js";

/** @import { Store } from "./store.js" */

/**
 * @param {Store} store
 * @param {string} id Of the section; the page's navigation leads there.
 * @param {string} title
 * @param {string[]} needs The parts that must be there.
 * @param {(...data: any[]) => (Node | null | false)[]} render The body, from the parts' data.
 */
export function panel(store, id, title, needs, render) {
  const heading = h("h2", { id: `${id}-title`, tabindex: "-1" }, title);
  const body = h("div.panel-body");
  const section = h("section.panel", { id, "aria-labelledby": heading.id }, heading, body);

  function update() {
    const parts = needs.map((name) => store.parts[name] ?? {});
    const failed = parts.find((part) => part.error);
    section.setAttribute("aria-busy", String(!failed && parts.some((part) => part.data === undefined)));
    if (failed)
      return refill(
        body,
        failure(failed.error, () => store.retry(needs)),
        heading,
      );
    if (parts.some((part) => part.data === undefined)) return refill(body, [skeleton()], heading);
    const nodes = render(...parts.map((part) => part.data)).filter((node) => node instanceof Node);
    refill(body, nodes, heading);
  }

  store.on(needs, update);
  update();
  return section;
}

function skeleton() {
  return h("div.skeleton", h("span"), h("span"), h("span"), h("p.sr-only", "Loading…"));
}

/** @param {unknown} error @param {() => unknown} retry */
function failure(error, retry) {
  return [h("div.failure", h("p", { role: "alert" }, explain(error)), button("Try again", retry))];
}
