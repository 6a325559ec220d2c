/** A line of a list of figures. */

import { h } from "../lib/dom.js";

/** @import { Tone } from "../types.js" */

/** @param {string} term @param {string} value @param {Tone} [tone] */
export function pair(term, value, tone = "plain") {
  return h("div", { class: tone === "bad" ? "bad-text" : "" }, h("dt", term), h("dd", value));
}
