/** The page put together: who reads it, which view is shown, what is kept true while it is. */

import { createActs, createTell } from "./acts.js";
import { createApi, readOnly } from "./lib/api.js";
import { button, h } from "./lib/dom.js";
import { localClockLead } from "./lib/local.js";
import { addressOf, addressedPlace, followLinks, mark, placeOf } from "./lib/place.js";
import { createSession } from "./lib/session.js";
import { enter } from "./lib/stage.js";
import { Store } from "./lib/store.js";
import { language, t } from "./lib/words.js";
import { settleReturn, takeReturn, viewOfReturn } from "./returning.js";
import { isMoving } from "./rules/reload.js";
import { createSources } from "./sources.js";
import { linkedView, signInView } from "./views/sign-in.js";

/** @import { Config, View } from "./types.js" */

const STALE_AFTER_MS = 60_000;
const LOOK_AGAIN_MS = 5_000;

/** Each view is a module of its own, fetched when it is first shown. @type {Record<string, () => Promise<{view: (view: View) => Node[]}>>} */
const VIEWS = {
  overview: () => import("./views/overview.js"),
  plans: () => import("./views/plans.js"),
  usage: () => import("./views/usage.js"),
  wallet: () => import("./views/wallet.js"),
  spending: () => import("./views/spending.js"),
  budgets: () => import("./views/budgets.js"),
  invoices: () => import("./views/invoices.js"),
  notifications: () => import("./views/notifications.js"),
  earnings: () => import("./views/earnings.js"),
};

/** What an operator who looks at an account sees, by `?as=`. @type {typeof VIEWS} */
const OPERATORS_VIEWS = { timeline: () => import("./views/timeline.js") };
const OPERATORS_SCOPE = "billing:operate";

/**
 * @param {ShadowRoot} root
 * @param {HTMLElement} frame Where in it the page stands.
 * @param {Config} config
 * @param {object} how
 * @param {boolean} how.whole Whether the document is this page's own: it has a header, a title and an address then.
 * @param {boolean} how.addressed Whether the address names the view.
 * @param {AbortSignal} how.signal When to stop.
 */
export function startPage(root, frame, config, { whole, addressed, signal }) {
  enter(root);
  // Whom an operator looks at; empty on the page of an account's own user.
  const as = (whole && addressed && new URLSearchParams(location.search).get("as")) || "";
  const views = as ? OPERATORS_VIEWS : VIEWS;
  let returned = as ? {} : takeReturn();
  const who = h("div", { id: "who", class: "who" });
  const offline = h("p.offline", { id: "offline", role: "status", hidden: true }, t("page.offline"));
  const result = h("div.result", { id: "result", role: "status", "aria-live": "polite" });
  const nav = h("nav", { "aria-label": t("page.title"), hidden: true }, h("ul", Object.keys(views).map(leading)));
  const main = h(whole ? "main" : "div", { id: "main", class: "main", tabindex: "-1" });
  frame.lang = language;
  frame.replaceChildren(
    ...(whole ? [skip(main), h("header.top", h("div.top-in", brand(), who))] : []),
    h("div.frame", nav, h("div.content", offline, result, main)),
  );
  if (whole) document.documentElement.lang = language;

  const tell = createTell(result, main);
  const session = createSession(config, () => signIn(true), as ? "operator" : "");
  const made = createApi(config.apiBaseUrl, session);
  const api = as ? readOnly(made) : made;
  let clockLead = 0;
  const now = () => new Date(Date.now() + clockLead);
  let loadedAt = 0;
  let leaving = new AbortController();
  /** @type {Store | null} What is shown; null while nobody is signed in. */
  let shown = null;

  followLinks(root, addressed, (named) => shown && void open(named, true), signal);
  keepTrue();
  void start();

  async function start() {
    if (config.signIn === "local") clockLead = await localClockLead();
    const linked = session.linked();
    if (linked) {
      const passOver = () => (session.pass(), void start());
      main.replaceChildren(linkedView(linked.account, () => keep(linked.token), passOver));
      return;
    }
    // Whoever hands tokens in may fail: that is nobody signed in, and is said so.
    const token = await session.token({ expired: false }).catch(() => null);
    if (signal.aborted) return;
    if (token === null) signIn(false);
    else show();
  }

  /** @param {string} token */
  function keep(token) {
    session.keep(token);
    show();
  }

  /** @param {boolean} ended */
  function signIn(ended) {
    if (ended && shown === null) return;
    leaving.abort();
    shown = null;
    result.replaceChildren();
    for (const dialog of root.querySelectorAll("dialog")) dialog.close();
    nav.hidden = true;
    who.replaceChildren();
    main.replaceChildren(signInView(config.signIn, ended, keep, as ? OPERATORS_SCOPE : ""));
    if (ended) main.querySelector("h1")?.focus();
  }

  /** Build the page for who is signed in. */
  function show() {
    /** @type {Store} */
    const store = new Store(createSources(api, now, () => store));
    for (const [name, value] of Object.entries({ interval: null, type: "", metric: "", by: "kind", bill: "not yet" })) {
      store.set(name, value);
    }
    shown = store;
    loadedAt = Date.now();
    nav.hidden = Boolean(as);
    who.replaceChildren(
      h("span.account", session.account() ?? ""),
      ...(session.own ? [button(t("page.signOut"), () => session.expired(), { class: "button quiet" })] : []),
    );
    if (as) return void open(addressedPlace(), false);
    const told = returned;
    returned = {};
    store.set("settling", Boolean(told.session_id) || told.back === "plan");
    const place = addressed ? addressedPlace() : "";
    void open(place || viewOfReturn(told), false);
    void settleReturn(told, api, store, tell)
      .catch(() => {
        // The session ended meanwhile: what Stripe said is told after signing in again.
        returned = told;
      })
      .finally(() => store.set("settling", false));
  }

  /** Show the view that a name leads to. @param {string} named @param {boolean} moved Whether the reader went there. */
  async function open(named, moved) {
    const { view, section } = as ? { view: "timeline", section: null } : placeOf(named, Object.keys(views));
    leaving.abort();
    const turn = (leaving = new AbortController());
    const store = /** @type {Store} */ (shown);
    mark(nav, view);
    const heading = h("h1", { tabindex: "-1", id: "view-title" }, t(`nav.${view}`));
    const acts = createActs(api, store, tell);
    const shape = { store, acts, api, config, now, tell, signal: turn.signal, account: as, place: placeIn(named) };
    const parts = await views[view]().then(
      (module) => module.view,
      () => failed,
    );
    if (turn.signal.aborted) return;
    main.replaceChildren(heading, ...parts(shape));
    if (whole) document.title = `${t(`nav.${view}`)} · ${t("page.title")} · Aerostack`;
    lead(section, heading, moved);
  }

  /** Where the reader goes on: a section that was named, or the top. @param {string | null} section @param {HTMLElement} heading @param {boolean} moved */
  function lead(section, heading, moved) {
    const named = section && root.getElementById(section);
    if (named) {
      named.scrollIntoView();
      /** @type {HTMLElement | null} */ (named.querySelector("h2"))?.focus({ preventScroll: true });
    } else if (moved) {
      if (frame.getBoundingClientRect().top < 0) frame.scrollIntoView();
      heading.focus({ preventScroll: true });
    }
  }

  /** What is shown stays true: after a while away, when the connection is back, when the browser restores the page. */
  function keepTrue() {
    const catchUp = (/** @type {boolean} */ anyway) => {
      if (shown === null || (!anyway && Date.now() - loadedAt < STALE_AFTER_MS)) return;
      loadedAt = Date.now();
      const wanted = shown.wanted();
      shown.forget(wanted);
      void shown.load(...wanted);
    };
    const connection = () => {
      offline.hidden = navigator.onLine;
      if (navigator.onLine) catchUp(true);
    };
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && catchUp(false), {
      signal,
    });
    addEventListener("pageshow", (event) => event.persisted && catchUp(true), { signal });
    addEventListener("online", connection, { signal });
    addEventListener("offline", connection, { signal });
    offline.hidden = navigator.onLine;
    // A payment that is under way ends while the reader looks on.
    const looking = setInterval(() => {
      const reload = shown?.data("balance")?.auto_reload;
      const follows = shown?.wanted().filter((name) => name === "balance" || name === "transactions") ?? [];
      if (reload && isMoving(reload) && document.visibilityState === "visible") void shown?.load(...follows);
    }, LOOK_AGAIN_MS);
    signal.addEventListener("abort", () => {
      clearInterval(looking);
      leaving.abort();
    });
  }
}

/** What an address names, as it was before it was put there. @param {string} named */
function placeIn(named) {
  try {
    return decodeURIComponent(named);
  } catch {
    return named;
  }
}

/** The module of a view could not be fetched. Browsers keep that in mind, so only the page as a whole can try again. */
function failed() {
  return [
    h(
      "div.panel",
      h("p", { role: "alert" }, t("error.OFFLINE")),
      h("div.actions", button(t("page.reload"), () => location.reload())),
    ),
  ];
}

/** @param {string} view */
function leading(view) {
  return h("li", h("a", { href: addressOf(view) }, t(`nav.${view}`)));
}

function brand() {
  return h("p.brand", h("span.mark", { "aria-hidden": "true" }), "Aerostack");
}

/** @param {HTMLElement} main */
function skip(main) {
  return h("button.skip", { type: "button", on: { click: () => main.focus() } }, t("page.skip"));
}
