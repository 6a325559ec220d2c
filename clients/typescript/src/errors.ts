// What the service refuses or fails with, and what keeps a call from its answer.

import type { paths } from "./schema.js";

type Values<T> = T[keyof T];
type CodeIn<Content> = Content extends { error: { code: infer Code extends string } } ? Code : never;
type Responses = Values<{ [Path in keyof paths]: Values<paths[Path]> }>;
type Bodies = Responses extends infer Operation
  ? Operation extends { responses: infer R }
    ? Values<R> extends infer Answer
      ? Answer extends { content: { "application/json": infer Content } }
        ? Content
        : never
      : never
    : never
  : never;

/** Every code that the service's description names. `string & {}` keeps room for those of a newer service. */
export type ErrorCode = CodeIn<Bodies> | (string & {});

interface Told {
  idempotencyKey: string | undefined;
  attempts: number;
  outcomeUnknown: boolean;
}

/** The call has no good answer. The same call under `idempotencyKey` is always safe. */
export class BillingError extends Error {
  override name = "BillingError";
  /** The key it was made under, if it had one. */
  idempotencyKey: string | undefined;
  /** How often it was tried. */
  attempts = 0;
  /** Whether the call may have had its effect all the same. */
  outcomeUnknown = false;

  /** @internal */
  tell(told: Told): this {
    return Object.assign(this, told);
  }
}

/** No whole answer came: no connection, or it broke, or it took too long. */
export class Unanswered extends BillingError {
  override name = "Unanswered";
  /** Whether the request was surely never sent. */
  readonly neverSent: boolean;

  constructor(message: string, cause: unknown, neverSent: boolean) {
    super(message, { cause });
    this.neverSent = neverSent;
  }
}

/** A refusal or failure that the service answered with: `message` says what to do, `details` are its figures. */
export class ApiError extends BillingError {
  override name = "ApiError";
  readonly status: number;
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  /** The request's name in the service's logs. */
  readonly requestId: string | undefined;
  /** How long the service asks to wait. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, headers: Headers, body: unknown) {
    const told = fields(fields(body).error);
    const code = typeof told.code === "string" ? told.code : "";
    const requestId = headers.get("apigw-requestid") ?? undefined;
    const message = code && typeof told.message === "string" ? told.message : gateways(status, headers);
    super(`${code ? `${code}: ` : ""}${message}${requestId ? ` (request ${requestId})` : ""}`);
    this.status = status;
    this.code = code;
    this.details = fields(told.details);
    this.requestId = requestId;
    this.retryAfterSeconds = seconds(headers.get("retry-after"));
  }

  /** Whether the service refused: asking the same again brings the same, until something else changes. */
  get refused(): boolean {
    return !this.mayPass;
  }

  /** Whether the same call may succeed a moment later. */
  get mayPass(): boolean {
    if (this.code === "PAYMENT_PROVIDER_REFUSED") return false;
    return this.status === 429 || this.status >= 500 || this.code === "REQUEST_IN_PROGRESS";
  }

  /** Whether the plan has no room for it: nothing was counted. */
  get planLimitExceeded(): boolean {
    return this.code === "PLAN_LIMIT_EXCEEDED";
  }

  /** Whether money is short: nothing was taken. */
  get moneyIsShort(): boolean {
    return this.status === 402;
  }
}

/** What to do about an answer that no function gave: which of token, clock and host is wrong. */
function gateways(status: number, headers: Headers): string {
  const why = /error_description="([^"]*)"/.exec(headers.get("www-authenticate") ?? "")?.[1];
  const said = why ? ` (${why})` : "";
  if (status === 401) return `The service refuses the token${said}: fetch a new one.${clock(headers)}`;
  if (status === 403) return `The token may not do this${said}: it lacks the scope, or is meant for something else.`;
  if (status === 404) return "There is no such route: check baseUrl.";
  return `The service answered ${status}.`;
}

function clock(headers: Headers): string {
  const ahead = Math.round((Date.now() - Date.parse(headers.get("date") ?? "")) / 1000);
  if (!(Math.abs(ahead) >= 60)) return "";
  return ` This machine's clock is ${Math.abs(ahead)} s ${ahead > 0 ? "ahead of" : "behind"} the service's.`;
}

function seconds(text: string | null): number | undefined {
  if (text === null) return undefined;
  const asked = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  return Number.isNaN(asked) ? undefined : Math.max(0, asked);
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
