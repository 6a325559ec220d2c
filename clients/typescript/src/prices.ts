// What a charge of an allowance will cost, known before its capture: an amount, tokens by the book, a tool's price.

import type { CallOptions } from "./calling.js";
import { now } from "./clock.js";
import type { TokenUsage } from "./hold.js";
import { cents, inMicros, microsOf, type Cents } from "./money.js";
import type { components } from "./schema.js";
import type { Answer, Body } from "./types.js";

/** What a charge costs: an amount, what its tokens cost, or what its tool costs, of at most `max_price_cents`. */
export type Price = Cents | { usage: TokenUsage } | { tool_id: string; max_price_cents?: Cents };

/** @internal */
export interface Priced {
  amount_cents?: Cents;
  usage?: TokenUsage;
  tool_id?: string;
  max_price_cents?: Cents;
}

/** @internal */
export interface TellsPrices {
  getPrices(options?: CallOptions): Promise<Answer<"getPrices">>;
  quote(body: Body<"charge">, options?: CallOptions): Promise<components["schemas"]["Quoted"]>;
}

/** How long a tool's price is taken for known after the service told it. */
const TOOL_MS = 60_000;
const PICOS_PER_MICRO = 1_000_000n;
const BASIS_POINTS = 10_000n;
type Model = Answer<"getPrices">["models"][number];

/** @internal The price as a request holds it; TypeError unless there is exactly one. */
export function pricedBy(price: Price): Priced {
  if (typeof price !== "object") return { amount_cents: cents(price) };
  const { usage, tool_id, max_price_cents, ...rest } = price as Priced;
  if ((usage === undefined) === (tool_id === undefined) || Object.keys(rest).length > 0) {
    throw new TypeError("give exactly one of an amount of cents, usage, and a tool_id");
  }
  if (usage !== undefined) return { usage };
  return { tool_id: tool_id as string, ...(max_price_cents !== undefined && { max_price_cents: cents(max_price_cents) }) };
}

/** @internal Prices as the service last told them. What a capture came to corrects what was set aside by them. */
export class KnownPrices {
  readonly #service: TellsPrices;
  #book: { version: string; markup: bigint; models: Map<string, Model> } | undefined;
  readonly #tools = new Map<string, { micros: number; until: number }>();
  /** The last usage that the book did not price and the service did: a release may be between the two. */
  #quoted: { usage: string; micros: number } | undefined;

  constructor(service: TellsPrices) {
    this.#service = service;
  }

  /** In micros; undefined where the service has to be asked. */
  of({ amount_cents, usage, tool_id, max_price_cents }: Priced): number | undefined {
    if (amount_cents !== undefined) return inMicros(amount_cents);
    if (usage) return this.#ofTokens(usage);
    const known = this.#tools.get(tool_id as string);
    if (!known || now() >= known.until) return undefined;
    return max_price_cents !== undefined && known.micros > inMicros(max_price_cents) ? undefined : known.micros;
  }

  /** Ask for what is not known. Rejects as the service does: UNKNOWN_MODEL, TOOL_NOT_FOUND, PRICE_CHANGED. */
  async ask(account_id: string, kind: Body<"charge">["kind"], asked: Priced): Promise<void> {
    if (asked.usage && !this.#book) {
      const { version, markup_bps, models } = await this.#service.getPrices();
      const named = models.flatMap((model) => [model.model, ...model.aliases].map((name) => [name, model] as const));
      this.#book = { version, markup: BigInt(markup_bps), models: new Map(named) };
    }
    if (this.of(asked) !== undefined) return;
    const quoted = await this.#service.quote({ account_id, kind, billing_mode: "wallet", ...asked });
    const micros = microsOf(quoted.amount_cents);
    if (asked.tool_id !== undefined) this.#tools.set(asked.tool_id, { micros, until: now() + TOOL_MS });
    if (asked.usage) this.#quoted = { usage: JSON.stringify(asked.usage), micros };
  }

  /** A hold was taken by this version of the book, whose prices its captures pay: another one is forgotten. */
  heldBy(version: string | null | undefined): void {
    if (this.#book?.version !== version) this.#book = undefined;
  }

  /** What was captured tells what tools cost now. */
  captured(items: Answer<"captureHold">["items"] | undefined): void {
    for (const { tool_id, amount_cents } of items ?? []) {
      if (tool_id != null) this.#tools.set(tool_id, { micros: microsOf(amount_cents), until: now() + TOOL_MS });
    }
  }

  #ofTokens(usage: TokenUsage): number | undefined {
    const rate = this.#book?.models.get(usage.model);
    if (this.#book && rate) return tokensCost(rate, usage, this.#book.markup);
    return this.#book && this.#quoted?.usage === JSON.stringify(usage) ? this.#quoted.micros : undefined;
  }
}

/** As the service computes it: in whole picodollars, rounded up to a micro once. */
function tokensCost(rate: Model, usage: TokenUsage, markup: bigint): number {
  const cost = (tokens: number | undefined, dollars: string): bigint => BigInt(tokens ?? 0) * picodollars(dollars);
  const picos =
    cost(usage.input_tokens, rate.input) +
    cost(usage.output_tokens, rate.output) +
    cost(usage.cache_read_tokens, rate.cache_read ?? rate.input) +
    cost(usage.cache_write_tokens, rate.cache_write ?? rate.input);
  const unit = BASIS_POINTS * PICOS_PER_MICRO;
  return Number((picos * (BASIS_POINTS + markup) + unit - 1n) / unit);
}

/** Dollars a million tokens as picodollars a token: the price book has six decimals at most. */
function picodollars(dollars: string): bigint {
  const [whole, decimals = ""] = dollars.split(".");
  return BigInt(whole + decimals.padEnd(6, "0"));
}
