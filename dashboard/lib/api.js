/** Requests to the public routes, in the name of the reader. */

import { ApiError } from "./errors.js";

/** @import { Session } from "./session.js" */

const TIMEOUT_MS = 30_000;

/**
 * @typedef {object} Api
 * @property {(path: string) => Promise<any>} get
 * @property {(path: string, body?: object) => Promise<any>} post
 * @property {(path: string, body: object) => Promise<any>} put
 * @property {(path: string) => Promise<any>} del
 * @property {(path: string) => Promise<{lines: any[], next: string | null}>} lines Of an answer that has one a line.
 */

/**
 * The API at an address. Every call may throw ApiError; after a 401 the token is renewed and the call made once more,
 * and where that does not help, `session.expired` is told.
 *
 * @param {string} baseUrl
 * @param {Session} session
 * @returns {Api}
 */
export function createApi(baseUrl, session) {
  /** @type {Map<string, string>} Keys of posts that nobody answered so far: repeated, they are the same request. */
  const unanswered = new Map();

  /** @param {string} method @param {string} path @param {object} [body] */
  async function call(method, path, body) {
    const request = requestOf(method, body);
    if (method !== "POST") return answerOf(await authorized(path, request));
    const act = path + String(request.body);
    const key = unanswered.get(act) ?? crypto.randomUUID();
    unanswered.set(act, key);
    request.headers["idempotency-key"] = key;
    const response = await authorized(path, request);
    unanswered.delete(act);
    return answerOf(response);
  }

  /** @param {string} path @param {RequestInit & {headers: Record<string, string>}} request */
  async function authorized(path, request) {
    let refused;
    for (const expired of [false, true]) {
      const token = await session.token({ expired });
      if (token === null) break;
      refused = token;
      request.headers.authorization = `Bearer ${token}`;
      const response = await send(baseUrl + path, request);
      if (response.status !== 401) return response;
    }
    session.expired(refused);
    throw new ApiError(401, "UNAUTHORIZED", "The session has ended.");
  }

  return {
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    put: (path, body) => call("PUT", path, body),
    del: (path) => call("DELETE", path),
    async lines(path) {
      const response = await authorized(path, requestOf("GET"));
      if (!response.ok) return answerOf(response);
      const text = await response.text();
      const lines = text.split("\n").filter(Boolean);
      return { lines: lines.map((line) => JSON.parse(line)), next: response.headers.get("x-next-cursor") };
    },
  };
}

/** The API for whoever only looks: what would change something is never sent. @param {Api} api @returns {Api} */
export function readOnly({ get, lines }) {
  const refuse = async () => {
    throw new ApiError(403, "READ_ONLY", "Nothing can be changed here.");
  };
  return { get, lines, post: refuse, put: refuse, del: refuse };
}

/** @param {string} method @param {object} [body] */
function requestOf(method, body) {
  const headers = /** @type {Record<string, string>} */ (body ? { "content-type": "application/json" } : {});
  return { method, headers, body: body && JSON.stringify(body) };
}

/** @param {string} url @param {RequestInit} request */
async function send(url, request) {
  try {
    return await fetch(url, { ...request, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, late ? "TIMEOUT" : "OFFLINE", "The API could not be reached.");
  }
}

/** @param {Response} response */
async function answerOf(response) {
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  const told = answer?.error ?? {};
  throw new ApiError(
    response.status,
    told.code ?? "",
    told.message ?? `The API answered ${response.status}.`,
    told.details,
  );
}
