// Calls against a server that fails: repeated under one key while they may be, and never when they must not.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { ApiError, BillingError, ServiceClient, Unanswered, UserClient } from "../dist/index.js";
import { COUNTED, refusal, serving } from "./server.js";

const HASTY = { firstWaitMs: 1, longestWaitMs: 2 };
const CONSUME = { account_id: "acct", metric: "api_requests" };
const open = [];

async function served(answer, options = {}, Kind = ServiceClient) {
  const server = await serving(answer);
  open.push(server);
  return { server, billing: new Kind({ baseUrl: server.baseUrl, token: "the.secret.token", retries: HASTY, ...options }) };
}

afterEach(() => Promise.all(open.splice(0).map((server) => server.close())));

for (const [name, fault] of Object.entries({
  "a lost answer": "hang up",
  "a 500 of the gateway's": { status: 500, body: { message: "Internal Server Error" } },
  "a 503": refusal(503, "STORE_UNAVAILABLE"),
  "a 429": { status: 429, body: { message: "Too Many Requests" }, headers: { "retry-after": "0" } },
  "a concurrent duplicate": refusal(409, "REQUEST_IN_PROGRESS"),
})) {
  test(`${name} is asked again under the key of the first try`, async () => {
    const { server, billing } = await served((_, count) => (count < 3 ? fault : COUNTED));
    assert.equal((await billing.consume(CONSUME)).used, 1);
    const keys = server.seen.map((seen) => seen.body.idempotency_key);
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
    assert.ok(keys[0]);
  });
}

for (const [status, code] of [
  [402, "INSUFFICIENT_BALANCE"], [403, "PLAN_LIMIT_EXCEEDED"], [409, "IDEMPOTENCY_KEY_REUSED"], [422, "INVALID_REQUEST"],
  [502, "PAYMENT_PROVIDER_REFUSED"],
]) {
  test(`${code} is not repeated`, async () => {
    const { server, billing } = await served(() => refusal(status, code, { details: { used: 7 } }));
    await assert.rejects(billing.charge({ account_id: "a", kind: "agent_execution", amount_cents: 5, billing_mode: "wallet", idempotency_key: "mine" }), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.status, error.code, error.details.used], [status, code, 7]);
      assert.equal(error.idempotencyKey, "mine");
      assert.equal(error.outcomeUnknown, false);
      assert.equal(error.refused, true);
      return true;
    });
    assert.equal(server.seen.length, 1);
  });
}

test("a wait beyond the deadline is not begun, and the caller's own deadline counts", async () => {
  const { server, billing } = await served(() => refusal(503, "STORE_UNAVAILABLE", { headers: { "retry-after": "20" } }));
  await assert.rejects(billing.consume(CONSUME, { deadlineMs: 5_000 }), (error) => error.outcomeUnknown && error.attempts === 1);
  assert.equal(server.seen.length, 1);
});

test("a caller may stop a call while it waits", async () => {
  const { billing } = await served(() => refusal(503, "STORE_UNAVAILABLE", { headers: { "retry-after": "20" } }));
  const stop = new AbortController();
  const call = billing.consume(CONSUME, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error("enough")), 20);
  await assert.rejects(call, /enough/);
});

test("where nobody listens nothing was done", async () => {
  const { server } = await served(() => COUNTED);
  await server.close();
  const billing = new ServiceClient({ baseUrl: server.baseUrl, token: "t", retries: { mostTries: 1 } });
  await assert.rejects(billing.consume(CONSUME), (error) => {
    assert.ok(error instanceof Unanswered);
    assert.match(error.message, /could not be reached at 127\.0\.0\.1:\d+/);
    return error.outcomeUnknown === false;
  });
});

test("what an earlier try may have done is known only by an answer to its key", async () => {
  const { billing } = await served((_, count) => (count === 1 ? "hang up" : refusal(403, "PLAN_LIMIT_EXCEEDED")));
  await assert.rejects(billing.consume(CONSUME), (error) => error.code === "PLAN_LIMIT_EXCEEDED" && !error.outcomeUnknown);
  const { billing: other } = await served((_, count) => (count === 1 ? "hang up" : refusal(429, "RATE_LIMIT_EXCEEDED", { headers: { "retry-after": "3600" } })));
  await assert.rejects(other.consume(CONSUME), (error) => error.status === 429 && error.outcomeUnknown);
});

test("a lease under a key is repeated as every call is", async () => {
  const { server, billing } = await served((_, count) => (count < 3 ? "hang up" : { status: 201, body: { lease_id: "l" } }));
  await billing.takeLease({ account_id: "a", metric: "api_requests", quantity: 10, ttl_seconds: 60, idempotency_key: "mine" });
  assert.deepEqual(server.seen.map((seen) => seen.body.idempotency_key), ["mine", "mine", "mine"]);
});

test("a lease without a key is asked for again only where it surely was not given", async () => {
  const { server, billing } = await served(() => "hang up");
  const lease = { account_id: "a", metric: "api_requests", quantity: 10, ttl_seconds: 60 };
  await assert.rejects(billing.takeLease(lease), (error) => error.outcomeUnknown);
  assert.equal(server.seen.length, 1);
  const { server: limited, billing: other } = await served((_, count) => (count < 3 ? { status: 429, body: {} } : { status: 201, body: { lease_id: "l" } }));
  await other.takeLease(lease);
  assert.equal(limited.seen.length, 3);
});

test("a token is fetched once for all calls, and once more when it is refused", async () => {
  let fetched = 0;
  const token = () => `token-${++fetched}`;
  const { billing } = await served(({ headers }) => (headers.authorization === "Bearer token-2" ? COUNTED : { status: 401, body: {} }), { token });
  await Promise.all([billing.consume(CONSUME), billing.consume(CONSUME), billing.consume(CONSUME)]);
  assert.equal(fetched, 2);
});

test("a token that has no successor is not sent again, and the error says what is wrong", async () => {
  const headers = {
    "www-authenticate": 'Bearer error="invalid_token" error_description="the token has expired"',
    date: new Date(Date.now() - 600_000).toUTCString(),
    "apigw-requestid": "req-7",
  };
  const { server, billing } = await served(() => ({ status: 401, body: { message: "Unauthorized" }, headers }));
  await assert.rejects(billing.consume(CONSUME), (error) => {
    assert.match(error.message, /refuses the token \(the token has expired\).*clock is (599|600|601) s ahead of.*request req-7/);
    assert.equal(error.requestId, "req-7");
    return true;
  });
  assert.equal(server.seen.length, 1);
});

test("nothing shows the token", async () => {
  const { billing } = await served(() => ({ status: 401, body: {} }));
  const error = await billing.consume(CONSUME).catch((failure) => failure);
  const { inspect } = await import("node:util");
  for (const shown of [inspect(billing, { depth: 9, showHidden: true }), JSON.stringify(billing), String(error.stack), inspect(error)]) {
    assert.doesNotMatch(shown, /secret/);
  }
  const broken = new ServiceClient({ baseUrl: "https://billing.example.com", token: "secret\nx: 1" });
  await assert.rejects(broken.consume(CONSUME), (failure) => failure instanceof BillingError && !/secret/.test(String(failure.stack)));
});

for (const baseUrl of ["http://billing.example.com", "ftp://127.0.0.1", "https://u:p@billing.example.com", "https://billing.example.com?k=1"]) {
  test(`${baseUrl} is refused`, () => {
    assert.throws(() => new UserClient({ baseUrl }), TypeError);
  });
}

for (const amount_cents of [0.1 + 0.2, 0.34, NaN, "1e3", "0.12345", "-1", ""]) {
  test(`${amount_cents} is no price`, async () => {
    const { server, billing } = await served(() => COUNTED);
    await assert.rejects(async () => billing.charge({ account_id: "a", kind: "agent_execution", amount_cents, billing_mode: "wallet" }), TypeError);
    assert.equal(server.seen.length, 0);
  });
}

test("a name cannot lead to another route", async () => {
  const { server, billing } = await served(() => refusal(404, "HOLD_NOT_FOUND"));
  for (const name of ["", ".", ".."]) assert.throws(() => billing.releaseHold(name, { account_id: "a" }), TypeError);
  await assert.rejects(billing.releaseHold("../a b?c", { account_id: "a" }), ApiError);
  assert.deepEqual(server.seen.map((seen) => seen.path), ["/api/balance/holds/..%2Fa%20b%3Fc/release"]);
});

test("a replay is told", async () => {
  const { billing } = await served(() => ({ ...COUNTED, headers: { "idempotency-replayed": "true" } }));
  assert.equal((await billing.consume(CONSUME)).replayed, true);
});

test("each event of a batch keeps its key when it is handed in again", async () => {
  const { server, billing } = await served(() => ({ body: { results: [] } }));
  const events = [{ ...CONSUME }, { ...CONSUME }];
  await billing.consumeBatch(events);
  await billing.consumeBatch(events);
  const [first, second] = server.seen.map((seen) => seen.body.events.map((event) => event.idempotency_key));
  assert.deepEqual(first, second);
  assert.equal(new Set(first).size, 2);
});

test("a batch is cut by number and by bytes, and its results come in order", async () => {
  const { server, billing } = await served(({ body }) => ({ body: { results: body.events.map((event) => ({ of: event.idempotency_key })) } }));
  const many = Array.from({ length: 150 }, () => ({ ...CONSUME }));
  assert.equal((await billing.consumeBatch(many)).results.length, 150);
  const large = Array.from({ length: 60 }, (_, number) => ({ ...CONSUME, idempotency_key: `${number}${"é".repeat(10_000)}` }));
  const { results } = await billing.consumeBatch(large);
  assert.deepEqual(results.map((result) => result.of), large.map((event) => event.idempotency_key));
  assert.deepEqual(server.seen.map((seen) => seen.body.events.length), [100, 50, 49, 11]);
});

test("each charge of a batch keeps its key when it is handed in again", async () => {
  const { server, billing } = await served(() => ({ body: { results: [] } }));
  const charge = { account_id: "acct", kind: "agent_execution", amount_cents: "0.34", billing_mode: "wallet" };
  const charges = [{ ...charge }, { ...charge }];
  await billing.chargeBatch(charges);
  await billing.chargeBatch(charges);
  const [first, second] = server.seen.map((seen) => seen.body.charges.map((each) => each.idempotency_key));
  assert.deepEqual(first, second);
  assert.equal(new Set(first).size, 2);
  await assert.rejects(() => billing.chargeBatch([{ ...charge, amount_cents: 0.34 }]), TypeError);
});

// Holds

const HELD = { hold_id: "hold_1", amount_cents: 100, expires_at: "2026-03-02T09:30:00Z" };

async function holding(work, capture = { body: { captured_cents: 40 } }) {
  const { server, billing } = await served(({ path }) => (path.endsWith("/holds") ? { status: 201, body: HELD } : path.endsWith("capture") ? capture : { body: {} }));
  const done = billing.withHold({ account_id: "a", kind: "agent_execution", amount_cents: 100 }, work);
  const result = await done.catch((error) => error);
  return { result, acts: server.seen.map((seen) => seen.path.split("/").at(-1)), keys: new Set(server.seen.map((seen) => seen.body.idempotency_key)) };
}

test("work that captures is paid under one key", async () => {
  const { result, acts, keys } = await holding(async (hold) => (await hold.capture("12.34"), "done"));
  assert.deepEqual([result, acts, keys.size], ["done", ["holds", "capture"], 1]);
});

test("work that fails, or captures nothing, is free", async () => {
  const failed = await holding(async () => { throw new Error("it broke"); });
  assert.equal(failed.result.message, "it broke");
  assert.deepEqual(failed.acts, ["holds", "release"]);
  assert.deepEqual((await holding(async () => 7)).acts, ["holds", "release"]);
  assert.deepEqual((await holding((hold) => hold.capture(0.5))).acts, ["holds", "release"]);
});

test("a capture that was tried is never followed by a release", async () => {
  const { result, acts } = await holding((hold) => hold.capture(40), refusal(402, "INSUFFICIENT_BALANCE"));
  assert.equal(result.moneyIsShort, true);
  assert.deepEqual(acts, ["holds", "capture"]);
});

test("a statement is read line by line, and a cut line is no answer", async () => {
  const line = (seq) => JSON.stringify({ seq, description: "a\u2028b" });
  const { server, billing } = await served((asked) => ({
    headers: { "content-type": "application/x-ndjson", ...(asked.path.includes("cursor") ? {} : { "x-next-cursor": "2" }) },
    text: asked.path.includes("cursor=cut") ? line(1).slice(0, -1) : `${line(1)}\n${line(2)}\n`,
  }), { retries: { mostTries: 1 } }, UserClient);
  const first = await billing.getStatement({ from: "2026-03-01" });
  assert.deepEqual(first, { lines: [1, 2].map((seq) => ({ seq, description: "a\u2028b" })), next_cursor: "2" });
  assert.equal((await billing.getStatement({ cursor: first.next_cursor })).next_cursor, null);
  assert.deepEqual(server.seen.map((seen) => seen.path), [
    "/api/balance/statement?from=2026-03-01", "/api/balance/statement?cursor=2",
  ]);
  assert.equal(server.seen[0].headers.accept, "application/x-ndjson");
  await assert.rejects(billing.getStatement({ cursor: "cut" }), Unanswered);
});

test("a statement that is refused says why", async () => {
  const { billing } = await served(() => refusal(422, "INVALID_REQUEST"), {}, UserClient);
  await assert.rejects(billing.getStatement({ from: "March" }), (error) => error.code === "INVALID_REQUEST");
});
