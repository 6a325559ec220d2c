/** Building the page. Whatever is shown goes in as text: nothing that the API says is ever parsed as HTML. */

/** @import { Tone } from "../types.js" */

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Record<string, any>} Props `on` (listeners by event), `css` (custom properties); all else are attributes. */

/**
 * An element, such as `h("p.soft.small", { id: "note" }, "text")`: a tag with its classes, props where there are any,
 * and children. False and null leave an attribute or a child out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag | `${Tag}.${string}`} named
 * @param {...(Props | Child | Child[])} given
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(named, ...given) {
  const [tag, ...classes] = named.split(".");
  return fill(document.createElement(/** @type {Tag} */ (tag)), classes, given);
}

/** The same for SVG. @param {string} named @param {...(Props | Child | Child[])} given */
export function svg(named, ...given) {
  const [tag, ...classes] = named.split(".");
  return fill(document.createElementNS(SVG, tag), classes, given);
}

/**
 * @template {HTMLElement | SVGElement} Made
 * @param {Made} element
 * @param {string[]} classes
 * @param {any[]} given
 * @returns {Made}
 */
function fill(element, classes, given) {
  const hasProps = given[0]?.constructor === Object;
  const { on = {}, css = {}, ...attributes } = /** @type {Props} */ (hasProps ? given[0] : {});
  const children = hasProps ? given.slice(1) : given;
  if (classes.length > 0) element.setAttribute("class", classes.join(" "));
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
  const made = h("button.button", { type: "button", ...props, on: { click: () => whileBusy(made, act) } }, label);
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
  if (!URL.canParse(address, location.href)) return null;
  const url = new URL(address, location.href);
  return ["https:", "http:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** A link, or nothing where the address is not one to follow. */
/** @param {string} label @param {string} address @param {Record<string, any>} [props] */
export function link(label, address, props = {}) {
  const href = safeUrl(address);
  return href === null ? null : h("a", { href, ...props }, label);
}

/**
 * Put nodes in place of what an element holds. Details that the reader opened or closed stay so; where the focus was on
 * something that is gone, it goes to what has its id now, or else to `near`.
 *
 * @param {HTMLElement} element
 * @param {Node[]} nodes
 * @param {HTMLElement} near
 */
export function refill(element, nodes, near) {
  const root = /** @type {Document | ShadowRoot} */ (element.getRootNode());
  const focused = root.activeElement && element.contains(root.activeElement) ? root.activeElement : null;
  const opened = new Map(details(element).map(({ id, open }) => [id, open]));
  element.replaceChildren(...nodes);
  for (const one of details(element)) one.open = opened.get(one.id) ?? one.open;
  if (focused) (root.getElementById(focused.id) ?? near).focus();
}

/** @param {HTMLElement} element @returns {HTMLDetailsElement[]} Those that have a name. */
function details(element) {
  return [...element.querySelectorAll("details")].filter(({ id }) => id);
}

/** @param {string} text @param {Tone} [tone] */
export function badge(text, tone = "plain") {
  return h("span", { class: `badge ${tone}` }, text);
}

/** The head of a table. @param {...string[]} named Each column's name and class. */
export function columns(...named) {
  const heads = named.map(([name, of]) => h("th", { scope: "col", class: of }, name));
  return h("thead", h("tr", heads));
}
