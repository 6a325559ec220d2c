// Money is US cents: a whole number, or a text with up to four decimals. Never a fraction of a float.

/** An amount in US cents: `2`, or `"0.34"`. */
export type Cents = number | string;

/** The amount as a request holds it. TypeError for a float that is not whole, which cannot hold most prices. */
export function cents(amount: Cents): Cents {
  if (typeof amount === "number" ? Number.isSafeInteger(amount) : /^\d+(\.\d{1,4})?$/.test(amount)) return amount;
  throw new TypeError(`${amount} is no whole number of cents, and no text with at most four decimals, such as "0.34"`);
}
