// Run by tests/clients/test_typescript.py against the local stack: the calls of the README, and what they did.

import { ApiError, ServiceClient, UserClient } from "../dist/index.js";

const { BILLING_URL, ACCOUNT, SERVICE_TOKEN, USER_TOKEN } = process.env;
const retries = { firstWaitMs: 1, longestWaitMs: 5 };
const billing = new ServiceClient({ baseUrl: BILLING_URL, token: () => SERVICE_TOKEN, retries });
const user = new UserClient({ baseUrl: BILLING_URL, token: USER_TOKEN, retries });

await billing.consume({ account_id: ACCOUNT, metric: "ai_tokens", quantity: 1_200 });
const [{ status }] = (await billing.consumeBatch([{ account_id: ACCOUNT, metric: "email_sends" }])).results;
await billing.claimResource("projects", "p@1", { account_id: ACCOUNT });
const { freed } = await billing.freeResource("projects", "p@1", { account_id: ACCOUNT });

const price = { account_id: ACCOUNT, kind: "bot_conversation", amount_cents: "0.34", billing_mode: "wallet", labels: { agent: "a" } };
const { charge_id } = await billing.charge({ ...price, idempotency_key: "message-1" });
const { replayed } = await billing.charge({ ...price, idempotency_key: "message-1" });
await billing.refundCharge(charge_id, { account_id: ACCOUNT });
const usage = { model: "gpt-4o-mini", input_tokens: 1_000_000, output_tokens: 0 };
const quoted = await billing.quote({ ...price, amount_cents: undefined, usage });
const captured = await billing.withHold({ account_id: ACCOUNT, kind: "agent_execution", amount_cents: 100 }, (hold) =>
  hold.capture({ usage }),
);
const short = await billing.charge({ ...price, amount_cents: 9_999, kind: "tool_call", creator_id: "maker" }).catch((error) => error);

const { models } = await user.getPrices();
const { input } = models.find((priced) => priced.model === "gpt-4o-mini");
const budget = await user.putBudget("agent", "spender", { limit_cents: 20, window: "day" });
const spent = { ...price, amount_cents: undefined, usage, labels: { agent: "spender" } };
const byUsage = await billing.charge(spent);
const reached = await billing.charge(spent).catch((error) => error);
const { spent_cents } = await user.getBudget("agent", "spender");
const { budgets } = await user.listBudgets({ label: "agent" });
await user.deleteBudget("agent", "spender");

const meter = billing.meter();
for (let i = 0; i < 100; i++) await meter.consume(ACCOUNT, "api_requests");
await meter.close();

const used = (await user.getUsage()).usage;
const { balance_micros } = await user.getBalance();
const types = [];
for await (const line of user.transactions({ limit: 2 })) types.push(line.type);

const allowance = billing.allowance(ACCOUNT, { cents: 50, labels: { agent: "allowed" } });
for (let i = 0; i < 100; i++) await allowance.charge("0.5", { reference: `piece-${i}` });
await allowance.close();
const pieces = (await user.getTransactions({ type: "capture", limit: 100 })).transactions;
const allowed = [allowance.stats.captured, allowance.stats.lost, (await user.getBalance()).held_cents, pieces.at(-1).reference];

const tokens = { model: "gpt-4o-mini", input_tokens: 1_000, output_tokens: 7, cache_read_tokens: 3 };
const drawn = billing.allowance(ACCOUNT, { cents: 5 });
for (let i = 0; i < 3; i++) await drawn.charge({ usage: tokens });
(await drawn.reserve(2)).charge({ usage: tokens });
(await drawn.reserve(2)).release();
const before = drawn.stats.handedOut;
await drawn.close();
const byTokens = [before, drawn.stats.captured, drawn.stats.lost];

console.log(
  JSON.stringify({
    status, freed, replayed, quoted: quoted.amount_cents, captured: captured.captured_cents,
    short: short instanceof ApiError && [short.status, short.code, Boolean(short.requestId) || "passed on"],
    priced: [input, byUsage.amount_cents, byUsage.usage.model],
    budget: [budget.state, reached.code, spent_cents, budgets.length],
    used: [used.ai_tokens.used, used.email_sends.used, used.api_requests.used], balance_micros, types, allowed, byTokens,
  }),
);
