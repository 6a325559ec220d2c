// What requests are made of: bodies with a key and an exact price, batches, paths.

import { cents, type Cents } from "./money.js";

const MOST_EVENTS = 100;
/** Below what the service takes in a request, 1 MiB. */
const MOST_BATCH_BYTES = 1_000_000;

/** @internal The events of each request: a hundred, or as many as fit; one that does not fit alone is for the service to refuse. */
export function parts<T>(events: T[]): T[][] {
  const cut: T[][] = [];
  let bytes = 0;
  for (const event of events) {
    const own = new TextEncoder().encode(JSON.stringify(event)).length + 1;
    const last = cut.at(-1);
    if (!last || last.length === MOST_EVENTS || bytes + own > MOST_BATCH_BYTES) {
      cut.push([event]);
      bytes = own;
    } else {
      last.push(event);
      bytes += own;
    }
  }
  return cut;
}

/** @internal With a key, its own or a new one. */
export function keyed<T extends { idempotency_key?: string }>(body: T): T & { idempotency_key: string } {
  return { ...body, idempotency_key: body.idempotency_key ?? crypto.randomUUID() };
}

/** @internal With a price that is exact: TypeError for a fraction that is no text. */
export function priced<T extends { amount_cents?: Cents | null }>(body: T): T {
  return body.amount_cents == null ? body : { ...body, amount_cents: cents(body.amount_cents) };
}

/** @internal */
export function budget(label: string, value: string): string {
  return `/api/balance/budgets/${segment(label)}/${segment(value)}`;
}

/** @internal A name as one segment of a path; TypeError for one that would make the path another. */
export function segment(name: string): string {
  if (name === "" || name === "." || name === "..") throw new TypeError(`"${name}" is no name`);
  return encodeURIComponent(name);
}
