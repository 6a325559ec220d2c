/** Where the page stands in its document: in the shadow of its element, so that neither's styles reach the other. */

/** @type {ShadowRoot | null} A document has one billing page. */
let stage = null;

/** @param {ShadowRoot} root */
export function enter(root) {
  stage = root;
}

/** Where a dialog is put. */
export function floor() {
  return stage ?? document.body;
}

/** @param {string} id */
export function byId(id) {
  return (stage ?? document).getElementById(id);
}

/** What has the focus; null where nothing of the page has it. @returns {HTMLElement | null} */
export function focused() {
  const active = (stage ?? document).activeElement;
  return active === document.body ? null : /** @type {HTMLElement | null} */ (active);
}
