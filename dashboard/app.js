/** The page put together: who reads it, what it fetches, what is shown where. */

import { attempts, createActs, createTell } from "./acts.js";
import { config } from "./config.js";
import { createApi } from "./lib/api.js";
import { button, h, refill } from "./lib/dom.js";
import { localClockLead } from "./lib/local.js";
import { panel } from "./lib/panel.js";
import { goToAddressed, markPlace } from "./lib/place.js";
import { createSession } from "./lib/session.js";
import { Store } from "./lib/store.js";
import { settleReturn, takeReturn } from "./returning.js";
import { planNotices } from "./rules/plans.js";
import { isMoving } from "./rules/reload.js";
import { firstDay, spendingByDay } from "./rules/spending.js";
import { resourceNotices, usageNotices } from "./rules/usage.js";
import { walletNotices } from "./rules/wallet.js";
import { noticeBox } from "./views/acts.js";
import { billView } from "./views/bill.js";
import { breakdownView } from "./views/breakdown.js";
import { budgetsView } from "./views/budgets.js";
import { creatorView } from "./views/creator.js";
import { planView } from "./views/plan.js";
import { plansView } from "./views/plans.js";
import { pricesView } from "./views/prices.js";
import { resourcesView } from "./views/resources.js";
import { signInView } from "./views/sign-in.js";
import { spendingView } from "./views/spending.js";
import { transactionsView } from "./views/transactions.js";
import { usageView } from "./views/usage.js";
import { walletView } from "./views/wallet.js";

/** @import { Transaction } from "./types.js" */

const PAGE_SIZE = 20;
const MOST_PAGES = 10;
const STALE_AFTER_MS = 60_000;
const LOOK_AGAIN_MS = 5_000;

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const nav = /** @type {HTMLElement} */ (document.querySelector("nav"));
const who = /** @type {HTMLElement} */ (document.querySelector("#who"));
const offline = /** @type {HTMLElement} */ (document.querySelector("#offline"));
const result = /** @type {HTMLElement} */ (document.querySelector("#result"));
const tell = createTell(result);
const mark = markPlace(nav);

let returned = takeReturn();
let clockLead = 0;
let loadedAt = 0;
/** @type {Store | null} What is shown; null while nobody is signed in. */
let shown = null;

const session = createSession(config, () => signIn(true));
const api = createApi(config.apiBaseUrl, session);
const now = () => new Date(Date.now() + clockLead);

await start();

async function start() {
  if (config.signIn === "local") clockLead = await localClockLead();
  // Whoever hands tokens in may fail: that is nobody signed in, and is said so.
  const token = await session.token({ expired: false }).catch(() => null);
  if (token === null) signIn(false);
  else show();
}

/** @param {boolean} ended */
function signIn(ended) {
  if (ended && shown === null) return;
  shown = null;
  result.replaceChildren();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  nav.hidden = true;
  who.replaceChildren();
  main.replaceChildren(signInView(config.signIn, ended, (token) => (session.keep(token), show())));
  if (ended) main.querySelector("h1")?.focus();
}

/** Build the page for who is signed in, and fill it. */
function show() {
  const store = createStore();
  const acts = createActs(api, store, tell);
  shown = store;
  nav.hidden = false;
  who.replaceChildren(
    h("span.account", session.account() ?? ""),
    ...(session.own ? [button("Sign out", () => session.expired(), { class: "button quiet" })] : []),
  );
  main.replaceChildren(h("h1", "Billing"), notices(store, acts), ...sections(store, acts));
  const told = returned;
  returned = {};
  store.set("settling", Boolean(told.session_id) || told.back === "plan");
  const from = scrollY;
  void refresh(store).then(() => (goToAddressed(scrollY !== from), mark()));
  void settleReturn(told, api, store, tell)
    .catch(() => {
      // The session ended meanwhile: what Stripe said is told after signing in again.
      returned = told;
    })
    .finally(() => store.set("settling", false));
}

/** The parts of the page, and how each is fetched. */
function createStore() {
  /** @type {Store} */
  const store = new Store({
    billing: () => api.get("/api/billing"),
    plans: () => api.get("/api/billing/plans"),
    usage: () => api.get("/api/billing/usage"),
    resources: () => api.get("/api/billing/resources"),
    balance: () => api.get("/api/balance"),
    transactions: () => transactions(store.data("type"), store.data("transactions")?.transactions.length ?? 0),
    activity,
    breakdown: () => breakdown(store.data("by")),
    budgets: () => api.get("/api/balance/budgets"),
    prices: () => api.get("/api/billing/prices"),
    creator: () => api.get("/api/creators/me"),
  });
  store.set("interval", null);
  store.set("type", "");
  store.set("by", "kind");
  store.set("bill", "not yet");
  return store;
}

/** @param {Store} store */
function refresh(store) {
  loadedAt = Date.now();
  return store.load(...Object.keys(store.sources));
}

/** @param {string} type @param {number} atLeast So many as are shown already. @param {string | null} [cursor] */
function transactions(type, atLeast, cursor = null) {
  const query = new URLSearchParams({ limit: String(Math.min(100, Math.max(PAGE_SIZE, atLeast))) });
  if (type) query.set("type", type);
  if (cursor) query.set("cursor", cursor);
  return api.get(`/api/balance/transactions?${query}`);
}

/** The last 30 days in one sum, by what it was for. @param {string} by */
function breakdown(by) {
  const query = new URLSearchParams({ from: firstDay(now()), to: now().toISOString().slice(0, 10), bucket: "total", by });
  return api.get(`/api/balance/spend?${query}`);
}

/** The labels that the account is known to use: of its budgets and of its latest lines. */
/** @param {{label: string}[]} budgets @param {Transaction[]} lines */
function labelsOf(budgets, lines) {
  return [...new Set([...budgets.map(({ label }) => label), ...lines.flatMap((line) => Object.keys(line.labels ?? {}))])].sort();
}

/** The statement of the chart's days, or as much of it as a page should read: `since` says from when on. */
async function activity() {
  const first = firstDay(now());
  /** @type {Transaction[]} */
  const lines = [];
  let cursor = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await transactions("", 100, cursor);
    lines.push(...answer.transactions);
    cursor = answer.next_cursor;
    if (cursor === null || lines[lines.length - 1]?.created_at < first) return { lines, since: null };
  }
  return { lines, since: lines[lines.length - 1]?.created_at ?? null };
}

/** What the reader should know before all else. @param {Store} store @param {ReturnType<typeof createActs>} acts */
function notices(store, acts) {
  const region = h("div.notices", { role: "region", "aria-label": "Notices", "aria-live": "polite" });
  const parts = ["billing", "usage", "resources", "balance"];
  let told = "[]";
  store.on(parts, () => {
    const [billing, usage, resources, balance] = parts.map((name) => store.data(name));
    const found = [
      ...(billing ? planNotices(billing) : []),
      ...(usage ? usageNotices(usage, now()) : []),
      ...(resources ? resourceNotices(resources) : []),
      ...(balance ? walletNotices(balance, now()) : []),
    ];
    // What stands there already is not read out again.
    const words = JSON.stringify(found);
    if (words === told) return;
    told = words;
    refill(
      region,
      found.map((notice) => noticeBox(notice, acts)),
      main,
    );
  });
  return region;
}

/** @param {Store} store @param {ReturnType<typeof createActs>} acts */
function sections(store, acts) {
  const choosing = {
    interval: (/** @type {string} */ chosen) => store.set("interval", chosen),
    buy: acts.buy,
    cancel: acts.cancel,
    resume: acts.resume,
    salesUrl: config.salesUrl,
  };
  return [
    panel(store, "plan", "Your plan", ["billing", "plans", "settling"], (billing, plans, settling) =>
      planView(billing, plans, settling, acts),
    ),
    panel(store, "usage", "Usage", ["usage"], (usage) => usageView(usage, now())),
    panel(store, "resources", "Resources", ["resources"], resourcesView),
    panel(store, "plans", "All plans", ["plans", "billing", "interval", "settling"], (plans, billing, interval, settling) =>
      plansView(plans, billing, interval ?? billing.billing_interval, choosing, settling),
    ),
    panel(store, "wallet", "Wallet", ["balance"], (balance) => walletView(balance, now(), acts)),
    panel(store, "spending", "Spending", ["activity"], ({ lines, since }) =>
      spendingView(spendingByDay(lines, now()), since),
    ),
    panel(store, "who-spent", "Who spent it", ["breakdown", "budgets", "activity"], (spend, { budgets }, { lines }) =>
      breakdownView(spend, labelsOf(budgets, lines), reading(store).by),
    ),
    panel(store, "budgets", "Budgets", ["budgets"], (page) =>
      budgetsView(page, { add: () => acts.budget(null), change: acts.budget, remove: acts.unbudget }),
    ),
    panel(store, "prices", "Prices", ["prices"], pricesView),
    panel(store, "transactions", "Transactions", ["transactions", "type"], (page, type) =>
      transactionsView(page, type, reading(store)),
    ),
    panel(store, "check", "Check my bill", ["bill"], (checked) => billView(checked, acts.check)),
    panel(store, "earnings", "Earnings", ["creator"], (creator) => creatorView(creator, acts.onboard)),
  ];
}

/** How the statement is read on. @param {Store} store */
function reading(store) {
  const told = attempts(tell);
  return {
    filter: told(async (/** @type {string} */ type) => {
      const turn = store.begin("transactions");
      try {
        const page = await transactions(type, 0);
        if (turn !== store.turns.transactions) return;
        store.set("type", type);
        store.set("transactions", page);
      } finally {
        // The choice is shown as it is, also where it could not be changed.
        store.tell("type");
      }
    }),
    by: told(async (/** @type {string} */ by) => {
      const turn = store.begin("breakdown");
      const spend = await breakdown(by);
      if (turn !== store.turns.breakdown) return;
      store.set("by", by);
      store.set("breakdown", { ...spend, by });
    }),
    more: told(async () => {
      const page = store.data("transactions");
      const turn = store.begin("transactions");
      const next = await transactions(store.data("type"), 0, page.next_cursor);
      if (turn !== store.turns.transactions) return;
      const lines = [...page.transactions, ...next.transactions];
      store.set("transactions", { transactions: lines, next_cursor: next.next_cursor });
    }),
  };
}

// What is shown stays true: after a while away, when the connection is back, when the browser restores the page.

/** @param {boolean} anyway */
function catchUp(anyway) {
  if (shown === null || (!anyway && Date.now() - loadedAt < STALE_AFTER_MS)) return;
  shown.forget(Object.keys(shown.sources));
  void refresh(shown);
}

/** A payment that is under way ends while the reader looks on. */
function followReload() {
  const reload = shown?.data("balance")?.auto_reload;
  if (reload && isMoving(reload) && document.visibilityState === "visible") {
    void shown?.load("balance", "transactions");
  }
}

function showConnection() {
  offline.hidden = navigator.onLine;
  if (navigator.onLine) catchUp(true);
}

document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && catchUp(false));
window.addEventListener("pageshow", (event) => event.persisted && catchUp(true));
window.addEventListener("online", showConnection);
window.addEventListener("offline", showConnection);
setInterval(followReload, LOOK_AGAIN_MS);
offline.hidden = navigator.onLine;
