// Money set aside around a piece of work, so that it is paid for when it succeeds and free when it fails.

import type { CallOptions } from "./calling.js";
import { BillingError } from "./errors.js";
import { cents, type Cents } from "./money.js";
import type { components } from "./schema.js";
import type { Answer, Body } from "./types.js";

/** @internal */
export interface EndsHolds {
  captureHold(id: string, body: Body<"captureHold">, options?: CallOptions): Promise<Answer<"captureHold">>;
  releaseHold(id: string, body: Body<"releaseHold">, options?: CallOptions): Promise<Answer<"releaseHold">>;
}

/** Tokens of a model, each in exactly one of the counts. */
export type TokenUsage = components["schemas"]["UsageRequest"];
/** What may be said of a capture beside its price. */
export type CaptureTerms = Pick<Body<"captureHold">, "allow_partial" | "labels">;

/** A hold for the time of some work. */
export class Hold {
  readonly accountId: string;
  /** The key of the hold, its capture and its release. */
  readonly idempotencyKey: string;
  /** The hold as it was taken. */
  readonly held: Answer<"takeHold">;
  /** What was taken, once it was. */
  captured: Answer<"captureHold"> | undefined;
  readonly #holds: EndsHolds;
  #capturing = false;

  /** @internal */
  constructor(holds: EndsHolds, accountId: string, idempotencyKey: string, held: Answer<"takeHold">) {
    this.#holds = holds;
    this.accountId = accountId;
    this.idempotencyKey = idempotencyKey;
    this.held = held;
  }

  /**
   * Take the price, an amount in cents or the tokens that were used; the rest goes back. Repeat it with the same price
   * as often as needed: it is taken once.
   */
  async capture(
    price: Cents | { usage: TokenUsage }, more: CaptureTerms = {}, options?: CallOptions,
  ): Promise<Answer<"captureHold">> {
    // A price that cannot even be sent is no capture that was tried.
    const priced = typeof price === "object" ? price : { amount_cents: cents(price) };
    this.#capturing = true;
    const body = { account_id: this.accountId, idempotency_key: this.idempotencyKey, ...priced, ...more };
    this.captured = await this.#holds.captureHold(this.held.hold_id, body, options);
    return this.captured;
  }

  /** @internal Give it back, unless a capture was tried. A hold that nobody ends lapses by itself. */
  async end(): Promise<void> {
    if (this.#capturing) return;
    const body = { account_id: this.accountId, idempotency_key: this.idempotencyKey };
    try {
      await this.#holds.releaseHold(this.held.hold_id, body);
    } catch (error) {
      if (!(error instanceof BillingError)) throw error;
      console.warn(`a hold could not be released; it lapses at ${this.held.expires_at}:`, error.message);
    }
  }
}
