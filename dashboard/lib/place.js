/** Where on the page the reader is: the address leads to a section, and the navigation marks the one that is read. */

/**
 * Go to the section that the address names, now that it has its place. Who has moved already is left where they are.
 *
 * @param {boolean} moved
 */
export function goToAddressed(moved) {
  const section = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
  if (!section || moved) return;
  section.scrollIntoView();
  section.querySelector("h2")?.focus({ preventScroll: true });
}

/**
 * Mark, in the navigation, the section that is read: the last one whose heading has come to the upper third.
 *
 * @param {HTMLElement} nav
 */
export function markPlace(nav) {
  const mark = () => {
    const links = [...nav.querySelectorAll("a")];
    const line = innerHeight / 3;
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const begun = links.filter((link) => {
      const section = document.getElementById(link.hash.slice(1));
      return section && (atEnd || section.getBoundingClientRect().top <= line);
    });
    const current = (atEnd && links.find((link) => link.hash === location.hash)) || begun.at(-1) || links[0];
    for (const link of links) {
      if (link === current) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", mark, { passive: true });
  addEventListener("hashchange", mark);
  return mark;
}
