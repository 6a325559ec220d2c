// Money is US cents: a whole number, or a text with up to four decimals. Never a fraction of a float.

/** An amount in US cents: `2`, or `"0.34"`. */
export type Cents = number | string;

/** The amount as a request holds it. TypeError for a float that is not whole, which cannot hold most prices. */
export function cents(amount: Cents): Cents {
  if (typeof amount === "number" ? Number.isSafeInteger(amount) : /^\d+(\.\d{1,4})?$/.test(amount)) return amount;
  throw new TypeError(`${amount} is no whole number of cents, and no text with at most four decimals, such as "0.34"`);
}

const MICROS = 10_000;

/** @internal Millionths of a dollar; TypeError as `cents`. */
export function inMicros(amount: Cents): number {
  const [whole, decimals = ""] = String(cents(amount)).split(".");
  return Number(whole) * MICROS + Number(decimals.padEnd(4, "0"));
}

/** @internal The same of an amount that the service answered: a number nearest to one with four decimals at most. */
export function microsOf(answered: Cents): number {
  return typeof answered === "number" ? Math.round(answered * MICROS) : inMicros(answered);
}

/** @internal Micros as cents: a whole number, or a text with what it needs of decimals. */
export function inCents(micros: number): Cents {
  if (micros % MICROS === 0) return micros / MICROS;
  return `${Math.floor(micros / MICROS)}.${String(micros % MICROS).padStart(4, "0").replace(/0+$/, "")}`;
}
