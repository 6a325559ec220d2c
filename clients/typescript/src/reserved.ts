// Money of an allowance that waits until it is known what some work cost.

import type { ChargeTerms } from "./allowance.js";
import { pricedBy, type Price, type Priced } from "./prices.js";

/** @internal What ends a reservation: what the work cost, or undefined where it is given back. */
export type EndsReserved = (item: (ChargeTerms & Priced) | undefined) => void;

/**
 * Money that is set aside for work. `charge` says once what the work cost; `release` gives back what is not charged, and
 * does nothing after a charge, so that it stands in a `finally`. More than was set aside comes out of the rest of the
 * hold, and beyond that out of the balance.
 */
export class Reserved {
  readonly #end: EndsReserved;
  #ended = false;

  /** @internal */
  constructor(end: EndsReserved) {
    this.#end = end;
  }

  /**
   * Charge what the work cost; no request is made. TypeError unless there is exactly one price, RangeError below zero,
   * Error where a charge or the release was done before.
   */
  charge(price: Price, more: ChargeTerms = {}): void {
    const item = { ...more, ...pricedBy(price) };
    if (typeof price === "number" && price < 0) throw new RangeError("a charge takes no less than 0 cents");
    if (this.#ended) throw new Error("what was reserved is charged or released already");
    this.#ended = true;
    this.#end(item);
  }

  /** Give it back, unless that or a charge was done. */
  release(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#end(undefined);
  }
}
