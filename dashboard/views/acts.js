/** Buttons and links for what the rules say can be done. */

import { button, h, link } from "../lib/dom.js";

/** @import { Act, Notice } from "../types.js" */

/** @typedef {Record<string, (...asked: any[]) => unknown>} Acts The page's acts by name. */

/**
 * @param {Act[]} wanted
 * @param {Acts} acts
 * @param {string} id What the ids of the controls begin with.
 * @param {boolean} [urgent] Whether the first of them is what the reader should do.
 */
export function controls(wanted, acts, id, urgent = false) {
  return wanted.map(({ label, act, href }, index) => {
    const props = { id: `${id}-${act ?? index}`, class: urgent && index === 0 ? "button primary" : "button" };
    if (href) return link(label, href, props);
    return button(label, acts[act ?? ""], props);
  });
}

/** @param {Notice} notice @param {Acts} acts */
export function noticeBox(notice, acts) {
  return h(
    "div",
    { class: `notice ${notice.tone}`, id: `notice-${notice.id}` },
    h("div", h("h3", notice.title), h("p", notice.text)),
    notice.acts.length > 0 &&
      h("div.actions", controls(notice.acts, acts, `notice-${notice.id}`, notice.tone === "bad")),
  );
}
