/** Which view is shown: named by the address, led to by links, marked in the navigation. */

const FIRST = "overview";

/** Sections that had an address of their own when the page was one long scroll, and what is linked to inside a view. */
const SECTIONS = /** @type {Record<string, string>} */ ({
  plan: FIRST,
  resources: "usage",
  months: "usage",
  transactions: "wallet",
  check: "wallet",
  "who-spent": "spending",
  prices: "spending",
  tools: "earnings",
});

/**
 * The view that a name leads to, and the section in it where it names one.
 *
 * @param {string} named Without its `#`.
 * @param {string[]} views
 */
export function placeOf(named, views) {
  if (views.includes(named)) return { view: named, section: null };
  const view = SECTIONS[named];
  return view ? { view, section: named } : { view: FIRST, section: null };
}

/**
 * Follow links to views, and the browser's buttons for back and forward.
 *
 * @param {ShadowRoot} root
 * @param {boolean} addressed Whether the address says which view is shown. A page that has another use for its fragment
 *   keeps it.
 * @param {(named: string) => void} show
 * @param {AbortSignal} signal
 */
export function followLinks(root, addressed, show, signal) {
  root.addEventListener(
    "click",
    (event) => {
      const { button, metaKey, ctrlKey, shiftKey, altKey } = /** @type {MouseEvent} */ (event);
      const link = /** @type {HTMLElement} */ (event.target).closest?.("a");
      // Links out of the page, such as to Stripe's, have no fragment.
      if (!link?.hash || link.origin !== location.origin) return;
      if (button !== 0 || metaKey || ctrlKey || shiftKey || altKey) return;
      event.preventDefault();
      const named = link.hash.slice(1);
      if (addressed && location.hash !== `#${named}`) location.hash = named;
      else show(named);
    },
    { signal },
  );
  if (addressed) addEventListener("hashchange", () => show(addressedPlace()), { signal });
}

/** The address of a view, or of a section of one. @param {string} named */
export function addressOf(named) {
  return `${location.href.split("#")[0]}#${named}`;
}

/** What the address names. */
export function addressedPlace() {
  return location.hash.slice(1);
}

/** @param {HTMLElement} nav @param {string} view */
export function mark(nav, view) {
  for (const link of nav.querySelectorAll("a")) {
    if (link.hash !== `#${view}`) {
      link.removeAttribute("aria-current");
      continue;
    }
    link.setAttribute("aria-current", "page");
    // On a phone the navigation is one line, wider than the window.
    const { offsetLeft, offsetWidth } = link;
    nav.scrollTo({ left: offsetLeft - (nav.clientWidth - offsetWidth) / 2 });
  }
}
