/** A section of the page that waits for its data, says when it cannot be had, and shows it anew when it changes. */

import { button, h } from "./dom.js";
import { explain } from "./errors.js";

/**
 * @param {import("./store.js").Store} store
 * @param {string} id Of the section; the page's navigation leads there.
 * @param {string} title
 * @param {string[]} needs The parts that must be there.
 * @param {(...data: any[]) => (Node | null | false)[]} render The body, from the parts' data.
 */
export function panel(store, id, title, needs, render) {
  const heading = h("h2", { id: `${id}-title`, tabindex: "-1" }, title);
  const body = h("div", { class: "panel-body" });
  const section = h("section", { id, "aria-labelledby": heading.id, class: "panel" }, heading, body);

  function update() {
    const parts = needs.map((name) => store.parts[name] ?? {});
    const failed = parts.find((part) => part.error);
    section.setAttribute("aria-busy", String(!failed && parts.some((part) => part.data === undefined)));
    if (failed) return show(failure(failed.error, () => store.retry(needs)));
    if (parts.some((part) => part.data === undefined)) return show([skeleton()]);
    return show(render(...parts.map((part) => part.data)).filter((node) => node instanceof Node));
  }

  /** @param {Node[]} nodes */
  function show(nodes) {
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    body.replaceChildren(...nodes);
    // What the reader was on may be gone: the focus stays as near as can be.
    if (focused) (document.getElementById(focused.id) ?? heading).focus();
  }

  store.on(needs, update);
  update();
  return section;
}

function skeleton() {
  return h(
    "div",
    { class: "skeleton" },
    h("span", {}),
    h("span", {}),
    h("span", {}),
    h("p", { class: "sr-only" }, "Loading…"),
  );
}

/** @param {unknown} error @param {() => unknown} retry */
export function failure(error, retry) {
  return [h("div", { class: "failure" }, h("p", { role: "alert" }, explain(error)), button("Try again", retry))];
}
