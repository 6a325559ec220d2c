// What the tests of allowances share: services that hold money, one by whole cents, one by prices.

import assert from "node:assert/strict";
import { Allowance, ApiError } from "../dist/index.js";

export function refused(status, code) {
  return new ApiError(status, new Headers(), { error: { code, message: `It is ${code}.`, details: {} } });
}

/** A service with one wallet, in whole cents, whose holds are drawn down by items. */
export class Wallet {
  requests = [];
  holds = new Map();
  lines = [];
  kept = new Map();
  faults = [];
  constructor(cents) {
    this.balance = cents;
  }

  get held() {
    return [...this.holds.values()].reduce((sum, hold) => sum + (hold.ended ? 0 : hold.cents), 0);
  }

  async #asked(name, body) {
    this.requests.push({ name, ...body });
    await new Promise((soon) => setImmediate(soon));
    const fault = this.faults.shift();
    if (fault && fault.after !== name) throw fault;
    return fault;
  }

  #spend(cents) {
    if (cents > this.balance) throw refused(402, "INSUFFICIENT_BALANCE");
    this.balance -= cents;
  }

  #hold(id) {
    const hold = this.holds.get(id);
    if (hold.ended) throw refused(409, "HOLD_ENDED");
    return hold;
  }

  async takeHold(body) {
    await this.#asked("take", body);
    this.#spend(body.amount_cents);
    const hold_id = `hold-${this.holds.size}`;
    this.holds.set(hold_id, { cents: body.amount_cents, ended: false });
    return { hold_id };
  }

  async extendHold(id, body) {
    await this.#asked("extend", body);
    const hold = this.#hold(id);
    this.#spend(body.add_cents);
    hold.cents += body.add_cents;
    return { hold_id: id };
  }

  async captureHold(id, body) {
    const lost = await this.#asked("capture", body);
    if (body.items.some((item) => item.reference === "wrong")) throw refused(422, "INVALID_REQUEST");
    const text = JSON.stringify(body);
    if ((this.kept.get(body.idempotency_key) ?? text) !== text) throw refused(409, "IDEMPOTENCY_KEY_REUSED");
    if (!this.kept.has(body.idempotency_key)) {
      const price = body.items.reduce((sum, item) => sum + item.amount_cents, 0);
      const hold = this.#hold(id);
      assert.ok(price <= hold.cents, "more is captured than was held");
      hold.cents -= price;
      this.lines.push(...body.items);
      this.kept.set(body.idempotency_key, text);
    }
    if (lost) throw lost;
    return { captured_cents: body.items.reduce((sum, item) => sum + item.amount_cents, 0), items: [] };
  }

  async releaseHold(id, body) {
    await this.#asked("release", body);
    const hold = this.#hold(id);
    this.balance += hold.cents;
    hold.ended = true;
    return {};
  }
}

const LATER = 3_600;
export const allowed = (wallet, more = {}) => new Allowance(wallet, "acct", { cents: 100, settleSeconds: LATER, labels: { agent: "a" }, ...more });

/** A service that prices tokens by its book and tools by what they cost at the moment, and captures all that fits. */
export class Priced {
  asked = [];
  captures = [];
  tool = 5;
  input = "0.15";
  version = "2026-01-01";

  async getPrices() {
    this.asked.push("prices");
    const model = { model: "small", aliases: ["tiny"], input: this.input, output: "0.6", cache_read: null, cache_write: "1.25" };
    return { version: this.version, markup_bps: 2_000, models: [model] };
  }

  async quote(body) {
    this.asked.push("quote");
    if (body.usage) throw refused(422, "UNKNOWN_MODEL");
    if (body.tool_id !== "tool") throw refused(404, "TOOL_NOT_FOUND");
    if (body.max_price_cents < this.tool) throw refused(409, "PRICE_CHANGED");
    return { amount_cents: this.tool };
  }

  async takeHold() {
    return { hold_id: `h-${this.version}`, price_version: this.version };
  }

  async extendHold(_, body) {
    this.asked.push(`extend ${body.add_cents}`);
    return {};
  }

  async captureHold(_, body) {
    if (body.items.some((item) => item.max_price_cents < this.tool)) throw refused(409, "PRICE_CHANGED");
    this.captures.push(...body.items);
    const items = body.items.map((item) => ({ ...item, amount_cents: item.tool_id ? this.tool : (item.amount_cents ?? 0.216) }));
    return { captured_cents: Number(items.reduce((sum, item) => sum + item.amount_cents, 0).toFixed(4)), items };
  }

  async releaseHold() {}
}
export const SMALL = { usage: { model: "tiny", input_tokens: 10_000, output_tokens: 500 } };
