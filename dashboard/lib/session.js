/** Whose page this is: where the bearer token comes from, and what happens when it is refused. */

/** @import { Config } from "../types.js" */

const KEPT_AS = "aerostack-billing-token";

/**
 * @typedef {object} Session
 * @property {(asked: {expired: boolean}) => Promise<string | null>} token
 * @property {(refused?: string) => void} expired Forgets the token, or the one that was refused, and asks the reader to
 *   sign in. Where there is another one by now, nothing happens.
 * @property {(token: string) => void} keep
 * @property {() => string | null} account The account that the token names, to be shown; nothing is decided by it.
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
  let current = getToken ? null : (takeFromAddress(keptAs) ?? sessionStorage.getItem(keptAs));
  return {
    own: !getToken,
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
      current = token.trim();
      sessionStorage.setItem(keptAs, current);
    },
    account: () => (current ? subjectOf(current) : null),
  };
}

/** A token in the fragment, which no server is sent, is kept and leaves the address bar at once. @param {string} keptAs */
function takeFromAddress(keptAs) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    history.replaceState(null, "", location.pathname + location.search);
    sessionStorage.setItem(keptAs, token);
  }
  return token;
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
