/**
 * The custom element `<aerostack-billing>`: the billing page, in another app's page. See docs/dashboard.md.
 *
 * Attributes: `api-base-url`, `sales-url`, `keep-address` (the fragment of the address stays the app's own),
 * `whole-page` (with the page's own header). Properties: `getToken`, or `config` for all at once.
 */

import { h } from "./lib/dom.js";
import { startPage } from "./page.js";

/** @import { Config } from "./types.js" */

const STYLES = ["base", "controls", "frame", "plans", "wallet"];

export class AerostackBilling extends HTMLElement {
  /** @type {Config | null} */
  #config = null;
  /** @type {AbortController | null} Aborted where the element leaves the document. */
  #shown = null;

  connectedCallback() {
    // What was set before this module was loaded hides the accessors.
    for (const name of /** @type {const} */ (["config", "getToken"])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      Object.assign(this, { [name]: value });
    }
    // Setting one of them may have begun it: once is enough, since what Stripe told by the address is taken from it.
    if (this.#shown === null) this.#restart();
  }

  disconnectedCallback() {
    this.#shown?.abort();
    this.#shown = null;
  }

  get config() {
    return this.#config;
  }

  set config(value) {
    this.#config = value;
    this.#restart();
  }

  get getToken() {
    return this.#config?.getToken ?? null;
  }

  /** Hands in the reader's bearer token, as in config.js. Nothing is shown before it is there. */
  set getToken(value) {
    this.#config = value && {
      apiBaseUrl: this.getAttribute("api-base-url") ?? "",
      getToken: value,
      signIn: null,
      salesUrl: this.getAttribute("sales-url") ?? "",
    };
    this.#restart();
  }

  #restart() {
    this.#shown?.abort();
    this.#shown = null;
    if (!this.isConnected || this.#config === null) return;
    this.#shown = new AbortController();
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const frame = h("div.page", { hidden: true });
    const styles = STYLES.map((name) =>
      h("link", { rel: "stylesheet", href: new URL(`styles/${name}.css`, import.meta.url).href }),
    );
    root.replaceChildren(...styles, frame);
    void Promise.all(styles.map(settled)).then(() => (frame.hidden = false));
    startPage(root, frame, this.#config, {
      whole: this.hasAttribute("whole-page"),
      addressed: !this.hasAttribute("keep-address"),
      signal: this.#shown.signal,
    });
  }
}

/** @param {HTMLLinkElement} link */
function settled(link) {
  return new Promise((resolve) => {
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
  });
}

customElements.define("aerostack-billing", AerostackBilling);
