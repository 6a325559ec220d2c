// Charging without a request for each charge: money is held ahead, handed out here, and captured by items.

import type { CallOptions } from "./calling.js";
import { now } from "./clock.js";
import { ApiError, BillingError } from "./errors.js";
import type { EndsHolds } from "./hold.js";
import { inCents, inMicros, microsOf, type Cents } from "./money.js";
import { KnownPrices, pricedBy, type Price, type Priced, type TellsPrices } from "./prices.js";
import { Reserved } from "./reserved.js";
import type { Answer, Body } from "./types.js";

/** How an allowance works. */
export interface AllowanceTerms {
  /** What it holds at most. */
  cents: Cents;
  /** What its charges are for; `agent_execution`. */
  kind?: Body<"takeHold">["kind"];
  /** Of all of its charges. */
  labels?: Record<string, string>;
  /** How long its hold lives, which is extended at half of it; 300. */
  ttlSeconds?: number;
  /** How often it captures in the background; 2. */
  settleSeconds?: number;
}

/** What a charge may say beside its price. */
export interface ChargeTerms {
  kind?: Body<"takeHold">["kind"];
  reference?: string;
  labels?: Record<string, string>;
  creator_id?: string;
}

/** What an allowance did so far, in cents. `lost` was handed out and could not be captured. */
export interface AllowanceStats {
  handedOut: Cents;
  captured: Cents;
  lost: Cents;
  /** Charges that were handed out and are not captured yet. */
  waiting: number;
}

/** @internal */
export interface Holds extends EndsHolds, TellsPrices {
  takeHold(body: Body<"takeHold">, options?: CallOptions): Promise<Answer<"takeHold">>;
  extendHold(id: string, body: Body<"extendHold">, options?: CallOptions): Promise<Answer<"extendHold">>;
}

type Item = ChargeTerms & Priced;

/** A charge, and what was set aside for it: the capture may come to another price. */
interface Drawn {
  item: Item;
  micros: number;
}

/** Charges to capture together under one key, from the hold that they were handed out of. */
interface Part {
  holdId: string;
  key: string;
  drawn: Drawn[];
  /** Once it is sent, what stands under its key must stay as it is. */
  sealed: boolean;
}

const MOST_ITEMS = 90;
const PAUSE_MS = 5_000;

/**
 * Takes charges from one account at the speed of memory, out of money that is held for them. `charge` resolves when the
 * money is certain: it is held, and is captured within seconds, by a line of the statement of its own. What the wallet,
 * its cap or a budget refuses rejects the charge that finds too little in hand.
 *
 * Close it at the end: what was handed out is captured, and the rest of the hold goes back. A process that ends without
 * loses what was not captured yet: the charges of the last `settleSeconds`, and never more than `cents`. The customer
 * is not charged for them, and gets the held money back when the hold lapses. A runtime that keeps no timers between
 * requests is given `settle()`: `context.waitUntil(allowance.settle())`.
 */
export class Allowance {
  readonly accountId: string;
  readonly #holds: Holds;
  readonly #prices: KnownPrices;
  readonly #terms: Required<Omit<AllowanceTerms, "cents">>;
  readonly #most: number;
  #holdId: string | undefined;
  #left = 0;
  #waiting = 0;
  /** What of that waits for what some work costs: no capture makes room of it. */
  #reserved = 0;
  #wakes: (() => void)[] = [];
  #endsAt = 0;
  #renewsAt = 0;
  #pausedUntil = 0;
  readonly #parts: Part[] = [];
  #asking: Promise<void> | undefined;
  #settling: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #handedOut = 0;
  #captured = 0;
  #lost = 0;

  constructor(holds: Holds, accountId: string, terms: AllowanceTerms) {
    const { cents: most, ...more } = terms;
    this.#holds = holds;
    this.#prices = new KnownPrices(holds);
    this.accountId = accountId;
    this.#most = inMicros(most);
    this.#terms = { kind: "agent_execution", labels: {}, ttlSeconds: 300, settleSeconds: 2, ...more };
    if (!(this.#most > 0 && this.#terms.ttlSeconds >= 10 && this.#terms.settleSeconds > 0)) {
      throw new RangeError("an allowance needs cents, at least ten seconds to live, and a time to settle");
    }
  }

  /** What was done so far. */
  get stats(): AllowanceStats {
    return {
      handedOut: inCents(this.#handedOut), captured: inCents(this.#captured), lost: inCents(this.#lost),
      waiting: this.#parts.reduce((sum, part) => sum + part.drawn.length, 0),
    };
  }

  /**
   * Take a price out of what is held; mostly without a request: an amount, or `{ usage }` or `{ tool_id }`, whose prices
   * are asked for once. The capture has the last word: what it came to otherwise is taken from what is held, or given
   * back to it. Rejects with what the service refuses where more has to be held, or there is no such price: then nothing
   * is taken. RangeError above the allowance itself.
   */
  async charge(price: Price, more: ChargeTerms = {}): Promise<void> {
    const item: Item = { ...more, ...pricedBy(price) };
    await this.#setAside(item, (holdId, micros) => this.#handOut(holdId, { item, micros }));
  }

  /**
   * Set aside what work may cost, such as its estimated tokens, until the work tells what it cost. Rejects as `charge`.
   * Where what is reserved leaves no room, it waits until other work ends. End it before `close`: what is charged
   * afterwards is lost.
   */
  async reserve(price: Price, more: ChargeTerms = {}): Promise<Reserved> {
    const asked: Item = { ...more, ...pricedBy(price) };
    return this.#setAside(asked, (holdId, micros) => {
      this.#reserved += micros;
      return new Reserved((item) => this.#ended(holdId, micros, item));
    });
  }

  /** Capture now what was handed out up to now. Rejects where that fails; it is tried again later. */
  async settle(): Promise<void> {
    // What is being captured may have begun before the last charge.
    await this.#settling?.catch(() => undefined);
    this.#settling ??= this.#captureAll().finally(() => {
      this.#settling = undefined;
    });
    await this.#settling;
  }

  /** Capture what was handed out, and give the rest of the hold back. Never rejects: what is lost is in `stats.lost`. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wakeAll();
    await this.#asking?.catch(() => undefined);
    try {
      await this.settle();
      if (this.#holdId !== undefined) {
        await this.#holds.releaseHold(this.#holdId, { account_id: this.accountId, idempotency_key: crypto.randomUUID() });
      }
    } catch (error) {
      if (!(error instanceof BillingError)) throw error;
      for (const part of this.#parts.splice(0)) this.#lose(part.drawn, error);
    }
    this.#holdId = undefined;
  }

  // What is in hand

  /** Set a price aside, once it is known and there is enough in hand, and hand it over to `take` in the same breath. */
  async #setAside<T>(item: Item, take: (holdId: string, micros: number) => T): Promise<T> {
    for (;;) {
      const micros = this.#prices.of(item);
      if (micros !== undefined && !(micros >= 0 && micros <= this.#most)) {
        throw new RangeError(`an allowance of ${inCents(this.#most)} cents takes charges from 0 up to that`);
      }
      if (this.#closed) throw new Error("the allowance is closed");
      const holdId = now() < this.#endsAt ? this.#holdId : undefined;
      if (holdId !== undefined && micros !== undefined && micros <= this.#left) {
        this.#left -= micros;
        this.#waiting += micros;
        const taken = take(holdId, micros);
        this.#lookAhead();
        return taken;
      }
      if (micros !== undefined && this.#reserved + micros > this.#most) await this.#someWorkEnds();
      else if (this.#asking) await this.#asking.catch(() => undefined);
      else await this.#ask(() => (micros === undefined ? this.#askPrice(item) : this.#holdFor(micros)));
    }
  }

  /** Have a charge captured for which money is set aside. */
  #handOut(holdId: string, drawn: Drawn): void {
    this.#handedOut += drawn.micros;
    let part = this.#parts.at(-1);
    if (!part || part.sealed || part.drawn.length >= MOST_ITEMS || part.holdId !== holdId) {
      part = { holdId, key: crypto.randomUUID(), drawn: [], sealed: false };
      this.#parts.push(part);
    }
    part.drawn.push(drawn);
    this.#settleSoon(part.drawn.length === MOST_ITEMS ? 0 : 1_000 * this.#terms.settleSeconds);
  }

  #someWorkEnds(): Promise<void> {
    return new Promise((wake) => this.#wakes.push(wake));
  }

  #wakeAll(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }

  /** Hand out what the work cost in place of what was set aside; nothing where there is no item. */
  #ended(holdId: string, reserved: number, item: Item | undefined): void {
    const micros = item === undefined ? 0 : (this.#prices.of(item) ?? reserved);
    this.#reserved -= reserved;
    this.#waiting += micros - reserved;
    this.#wakeAll();
    if (holdId === this.#holdId) this.#left -= micros - reserved;
    if (item === undefined) return;
    const drawn = { item, micros };
    if (!this.#closed) {
      this.#handOut(holdId, drawn);
      return;
    }
    this.#handedOut += micros;
    this.#lose([drawn], new BillingError("the allowance was closed before"));
  }

  #askPrice({ kind, usage, tool_id, max_price_cents }: Item): Promise<void> {
    const usual = tool_id === undefined ? this.#terms.kind : "tool_call";
    const priced = { ...(usage && { usage }), ...(tool_id !== undefined && { tool_id }), ...(max_price_cents !== undefined && { max_price_cents }) };
    return this.#prices.ask(this.accountId, kind ?? usual, priced);
  }

  #lookAhead(): void {
    if (this.#closed || this.#asking || now() < this.#pausedUntil) return;
    if (2 * this.#left > this.#most && now() < this.#renewsAt) return;
    // Whoever needs it will ask for itself, and be told.
    this.#ask(() => this.#holdMore(this.#most)).catch(() => {
      this.#pausedUntil = now() + PAUSE_MS;
    });
  }

  /** Ask for more, one request at a time. */
  #ask(how: () => Promise<void>): Promise<void> {
    const asked = how().finally(() => {
      this.#asking = undefined;
    });
    this.#asking = asked;
    return asked;
  }

  /** Hold as much as the terms say, or where that is refused, what the charge needs. */
  async #holdFor(price: number): Promise<void> {
    // What waits to be captured is a part of what is held: only without it there is room for more.
    await this.settle();
    try {
      await this.#holdMore(this.#most);
    } catch (error) {
      if (!(error instanceof ApiError && error.moneyIsShort)) throw error;
      await this.#holdMore(price, this.#reserved);
    }
  }

  /** Extend the hold, so that so much is in hand or waits `beside`; or take one where there is none. */
  async #holdMore(upTo: number, beside = 0): Promise<void> {
    const sentAt = now();
    const { kind, labels, ttlSeconds } = this.#terms;
    const body = { account_id: this.accountId, ttl_seconds: ttlSeconds, idempotency_key: crypto.randomUUID() };
    let holdId = sentAt < this.#endsAt ? this.#holdId : undefined;
    let added = Math.max(0, upTo + beside - this.#left - this.#waiting);
    if (holdId !== undefined) {
      try {
        await this.#holds.extendHold(holdId, { ...body, add_cents: inCents(added) });
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "HOLD_ENDED")) throw error;
        holdId = this.#holdId = undefined;
      }
    }
    if (holdId === undefined) {
      const asked = { ...body, kind, labels, amount_cents: inCents(upTo), idempotency_key: crypto.randomUUID() };
      const held = await this.#holds.takeHold(asked);
      holdId = held.hold_id;
      this.#prices.heldBy(held.price_version);
      added = upTo;
    }
    if (holdId !== this.#holdId) this.#left = 0;
    this.#holdId = holdId;
    this.#left += added;
    // A part of the time is left for the last capture, which is to come before the hold lapses.
    this.#endsAt = sentAt + 900 * ttlSeconds;
    this.#renewsAt = sentAt + 500 * ttlSeconds;
  }

  // Capturing

  /** Capture in the background, so many milliseconds from now at most. It keeps no process alive. */
  #settleSoon(ms: number): void {
    if (this.#timer !== undefined && ms > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#closed) return;
      this.settle().catch((error: unknown) => {
        console.warn("charges could not be captured yet, and are tried again:", (error as Error).message);
        if (!this.#closed) this.#settleSoon(PAUSE_MS);
      });
    }, ms);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  async #captureAll(): Promise<void> {
    for (const part of this.#parts) part.sealed = true;
    for (let part = this.#parts[0]; part?.sealed; part = this.#parts[0]) await this.#capture(part);
  }

  /** Capture the first part, once however often it is tried; rejects where it is to be tried again. */
  async #capture(part: Part): Promise<void> {
    const { holdId, key, drawn } = part;
    const items = drawn.map(({ item }) => item);
    let captured;
    try {
      captured = await this.#holds.captureHold(holdId, { account_id: this.accountId, items, final: false, idempotency_key: key });
    } catch (error) {
      if (!(error instanceof ApiError) || passes(error)) throw error;
      const over = error.code === "HOLD_ENDED" || error.code === "HOLD_NOT_FOUND";
      if (drawn.length > 1 && !over) {
        // One that is wrong is not to spoil the others: each by itself, under a key of its own.
        const each = drawn.map((one, place) => ({ holdId, key: `${key}:${place}`, drawn: [one], sealed: true }));
        this.#parts.splice(0, 1, ...each);
        return;
      }
      this.#lose(part.drawn, error);
      if (!over) this.#correct(holdId, -sum(drawn));
      this.#parts.shift();
      return;
    }
    this.#parts.shift();
    const taken = microsOf(captured.captured_cents);
    this.#prices.captured(captured.items);
    this.#captured += taken;
    this.#handedOut += taken - sum(drawn);
    this.#waiting -= sum(drawn);
    this.#correct(holdId, taken - sum(drawn));
  }

  /** So much more of the hold was used, or less, than was set aside; beyond the hold the balance has paid. */
  #correct(holdId: string, more: number): void {
    if (holdId === this.#holdId) this.#left = Math.max(this.#left - more, -this.#waiting);
  }

  #lose(drawn: Drawn[], error: BillingError): void {
    this.#lost += sum(drawn);
    this.#waiting -= sum(drawn);
    console.error(`${drawn.length} charges, ${inCents(sum(drawn))} cents, were not captured:`, error.message);
  }
}

function sum(drawn: Drawn[]): number {
  return drawn.reduce((micros, one) => micros + one.micros, 0);
}

/** Whether the same request may succeed later. */
function passes(error: ApiError): boolean {
  return error.status >= 500 || [401, 403, 429].includes(error.status);
}
