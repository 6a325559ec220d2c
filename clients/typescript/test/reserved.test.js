// Money of an allowance for work that is priced when it ends: handed out to nobody else, charged once, or given back.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { allowed, Priced, SMALL, Wallet } from "./wallet.js";

test("work is reserved by its estimate, and charged what it cost, or nothing", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  const work = await allowance.reserve(60, { kind: "tool_call" });
  const free = await allowance.reserve(30);
  assert.deepEqual([allowance.stats.handedOut, allowance.stats.waiting], [0, 0]);
  assert.throws(() => work.charge({}), /exactly one/);
  assert.throws(() => work.charge(-1), RangeError);
  work.charge(20, { reference: "run-1" });
  assert.throws(() => work.charge(1), /already/);
  work.release();
  free.release();
  free.release();
  assert.throws(() => free.charge(1), /already/);
  await allowance.charge(80);
  await allowance.close();
  assert.deepEqual(wallet.lines, [{ reference: "run-1", amount_cents: 20 }, { amount_cents: 80 }]);
  assert.deepEqual(wallet.requests.filter(({ name }) => name === "take").map((asked) => asked.amount_cents), [100]);
  assert.deepEqual([wallet.balance, wallet.held, allowance.stats], [900, 0, { handedOut: 100, captured: 100, lost: 0, waiting: 0 }]);
});

test("what is reserved is handed out to nobody else, and who finds no room waits until work ends", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  let [running, most] = [0, 0];
  const work = async () => {
    const reserved = await allowance.reserve(30);
    most = Math.max(most, ++running);
    await new Promise((later) => setTimeout(later, 1));
    running--;
    reserved.charge(25);
  };
  await Promise.all(Array.from({ length: 10 }, work));
  assert.equal(most, 3, "an allowance of 100 holds no more");
  await assert.rejects(allowance.reserve(101), /up to that/);
  await allowance.close();
  assert.deepEqual([wallet.balance, wallet.held, wallet.lines.length], [750, 0, 10]);
  assert.ok(wallet.requests.length < 40, `${wallet.requests.length}: it waits, and does not ask meanwhile`);
});

test("who waits for room is told when the allowance closes, and a wallet that is short gives what there is", async () => {
  const wallet = new Wallet(70);
  const allowance = allowed(wallet);
  const work = await allowance.reserve(60);
  const last = await allowance.reserve(10);
  await assert.rejects(allowance.reserve(1), (error) => error.moneyIsShort);
  wallet.balance += 30;
  const waits = allowance.reserve(50);
  work.charge(60);
  last.release();
  const late = await waits.then((reserved) => (reserved.release(), "reserved"), (error) => error.code);
  assert.equal(late, "INSUFFICIENT_BALANCE");
  const held = await allowance.reserve(40);
  const closed = allowance.reserve(70).catch((error) => error.message);
  await allowance.close();
  held.release();
  assert.match(await closed, /is closed/);
  assert.deepEqual([wallet.balance, wallet.held, allowance.stats.captured], [40, 0, 60]);
});

test("work that cost more than was reserved is charged all of it, and the allowance is whole again", async () => {
  const service = new Priced();
  const allowance = allowed(service);
  (await allowance.reserve(SMALL)).charge(SMALL);
  const work = await allowance.reserve(90);
  work.charge(120);
  await allowance.settle();
  assert.equal(allowance.stats.captured, "120.216");
  await allowance.charge(99);
  assert.ok(service.asked.includes("extend 100"), `${service.asked}`);
  await allowance.close();
  assert.deepEqual(service.captures[0], SMALL);
  assert.deepEqual([allowance.stats.captured, allowance.stats.lost], ["219.216", 0]);
});

test("work that is charged after the close is said to be lost", async () => {
  const wallet = new Wallet(1_000);
  const allowance = allowed(wallet);
  const [late, given] = [await allowance.reserve(10), await allowance.reserve(10)];
  await allowance.close();
  const told = mock.method(console, "error", () => undefined);
  late.charge(10);
  given.release();
  assert.match(told.mock.calls[0].arguments.join(" "), /1 charges, 10 cents, were not captured/);
  told.mock.restore();
  assert.deepEqual(allowance.stats, { handedOut: 10, captured: 0, lost: 10, waiting: 0 });
  assert.deepEqual([wallet.balance, wallet.held], [1_000, 0]);
});
