/** Whose page this is: where the bearer token comes from, and what happens when it is refused. */

/** @import { Config } from "../types.js" */

const KEPT_AS = "aerostack-billing-token";
const ASKED = "aerostack-billing-asked";

/**
 * @typedef {object} Session
 * @property {(asked: {expired: boolean}) => Promise<string | null>} token
 * @property {(refused?: string) => void} expired Forgets the token, or the one that was refused, and asks the reader to
 *   sign in. Where there is another one by now, nothing happens.
 * @property {(token: string) => void} keep
 * @property {() => string | null} account The account that the token names, to be shown; nothing is decided by it.
 * @property {() => {token: string, account: string | null} | null} linked What somebody's link signs in with, until it is
 *   kept or passed over: nobody is signed in by a link that the page did not lead to, for it names whose account is paid.
 * @property {() => void} pass Pass that over.
 * @property {boolean} own Whether the page itself keeps the token, and so can sign the reader out.
 */

/**
 * The session of a deployment that hands tokens in, or one of the page's own, kept for this tab only.
 *
 * @param {Config} config
 * @param {() => void} onExpired
 * @param {string} [of] Whose token it is, where it is no user's: kept apart from the other.
 * @returns {Session}
 */
export function createSession(config, onExpired, of = "") {
  const { getToken } = config;
  const keptAs = `${KEPT_AS}${of && `-${of}`}`;
  let linked = getToken ? null : takeFromAddress();
  const kept = getToken ? null : sessionStorage.getItem(keptAs);
  if (linked !== null && (config.signIn === "local" || wasAsked() || isOfTheSame(linked, kept))) {
    sessionStorage.setItem(keptAs, linked);
    linked = null;
  }
  let current = getToken ? null : sessionStorage.getItem(keptAs);
  return {
    own: !getToken,
    linked: () => linked && { token: linked, account: subjectOf(linked) },
    pass() {
      linked = null;
    },
    async token({ expired }) {
      if (getToken) current = (await getToken({ expired })) || null;
      // The page cannot renew what it keeps itself.
      return expired && !getToken ? null : current;
    },
    expired(refused) {
      if (refused && current && refused !== current) return;
      current = null;
      sessionStorage.removeItem(keptAs);
      onExpired();
    },
    keep(token) {
      linked = null;
      current = token.trim();
      sessionStorage.setItem(keptAs, current);
    },
    account: () => (current ? subjectOf(current) : null),
  };
}

/** Note that the reader leaves this tab's page to sign in, and comes back with a token. */
export function askForToken() {
  sessionStorage.setItem(ASKED, "yes");
}

/** Whether this tab's page led to where a token comes from; for one token. */
function wasAsked() {
  const asked = sessionStorage.getItem(ASKED) !== null;
  sessionStorage.removeItem(ASKED);
  return asked;
}

/** @param {string} token @param {string | null} kept */
function isOfTheSame(token, kept) {
  return kept !== null && subjectOf(token) !== null && subjectOf(token) === subjectOf(kept);
}

/** A token in the fragment, which no server is sent, leaves the address bar at once. */
function takeFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token || null;
}

/** @param {string} token A JWT. */
function subjectOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(payload)).sub ?? "");
  } catch {
    return null;
  }
}
