// Money by allowances: each charge once, exact, refused as the service refuses, and never more in hand than is held.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Allowance, Unanswered } from "../dist/index.js";
import { allowed, Priced, refused, SMALL, Wallet } from "./wallet.js";

async function passed(allowance, times, cents) {
  const results = await Promise.allSettled(Array.from({ length: times }, (_, n) => allowance.charge(cents, { reference: `run-${n}` })));
  return results.filter((result) => result.status === "fulfilled").length;
}

test("each charge is captured once, by few requests", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  for (let n = 0; n < 600; n++) await allowance.charge(1, { reference: `run-${n}` });
  await allowance.close();
  assert.deepEqual([wallet.balance, wallet.held, wallet.lines.length], [400, 0, 600]);
  assert.equal(new Set(wallet.lines.map((line) => line.reference)).size, 600);
  assert.ok(wallet.requests.length <= 60, `${wallet.requests.length}`);
  assert.deepEqual(allowance.stats, { handedOut: 600, captured: 600, lost: 0, waiting: 0 });
  assert.deepEqual(wallet.requests[0].labels, { agent: "a" });
  await assert.rejects(allowance.charge(1), /closed/);
});

test("exactly what the wallet has is handed out, at any concurrency", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet, { cents: 400 });
  assert.equal(await passed(allowance, 400, 3), 333);
  await assert.rejects(allowance.charge(2), (error) => error.moneyIsShort);
  await allowance.charge(1);
  await allowance.close();
  assert.deepEqual([wallet.balance, wallet.held, wallet.lines.length], [0, 0, 334]);
});

test("what is in hand, used or not, is never more than the allowance", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  for (let n = 0; n < 100; n++) {
    await allowance.charge(7);
    assert.ok(wallet.held <= 100, `${wallet.held}`);
  }
  await allowance.close();
  assert.equal(wallet.balance, 300);
});

test("a capture whose answer was lost is sent again as it was, whatever was charged since", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  await allowance.charge(5);
  wallet.faults = [Object.assign(new Unanswered("lost", undefined, false), { after: "capture" })];
  await assert.rejects(allowance.settle(), /lost/);
  await allowance.charge(6);
  await allowance.close();
  assert.deepEqual(wallet.lines.map((line) => line.amount_cents), [5, 6]);
  assert.deepEqual([wallet.balance, allowance.stats.captured, allowance.stats.lost], [989, 11, 0]);
});

test("a charge that is wrong spoils no other, also where the service fails meanwhile", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  for (const reference of ["a", "wrong", "b"]) await allowance.charge(5, { reference });
  wallet.faults = [undefined, undefined, undefined, refused(503, "STORE_UNAVAILABLE")];
  const told = mock.method(console, "error", () => undefined);
  await assert.rejects(allowance.settle(), /STORE_UNAVAILABLE/);
  await allowance.close();
  told.mock.restore();
  assert.deepEqual(wallet.lines.map((line) => line.reference), ["a", "b"]);
  assert.deepEqual(allowance.stats, { handedOut: 15, captured: 10, lost: 5, waiting: 0 });
  assert.deepEqual([wallet.balance, wallet.held], [990, 0]);
});

test("what can never be captured is counted as lost, and said", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  await allowance.charge(5);
  wallet.faults = [new Unanswered("gone", undefined, true)];
  const told = mock.method(console, "error", () => undefined);
  await allowance.close();
  assert.match(told.mock.calls[0].arguments.join(" "), /1 charges, 5 cents, were not captured: gone/);
  told.mock.restore();
  assert.deepEqual(allowance.stats, { handedOut: 5, captured: 0, lost: 5, waiting: 0 });
});

test("a hold whose time is over is replaced, and one that was ended elsewhere too", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet, { ttlSeconds: 300 });
  await allowance.charge(10);
  await allowance.settle();
  mock.timers.enable({ apis: ["Date"], now: Date.now() + 280_000 });
  await allowance.charge(10);
  mock.timers.reset();
  assert.equal(wallet.holds.size, 2);
  await allowance.settle();
  for (const hold of wallet.holds.values()) hold.ended = true;
  await allowance.charge(95);
  assert.equal(wallet.holds.size, 3);
  await allowance.close();
  assert.equal(wallet.lines.length, 3);
});

test("it captures in the background, in time and as soon as a request is full", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet, { settleSeconds: 0.02, cents: 500 });
  await allowance.charge(1);
  while (wallet.lines.length < 1) await new Promise((later) => setTimeout(later, 5));
  const slow = allowed(wallet, { cents: 500 });
  for (let n = 0; n < 90; n++) await slow.charge(1);
  while (wallet.lines.length < 91) await new Promise((later) => setTimeout(later, 5));
  await Promise.all([allowance.close(), slow.close()]);
  assert.deepEqual([wallet.balance, wallet.held], [909, 0]);
});

test("a runtime that keeps no timers captures by settle", async () => {
  const wallet = new Wallet(1_000);
  const timers = mock.method(globalThis, "setTimeout", () => 1);
  const allowance = allowed(wallet, { settleSeconds: 0.001 });
  await allowance.charge(5);
  await Promise.all([allowance.settle(), allowance.charge(6), allowance.settle()]);
  timers.mock.restore();
  assert.deepEqual(wallet.lines.map((line) => line.amount_cents), [5, 6]);
  await allowance.close();
});

test("money that is asked for while it closes goes back", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  const charge = allowance.charge(5).then(
    () => "charged",
    (error) => error.message,
  );
  await allowance.close();
  assert.equal(await charge, "the allowance is closed");
  assert.deepEqual([wallet.balance, wallet.held, wallet.lines.length], [1_000, 0, 0]);
});

test("prices are exact, and what is no price is refused", async () => {
  const captured = [];
  const holds = { takeHold: async () => ({ hold_id: "h" }), releaseHold: async () => ({}), captureHold: async (_, body) => {
    captured.push(...body.items);
    return { captured_cents: "0.7333", items: [] };
  } };
  const allowance = new Allowance(holds, "acct", { cents: "1.5" });
  await allowance.charge("0.3333");
  await allowance.charge("0.4", { creator_id: "maker", kind: "tool_call" });
  for (const wrong of [0.5, "0.00001", "1.6", -1, "x"]) await assert.rejects(allowance.charge(wrong), (error) => /cents/.test(error.message));
  await allowance.close();
  assert.deepEqual([captured[0].amount_cents, captured[1]], ["0.3333", { amount_cents: "0.4", creator_id: "maker", kind: "tool_call" }]);
  assert.equal(allowance.stats.captured, "0.7333");
});

for (const terms of [{ cents: 0 }, { cents: 5, ttlSeconds: 9 }, { cents: 5, settleSeconds: 0 }]) {
  test(`${JSON.stringify(terms)} are no terms of an allowance`, () => {
    assert.throws(() => new Allowance(new Wallet(1), "acct", terms), RangeError);
  });
}

test("however often the time is asked for, it runs no faster than the clock", async () => {
  const { now } = await import("../dist/clock.js");
  const steady = performance.now();
  const began = now();
  while (performance.now() < steady + 50) now();
  const passed = now() - began;
  assert.ok(passed <= performance.now() - steady, `${passed}`);
});

test("tokens and tools are priced by what is asked for once, exactly", async () => {
  const service = new Priced();
  const allowance = allowed(service);
  for (let n = 0; n < 9; n++) {
    await allowance.charge(SMALL, { labels: { agent: "a" } });
    await allowance.charge({ tool_id: "tool", max_price_cents: 5 });
  }
  // (10,000 × 0.15 + 500 × 0.6) micros × 1.2 = 2,160 micros, nine times, and nine times 5 cents.
  assert.equal(allowance.stats.handedOut, "46.944");
  assert.deepEqual(service.asked, ["prices", "quote"]);
  await allowance.close();
  assert.deepEqual(service.captures[0], { labels: { agent: "a" }, ...SMALL });
  assert.deepEqual([allowance.stats.captured, allowance.stats.lost], ["46.944", 0]);
});

test("a price that there is not is refused as the service refuses it", async () => {
  const allowance = allowed(new Priced());
  const code = (wanted) => (error) => error.code === wanted;
  await assert.rejects(allowance.charge({ usage: { model: "none", input_tokens: 1, output_tokens: 1 } }), code("UNKNOWN_MODEL"));
  await assert.rejects(allowance.charge({ tool_id: "none" }), code("TOOL_NOT_FOUND"));
  await assert.rejects(allowance.charge({ tool_id: "tool", max_price_cents: 4 }), code("PRICE_CHANGED"));
  await assert.rejects(allowance.charge({ ...SMALL, tool_id: "tool" }), /exactly one/);
  await assert.rejects(allowance.charge({}), /exactly one/);
  await assert.rejects(allowance.charge({ usage: { model: "small", input_tokens: 1e9, output_tokens: 0 } }), /up to that/);
});

test("what a capture came to corrects what is in hand, and tells a tool's new price", async () => {
  const service = new Priced();
  const allowance = allowed(service);
  await allowance.charge({ tool_id: "tool" });
  service.tool = 30;
  await allowance.settle();
  assert.deepEqual([allowance.stats.handedOut, allowance.stats.captured], [30, 30]);
  await allowance.charge({ tool_id: "tool" });
  assert.equal(allowance.stats.handedOut, 60);
  assert.ok(service.asked.includes("extend 30"), "70 are held yet, and 30 make it whole again");
  await allowance.close();
});

test("a tool dearer than its caller pays is lost alone, and a new version of the book is asked for", async () => {
  const service = new Priced();
  const allowance = allowed(service);
  const told = mock.method(console, "error", () => undefined);
  await allowance.charge(SMALL);
  await allowance.charge({ tool_id: "tool", max_price_cents: 5 });
  service.tool = 6;
  await allowance.settle();
  told.mock.restore();
  assert.deepEqual([allowance.stats.captured, allowance.stats.lost], ["0.216", 5]);
  mock.timers.enable({ apis: ["Date"], now: Date.now() + 280_000 });
  [service.version, service.input] = ["2026-02-01", "0.30"];
  await allowance.charge(SMALL);
  mock.timers.reset();
  assert.equal(allowance.stats.handedOut, "5.612", "0.216, the 5 that were lost, and 0.396 by the new book");
  assert.equal(service.asked.filter((asked) => asked === "prices").length, 2);
});
