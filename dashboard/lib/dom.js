/** Building the page. Whatever is shown goes in as text: nothing that the API says is ever parsed as HTML. */

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: `class`, `on` (listeners by event), `css` (custom properties); all else are attributes. False and null
 * leave an attribute or a child out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. @param {string} tag @param {Record<string, any>} [props] @param {...(Child | Child[])} children */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/**
 * @template {HTMLElement | SVGElement} Made
 * @param {Made} element
 * @param {Record<string, any>} props
 * @param {(Child | Child[])[]} children
 * @returns {Made}
 */
function fill(element, { on = {}, css = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  // By the object model: the Content-Security-Policy refuses style attributes.
  for (const [name, value] of Object.entries(css)) element.style.setProperty(name, String(value));
  element.append(
    ...children
      .flat()
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map(asNode),
  );
  return element;
}

/** @param {any} child */
function asNode(child) {
  return child instanceof Node ? child : String(child);
}

/**
 * A button that is busy while its act is under way, so that pressing twice acts once.
 *
 * @param {string} label
 * @param {() => unknown} act May return a promise.
 * @param {Record<string, any>} [props]
 */
export function button(label, act, props = {}) {
  const made = h(
    "button",
    { type: "button", class: "button", ...props, on: { click: () => whileBusy(made, act) } },
    label,
  );
  return made;
}

/** @param {HTMLElement} element @param {() => unknown} act */
export async function whileBusy(element, act) {
  if (element.getAttribute("aria-busy") === "true") return;
  element.setAttribute("aria-busy", "true");
  try {
    await act();
  } finally {
    element.removeAttribute("aria-busy");
  }
}

/**
 * An address that a reader may be sent to; null for one that would run something, such as `javascript:`.
 *
 * @param {string} address
 */
export function safeUrl(address) {
  const url = new URL(address, location.href);
  return ["https:", "http:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** A link, or nothing where the address is not one to follow. */
/** @param {string} label @param {string} address @param {Record<string, any>} [props] */
export function link(label, address, props = {}) {
  const href = safeUrl(address);
  return href === null ? null : h("a", { href, ...props }, label);
}

/** @param {string} text @param {import("../types.js").Tone} [tone] */
export function badge(text, tone = "plain") {
  return h("span", { class: `badge ${tone}` }, text);
}

/** The head of a table. @param {...string[]} named Each column's name and class. */
export function columns(...named) {
  const heads = named.map(([name, of]) => h("th", { scope: "col", class: of }, name));
  return h("thead", {}, h("tr", {}, heads));
}
