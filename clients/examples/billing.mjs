// Count, charge and hold from JavaScript: Node.js 20 or newer, nothing to install. On the local stack (make run), once
// the account has money:
//
//   BILLING_URL=http://127.0.0.1:3000 ACCOUNT=acct_demo REQUEST_ID=req-1 \
//     METER_TOKEN=$(make -s token ACCOUNT=svc_gateway SCOPES=billing:meter) \
//     CHARGE_TOKEN=$(make -s token ACCOUNT=svc_bots SCOPES=billing:charge) node clients/examples/billing.mjs
//
// REQUEST_ID names what is being served. The keys come from it: run again with the same id, everything happens once.

const { BILLING_URL, METER_TOKEN, CHARGE_TOKEN, ACCOUNT, REQUEST_ID } = process.env;
const TRY_MS = 12_000;
const DEADLINE_MS = 30_000;

class BillingError extends Error {
  constructor(status, { code = "", message = "", details = {} }) {
    super(`${status} ${code}: ${message}`);
    Object.assign(this, { status, code, details });
  }

  // Whether the same request under the same key may succeed a moment later.
  get again() {
    return this.status === 429 || this.status >= 500 || this.code === "REQUEST_IN_PROGRESS";
  }
}

// The answer to a POST. It is repeated with the same body, and so under the same key, until it has one.
async function post(path, token, body) {
  const deadline = Date.now() + DEADLINE_MS;
  const request = {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ idempotency_key: crypto.randomUUID(), account_id: ACCOUNT, ...body }),
  };
  for (let wait = 100; ; wait = Math.min(2 * wait, 5_000)) {
    let failure;
    let asked = 0;
    try {
      const answer = await fetch(BILLING_URL + path, { ...request, signal: AbortSignal.timeout(TRY_MS) });
      const told = await answer.json();
      if (answer.ok) return told;
      failure = new BillingError(answer.status, told.error ?? told);
      asked = 1_000 * (Number(answer.headers.get("retry-after")) || 0);
    } catch (error) {
      failure = error; // no answer, or half of one: it may have been done, and the key makes it safe to ask again
    }
    const pause = Math.max(asked, wait * (0.5 + Math.random() / 2));
    const mayPass = !(failure instanceof BillingError) || failure.again;
    if (!mayPass || Date.now() + pause >= deadline) throw failure;
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

// Sets money aside while `work` runs, and takes what it returns as its cost in cents; work that fails is free.
async function withHold(amount_cents, key, work) {
  const { hold_id } = await post("/api/balance/holds", CHARGE_TOKEN, {
    kind: "agent_execution", amount_cents, idempotency_key: key,
  });
  let cost;
  try {
    cost = await work();
  } catch (error) {
    const release = post(`/api/balance/holds/${hold_id}/release`, CHARGE_TOKEN, { idempotency_key: key });
    await release.catch(console.error); // it lapses by itself; what must come through is why the work failed
    throw error;
  }
  return post(`/api/balance/holds/${hold_id}/capture`, CHARGE_TOKEN, { amount_cents: cost, idempotency_key: key });
}

// One request of the account's, if its plan has room for it: else 403 PLAN_LIMIT_EXCEEDED.
console.log(await post("/api/billing/usage/consume", METER_TOKEN, { metric: "api_requests", idempotency_key: REQUEST_ID }));

// A price that is known: 0.34 cents, or 402 INSUFFICIENT_BALANCE. As text, since most prices are no binary fraction.
console.log(await post("/api/balance/charges", CHARGE_TOKEN, {
  kind: "bot_conversation", amount_cents: "0.34", billing_mode: "wallet", idempotency_key: REQUEST_ID,
}));

// A price that is known when the work is done.
console.log(await withHold(100, REQUEST_ID, async () => "12.34"));
