// How a call goes on until it has its answer: again under the same key, with longer and longer waits, to a deadline.

import { ApiError, BillingError, Unanswered } from "./errors.js";
import type { Lines } from "./types.js";

/** How long a call is repeated, and how patiently. */
export interface Retries {
  /** Bounds the whole call; 30,000. */
  deadlineMs?: number;
  /** Bounds one try of it; 12,000. */
  tryMs?: number;
  /** About how long it waits at first; then twice as long each time. 100. */
  firstWaitMs?: number;
  /** The longest of these waits; 5,000. */
  longestWaitMs?: number;
  /** How often it is tried at most; 1 turns repeating off. */
  mostTries?: number;
}

export interface ClientOptions {
  /** https, or http on loopback. */
  baseUrl: string;
  /** A bearer token, or what fetches one: asked at the first call, and once more when the service refuses it. */
  token?: string | (() => string | Promise<string>);
  retries?: Retries;
  /** In place of the global one. */
  fetch?: typeof fetch;
}

/** What may be said of one call. */
export interface CallOptions {
  /** Ends the call, also between two tries. */
  signal?: AbortSignal;
  /** Bounds this call in place of the client's `retries.deadlineMs`. */
  deadlineMs?: number;
}

/** @internal */
export interface Call extends CallOptions {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  body?: object;
  query?: object | undefined;
  /** Doing it twice is doing it once, by its key or by its nature. */
  repeatable?: boolean;
  public?: boolean;
  /** The answer is a JSON object a line; it is read as `Lines`. */
  lines?: boolean;
}

const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);
const LOOPBACK = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** @internal */
export class Caller {
  readonly #base: URL;
  readonly #fetch: typeof fetch;
  readonly #retries: Required<Retries>;
  readonly #fetchToken: () => string | Promise<string>;
  #token: Promise<string> | undefined;

  constructor(options: ClientOptions) {
    this.#base = checked(options.baseUrl);
    this.#fetch = options.fetch ?? ((...request) => fetch(...request));
    this.#retries = {
      deadlineMs: 30_000, tryMs: 12_000, firstWaitMs: 100, longestWaitMs: 5_000, mostTries: Infinity,
      ...options.retries,
    };
    const token = options.token ?? "";
    this.#fetchToken = typeof token === "string" ? () => token : token;
  }

  get host(): string {
    return this.#base.host;
  }

  get deadlineMs(): number {
    return this.#retries.deadlineMs;
  }

  /** The answer's JSON. ApiError, or Unanswered: what the last try met. */
  async call<Answer>(call: Call): Promise<Answer> {
    const deadline = Date.now() + (call.deadlineMs ?? this.#retries.deadlineMs);
    const key = (call.body as { idempotency_key?: string } | undefined)?.idempotency_key;
    let token = call.public ? undefined : await this.#current();
    let refreshed = false;
    let unknown = false;
    for (let attempts = 1; ; attempts++) {
      let failure: BillingError;
      try {
        return await this.#once<Answer>(call, token, Math.min(this.#retries.tryMs, deadline - Date.now()));
      } catch (error) {
        if (!(error instanceof BillingError)) throw error;
        failure = error;
      }
      const last = mayHaveHadItsEffect(failure);
      failure.tell({ idempotencyKey: key, attempts, outcomeUnknown: last || (unknown && !decides(failure)) });
      unknown ||= last;
      call.signal?.throwIfAborted();
      if (failure instanceof ApiError && failure.status === 401 && token !== undefined && !refreshed) {
        refreshed = true;
        token = await this.#another(token);
        if (token !== undefined) continue;
        throw failure;
      }
      const asked = failure instanceof ApiError ? 1000 * (failure.retryAfterSeconds ?? 0) : 0;
      const wait = Math.max(asked, this.#waitMs(attempts));
      if (attempts >= this.#retries.mostTries || !mayRepeat(call, failure) || Date.now() + wait >= deadline) throw failure;
      await pause(wait, call.signal);
    }
  }

  async #once<Answer>(call: Call, token: string | undefined, ms: number): Promise<Answer> {
    const url = new URL(this.#base.pathname.replace(/\/$/, "") + call.path, this.#base);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = { accept: call.lines ? "application/x-ndjson" : "application/json" };
    if (call.body) headers["content-type"] = "application/json";
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    const ends = AbortSignal.timeout(Math.max(1, ms));
    const signal = call.signal ? AbortSignal.any([call.signal, ends]) : ends;
    let answer: Response;
    let told: unknown;
    try {
      answer = await this.#fetch(url, {
        method: call.method, headers, signal, redirect: "manual",
        ...(call.body && { body: JSON.stringify(call.body) }),
      });
      const text = await answer.text();
      told = call.lines && answer.ok ? linesOf(text, answer.headers) : parsed(text);
    } catch (error) {
      call.signal?.throwIfAborted();
      throw this.#unanswered(error);
    }
    if (!answer.ok) throw new ApiError(answer.status, answer.headers, told);
    if (typeof told !== "object" || told === null) {
      throw new Unanswered(`The service at ${this.host} answered with something that is no JSON.`, undefined, false);
    }
    const replayed = answer.headers.get("idempotency-replayed") === "true";
    return (replayed ? { ...told, replayed } : told) as Answer;
  }

  #unanswered(error: unknown): Unanswered {
    const code = String((error as { cause?: { code?: unknown } })?.cause?.code ?? "");
    if (code === "ENOTFOUND") return new Unanswered(`The host ${this.host} is not known: check baseUrl.`, error, true);
    if (NEVER_SENT.has(code)) return new Unanswered(`The service could not be reached at ${this.host}.`, error, true);
    return new Unanswered(`The service at ${this.host} gave no whole answer.`, error, false);
  }

  #waitMs(attempts: number): number {
    const longest = Math.min(this.#retries.longestWaitMs, this.#retries.firstWaitMs * 2 ** (attempts - 1));
    return longest * (0.5 + Math.random() / 2);
  }

  /** The token; fetched once for all calls that wait for it. */
  #current(): Promise<string> {
    this.#token ??= this.#fetched();
    return this.#token;
  }

  /** A token instead of one that was refused, fetched once for all calls; undefined if there is no other. */
  async #another(refused: string): Promise<string | undefined> {
    if (this.#token && (await this.#token) === refused) this.#token = this.#fetched();
    const token = await this.#current();
    return token === refused ? undefined : token;
  }

  async #fetched(): Promise<string> {
    try {
      const token = (await this.#fetchToken()).trim();
      // What refuses such a header would tell it, and so the token, to whoever reads the log.
      if (!/^[\x20-\x7e]*$/.test(token)) throw new BillingError("The token is not one line of printable characters.");
      return token;
    } catch (error) {
      this.#token = undefined;
      if (error instanceof BillingError) throw error;
      throw new BillingError("The token could not be fetched.", { cause: error });
    }
  }
}

function mayRepeat(call: Call, failure: BillingError): boolean {
  const repeatable = call.repeatable ?? true;
  if (failure instanceof Unanswered) return repeatable || failure.neverSent;
  return failure instanceof ApiError && failure.mayPass && (repeatable || failure.status === 429);
}

/** Whether the last try may have had its effect. */
function mayHaveHadItsEffect(failure: BillingError): boolean {
  if (failure instanceof Unanswered) return !failure.neverSent;
  if (!(failure instanceof ApiError) || failure.code === "PAYMENT_PROVIDER_REFUSED") return false;
  return failure.status >= 500 || failure.code === "REQUEST_IN_PROGRESS";
}

/** Whether the answer also tells that no earlier try had it: the service looked at the key and refused. */
function decides(failure: BillingError): boolean {
  return failure instanceof ApiError && failure.status < 500 && ![401, 429].includes(failure.status);
}

function checked(baseUrl: string): URL {
  const url = new URL(baseUrl);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && LOOPBACK.has(url.hostname))) {
    throw new TypeError(`${baseUrl} is not https: a token must not travel in the clear (loopback may be http)`);
  }
  if (url.username || url.search || url.hash) throw new TypeError("baseUrl must hold no user, query or fragment");
  return url;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Undefined where a line is no JSON object. */
function linesOf(text: string, headers: Headers): Lines | undefined {
  const lines: Lines["lines"] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const told = parsed(line);
    if (typeof told !== "object" || told === null || Array.isArray(told)) return undefined;
    lines.push(told as Lines["lines"][number]);
  }
  return { lines, next_cursor: headers.get("x-next-cursor") };
}

/** @internal */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resume, fail) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", stop, { once: true });
    function done(): void {
      signal?.removeEventListener("abort", stop);
      resume();
    }
    function stop(): void {
      clearTimeout(timer);
      fail(signal?.reason);
    }
  });
}
