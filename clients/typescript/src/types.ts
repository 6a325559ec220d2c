// What each operation takes and answers, by the names of the service's own description.

import type { operations } from "./schema.js";

export type Operation = keyof operations;

type Parameters<Op extends Operation> = operations[Op]["parameters"];
type RequestOf<Op extends Operation> = NonNullable<operations[Op]["requestBody"]> extends {
  content: { "application/json": infer Body };
}
  ? Body
  : never;

/** The body of a request. Its key may be left out: it is given one before the first try. */
export type Body<Op extends Operation> =
  RequestOf<Op> extends { idempotency_key?: unknown }
    ? Omit<RequestOf<Op>, "idempotency_key"> & { idempotency_key?: string }
    : RequestOf<Op>;

/** What its query may hold. */
export type Query<Op extends Operation> = NonNullable<Parameters<Op>["query"]>;

/** Objects that are answered a line each; `next_cursor` leads to those after them. */
export interface Lines {
  lines: Record<string, unknown>[];
  next_cursor: string | null;
}

type Success<R> = R extends { 201: { content: { "application/json": infer Answer } } }
  ? Answer
  : R extends { 200: { content: { "application/json": infer Answer } } }
    ? Answer
    : R extends { 200: { content: { "application/x-ndjson": unknown } } }
      ? Lines
      : never;

/** What it answers. `replayed` is set where it is the first answer to the key, given again. */
export type Answer<Op extends Operation> = Success<operations[Op]["responses"]> & { replayed?: true };
