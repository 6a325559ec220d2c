/** The local stack's own doors, which no deployment has: a token for the asking, and a clock that is moved on. */

import { ApiError } from "./errors.js";
import { t } from "./words.js";

/** @param {string} account @param {string} scopes Of an operator's token; a user's has none. @returns {Promise<string>} */
export async function localToken(account, scopes = "") {
  const answer = await door("token", { account, scopes });
  return answer.token;
}

/** The demo's accounts; none where the stack has none. @returns {Promise<{account: string, about: string}[]>} */
export async function localAccounts() {
  return (await door("accounts")).accounts;
}

/** How far the stack's clock is ahead of this machine's, in milliseconds; 0 where there is no local stack. */
export async function localClockLead() {
  try {
    return (await door("clock")).unix * 1000 - Date.now();
  } catch {
    return 0;
  }
}

/** @param {string} name @param {object} [body] */
async function door(name, body) {
  const request = body && { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`/_local/${name}`, request).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (response?.ok && answer) return answer;
  throw new ApiError(response?.status ?? 0, "", answer?.error?.message ?? t("error.noLocal"));
}
