/** What can go wrong between the page and the API, and how to say it to somebody who is no developer. */

import { has, t } from "./words.js";

/** A refusal of the API, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {Record<string, unknown>} [details]
   */
  constructor(status, code, message, details = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/**
 * A sentence for the reader. The API's own words serve where nothing better is known; its 5xx say nothing to a reader.
 *
 * @param {unknown} error
 */
export function explain(error) {
  if (!(error instanceof ApiError)) return t("error.page");
  const words = `error.${error.code}`;
  if (error.code && has(words)) return t(words);
  if (error.status === 429) return t("error.burst");
  if (error.status >= 500) return t("error.failed");
  return error.message;
}
