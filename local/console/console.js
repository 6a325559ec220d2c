/** The local console: the stack's own doors, for a person. */

const STEPS = [
  ["1 minute", { minutes: 1 }],
  ["1 hour", { hours: 1 }],
  ["1 day", { days: 1 }],
  ["1 week", { days: 7 }],
  ["31 days", { days: 31 }],
];
const MODES = [
  ["Deliver", { paused: false }],
  ["Hold back", { paused: true }],
  ["Lose", { drop: true }],
];
const USUAL_FAULTS = ["payment_intents.create", "checkout.sessions.create", "subscriptions.list", "transfers.create", "*"];
const LOOK_AGAIN_MS = 3_000;
const MOST_ROWS = 50;

const at = (id) => document.getElementById(id);
/** What each table was made of last. */
const shown = {};
const known = await door("about");

fill("advance", STEPS.map(([label, by]) => act(`+ ${label}`, () => advance(by))));
fill("webhooks", MODES.map(([label, mode]) => act(label, () => switchWebhooks(mode))));
fill("functions", known.schedules.map((name) => act(name.replace(/Function$/, ""), () => run(name))));
options("on", [...new Set([...USUAL_FAULTS, ...known.stripe_calls])]);
options("kind", known.faults);
at("faults").addEventListener("submit", (event) => (event.preventDefault(), attempt(orderFault)));
at("sign-in").addEventListener("submit", (event) => (event.preventDefault(), attempt(() => signIn(event.submitter?.value))));

const { accounts } = await door("accounts");
fill("known", accounts.map(({ account }) => element("option", account)));
fill("people", accounts.map(({ account, about }) => element("li", act(account, () => choose(account)), ` ${about}`)));
await look();
setInterval(() => document.visibilityState === "visible" && look().catch(() => {}), LOOK_AGAIN_MS);

// --- what can be done -----------------------------------------------------------------------------------------

async function advance(by) {
  tell("Time is passing …");
  const { now, schedules_fired: fired } = await door("advance", by);
  tell(`It is ${readable(now)} now. ${fired} schedules fired.`);
  await look();
}

async function switchWebhooks(mode) {
  const { webhooks } = await door("stripe/webhooks", mode);
  tell({ open: "Webhooks are delivered.", paused: "Webhooks are held back.", dropping: "Webhooks are lost." }[webhooks]);
}

async function run(name) {
  const answer = await door(`invoke/${name}`, {});
  at("answer").hidden = false;
  at("answer").textContent = JSON.stringify(answer, null, 2);
}

async function orderFault() {
  const { on, kind } = await door("stripe/faults", { on: at("on").value, kind: at("kind").value });
  tell(`The next ${on} goes wrong: ${kind}.`);
}

async function resend(id) {
  await door(`stripe/events/${id}/resend`, {});
  tell(`${id} is sent again.`);
  await look();
}

async function choose(account) {
  at("account").value = account;
  await showLedger(account);
}

async function signIn(way) {
  const account = at("account").value.trim();
  if (way === "ledger") return showLedger(account);
  const scopes = way === "service" ? "billing:meter billing:charge" : "";
  const { token } = await door("token", { account, scopes });
  if (way === "page" || way === undefined) return void window.open(`/#token=${token}`, "_blank", "noopener");
  await navigator.clipboard.writeText(token);
  tell(`A token for ${account} is on the clipboard.`);
}

async function showLedger(account) {
  const { token } = await door("token", { account });
  const ask = (path) => fetch(path, { headers: { authorization: `Bearer ${token}` } }).then(answered);
  const [balance, page] = await Promise.all([ask("/api/balance"), ask(`/api/balance/transactions?limit=${MOST_ROWS}`)]);
  const rows = page.transactions.map((line) => [
    readable(line.created_at),
    line.type,
    money(line.amount_cents),
    money(line.balance_after_cents),
    line.reference ?? "",
  ]);
  const held = balance.held_cents ? `, ${money(balance.held_cents)} held` : "";
  const title = element("h3", `${account}: ${money(balance.balance_cents)}${held}`);
  at("ledger").replaceChildren(title, table(["When", "What", "Amount", "Balance", "Reference"], rows, [2, 3]));
}

// --- what is shown --------------------------------------------------------------------------------------------

async function look() {
  const [clock, stripe, bus] = await Promise.all([door("clock"), door("stripe/events"), door("events")]);
  at("now").textContent = readable(clock.now);
  const events = stripe.data.slice(0, MOST_ROWS).map((event) => [
    readable(new Date(event.created * 1000).toISOString()),
    event.type,
    event.data.object.customer ?? event.data.object.id ?? "",
    event.deliveries.map(({ state, last_status }) => (last_status ? `${state} (${last_status})` : state)).join(", ") || "to nobody",
    act("Send", () => resend(event.id), `Send ${event.id} again`),
  ]);
  refresh("events", JSON.stringify(stripe.data.slice(0, MOST_ROWS).map(({ id, deliveries }) => [id, deliveries])), () =>
    table(["When", "Event", "Of", "Delivery", "Again"], events),
  );
  const news = bus.data.slice(0, MOST_ROWS).map((event) => [
    readable(event.time),
    event["detail-type"],
    event.detail.account_id ?? "",
    JSON.stringify(event.detail),
  ]);
  refresh("bus", String(bus.data[0]?.id), () => table(["When", "Event", "Account", "Detail"], news));
}

/** Show it again only where it changed, so that nothing moves under the pointer. */
function refresh(id, state, made) {
  if (shown[id] === state) return;
  shown[id] = state;
  at(id).replaceChildren(made());
}

function table(heads, rows, right = []) {
  if (rows.length === 0) return element("p", "Nothing so far.");
  const cell = (value, index) => {
    const made = element("td", value);
    if (right.includes(index)) made.className = "right";
    return made;
  };
  const head = element("tr", ...heads.map((text) => Object.assign(element("th", text), { scope: "col" })));
  const body = rows.map((row) => element("tr", ...row.map(cell)));
  const made = element("table", element("thead", head), element("tbody", ...body));
  const scroll = element("div", made);
  scroll.className = "scroll";
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", heads[1] === "What" ? "Ledger" : heads[2] === "Of" ? "Events of Stripe" : "Latest domain events");
  return scroll;
}

// --- pieces ---------------------------------------------------------------------------------------------------

function element(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

/** A button that does one thing at a time and says what went wrong. */
function act(label, does, name) {
  const made = element("button", label);
  made.type = "button";
  if (name) made.setAttribute("aria-label", name);
  made.addEventListener("click", async () => {
    made.disabled = true;
    await attempt(does);
    made.disabled = false;
  });
  return made;
}

async function attempt(does) {
  try {
    await does();
  } catch (error) {
    tell(error.message, true);
  }
}

async function door(name, body) {
  const request = body && { method: "POST", body: JSON.stringify(body) };
  return answered(await fetch(`/_local/${name}`, request));
}

async function answered(response) {
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? `The stack answered ${response.status}.`);
  return answer;
}

function tell(text, bad = false) {
  at("told").textContent = text;
  at("told").className = bad ? "bad" : "";
}

function fill(id, nodes) {
  at(id).replaceChildren(...nodes);
}

function options(id, values) {
  fill(id, values.map((value) => element("option", value)));
}

function readable(iso) {
  return iso.slice(0, 19).replace("T", " ");
}

function money(cents) {
  return new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 6 }).format(cents / 100);
}
