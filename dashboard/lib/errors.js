/** What can go wrong between the page and the API, and how to say it to somebody who is no developer. */

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

const WORDS = /** @type {Record<string, string>} */ ({
  OFFLINE: "The billing service could not be reached. Check your connection and try again.",
  TIMEOUT: "The billing service takes too long to answer. Nothing is lost: try again in a moment.",
  UNAUTHORIZED: "Your session has ended. Sign in again to go on.",
  ALREADY_ON_PLAN: "You are on this plan already.",
  NO_ACTIVE_SUBSCRIPTION: "There is no subscription to cancel.",
  NOTHING_TO_RESUME: "Nothing is pending any more, so there was nothing to take back.",
  NO_STRIPE_CUSTOMER: "There are no invoices or cards yet. They begin with your first purchase.",
  NO_PAYMENT_METHOD: "Auto-reload needs a saved card. Make a deposit first: its card is kept for this.",
  ALREADY_ONBOARDED: "Your payout account is complete already.",
  SESSION_NOT_FOUND: "This payment belongs to another account, or it is no longer known.",
  SESSION_NOT_PAID: "The payment is not through yet. It counts as soon as your bank confirms it.",
  PAYMENT_PROVIDER_UNAVAILABLE: "Stripe does not answer at the moment. Nothing was charged: try again shortly.",
  PAYMENT_PROVIDER_ERROR: "Stripe could not carry this out. Nothing was charged: try again shortly.",
  STORE_UNAVAILABLE: "The billing service is busy. Nothing was changed: try again in a moment.",
  INVALID_REDIRECT_URL: "Stripe may not lead back to this address. Whoever runs this page must allow its host.",
});

/**
 * A sentence for the reader. The API's own words serve where nothing better is known; its 5xx say nothing to a reader.
 *
 * @param {unknown} error
 */
export function explain(error) {
  if (!(error instanceof ApiError)) return "Something went wrong on this page. Reload it and try again.";
  if (WORDS[error.code]) return WORDS[error.code];
  if (error.status === 429) return "Too many requests at once. Wait a moment and try again.";
  if (error.status >= 500) return "The billing service failed. Nothing is lost: try again in a moment.";
  return error.message;
}
