// Quota by leases: exactly what the service grants, few requests, and what was not used goes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, LeasedMeter } from "../dist/index.js";

/** A service that leases one account's quota. */
class Quota {
  leased = 0;
  asked = [];
  leases = new Map();
  fail = undefined;
  /** Whether one lease takes half of what is left at most. */
  halves = false;
  constructor(limit) {
    this.limit = limit;
  }

  async takeLease({ quantity, ttl_seconds, allow_partial }) {
    this.asked.push(quantity);
    await new Promise((soon) => setImmediate(soon));
    if (this.fail) throw this.fail;
    const room = this.limit - this.leased;
    const most = this.halves ? Math.max(1, Math.floor(room / 2)) : room;
    if (!allow_partial && quantity > most && quantity <= room) {
      throw new ApiError(422, new Headers(), { error: { code: "LEASE_TOO_LARGE", message: "It is too large.", details: {} } });
    }
    const granted = allow_partial ? Math.min(quantity, most, room) : quantity;
    if (granted < 1 || granted > room) throw Object.assign(new Error("PLAN_LIMIT_EXCEEDED"), { code: "PLAN_LIMIT_EXCEEDED" });
    this.leased += granted;
    const lease_id = `lease.${this.asked.length}`;
    this.leases.set(lease_id, granted);
    return { lease_id, granted, period: "2099-03", expires_at: new Date(Date.UTC(2099, 2, 2) + 1000 * ttl_seconds).toISOString() };
  }

  async settleLease(id, { used }) {
    const returned = this.leases.get(id) - used;
    this.leases.delete(id);
    this.leased -= returned;
    return { returned };
  }
}

async function passed(meter, times) {
  const results = await Promise.allSettled(Array.from({ length: times }, () => meter.consume("acct", "api_requests")));
  return results.filter((result) => result.status === "fulfilled").length;
}

test("exactly what the plan allows passes, at any concurrency", async () => {
  const quota = new Quota(500);
  const meter = new LeasedMeter(quota, { most: 50 });
  assert.equal(await passed(meter, 600), 500);
  await meter.close();
  assert.equal(quota.leased, 500);
  assert.equal(meter.stats.granted - meter.stats.returned, 500);
  assert.equal(quota.leases.size, 0);
});

test("a unit mostly costs no request, and what is left goes back", async () => {
  const quota = new Quota(100_000);
  const meter = new LeasedMeter(quota, { least: 100 });
  for (let i = 0; i < 1_000; i++) await meter.consume("acct", "api_requests");
  assert.ok(quota.asked.length < 12, `${quota.asked}`);
  await meter.close();
  assert.deepEqual([quota.leased, meter.stats.consumed, meter.stats.lost], [1_000, 1_000, 0]);
  await assert.rejects(meter.consume("acct", "api_requests"), /closed/);
});

test("more than a block is asked for as it is, or refused whole", async () => {
  const quota = new Quota(25);
  const meter = new LeasedMeter(quota);
  await meter.consume("acct", "api_requests", 20);
  await assert.rejects(meter.consume("acct", "api_requests", 6), /PLAN_LIMIT/);
  await meter.consume("acct", "api_requests", 5);
  await meter.close();
  assert.equal(quota.leased, 25);
});

test("a block is not used after its time, and is settled", async () => {
  const quota = new Quota(1_000);
  const meter = new LeasedMeter(quota, { ttlSeconds: 1, marginSeconds: 0.95 });
  await meter.consume("acct", "api_requests");
  await new Promise((later) => setTimeout(later, 120));
  assert.equal(quota.leases.size, 0, "its end wakes the meter");
  await meter.consume("acct", "api_requests");
  await meter.close();
  assert.equal(quota.leased, 2);
});

test("a lease whose answer was lost may be counted", async () => {
  const { Unanswered } = await import("../dist/index.js");
  const quota = new Quota(1_000);
  quota.fail = new Unanswered("lost", undefined, false).tell({ idempotencyKey: undefined, attempts: 1, outcomeUnknown: true });
  const meter = new LeasedMeter(quota, { least: 10 });
  await assert.rejects(meter.consume("acct", "api_requests"), /lost/);
  assert.equal(meter.stats.lost, 10);
  quota.fail = undefined;
  await meter.consume("acct", "api_requests");
  await meter.close();
});

for (const terms of [{ least: 0 }, { least: 5, most: 4 }, { ttlSeconds: 0 }, { ttlSeconds: 10, marginSeconds: 10 }]) {
  test(`${JSON.stringify(terms)} are no terms`, () => {
    assert.throws(() => new LeasedMeter(new Quota(1), terms), RangeError);
  });
}

test("more than one lease may take is counted by several, to the unit", async () => {
  const quota = new Quota(500);
  quota.halves = true;
  const meter = new LeasedMeter(quota);
  await meter.consume("acct", "api_requests", 400);
  await meter.consume("acct", "api_requests", 99);
  await assert.rejects(meter.consume("acct", "api_requests", 2), (error) => error.code === "PLAN_LIMIT_EXCEEDED");
  await meter.consume("acct", "api_requests", 1);
  await meter.close();
  assert.deepEqual([quota.leased, meter.stats.consumed], [500, 500]);
});
