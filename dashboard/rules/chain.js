/** The chain of hashes in the ledger, checked from the statement's lines alone: docs/check-my-bill.md says how. */

/** @typedef {Record<string, any>} Line */

/**
 * @typedef {object} Checked
 * @property {number} lines How many fit.
 * @property {string | null} hash Of the last line.
 * @property {number | null} balance Micros, after the last line.
 * @property {{seq: number, id: string, reason: string} | null} wrong The first line that does not fit.
 */

const VERSION = 1;

/** What is hashed of a line: sorted names, no white space, without its own hash. @param {Line} line */
export function canonical(line) {
  const { hash: _own, ...sealed } = line;
  return written(sealed);
}

/** @param {any} value @returns {string} */
function written(value) {
  if (Array.isArray(value)) return `[${value.map(written).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${written(value[name])}`).join(",")}}`;
}

/** @param {Line} line */
export async function digest(line) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical(line)));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Check lines, oldest first, from the very first one on. @param {Line[]} lines @returns {Promise<Checked>} */
export async function verify(lines) {
  /** @type {Checked} */
  let checked = { lines: 0, hash: null, balance: null, wrong: null };
  /** @type {Line | null} */
  let before = null;
  for (const line of lines) {
    const own = await digest(line);
    const reason = misfit(line, before, checked.hash, own);
    if (reason !== null) return { ...checked, wrong: { seq: line.seq, id: line.id, reason } };
    // A line from before the chain was begun has no hash: its own is worked out, and the next one that has one seals it.
    const sealing = line.hash ?? (await digest(checked.hash ? { ...line, previous_hash: checked.hash } : line));
    checked = { lines: checked.lines + 1, hash: sealing, balance: line.balance_after_micros, wrong: null };
    before = line;
  }
  return checked;
}

/**
 * Why a line does not fit, as a word that the page has a sentence for; null where it does.
 *
 * @param {Line} line
 * @param {Line | null} before
 * @param {string | null} running The hash that it must seal.
 * @param {string} own The hash of what it says.
 */
function misfit(line, before, running, own) {
  if (line.v !== VERSION) return "version";
  if (line.seq !== (before?.seq ?? 0) + 1) return "place";
  if (line.balance_after_micros !== (before?.balance_after_micros ?? 0) + line.effect_micros)
    return "balance";
  if (line.hash === undefined) return before?.hash === undefined ? null : "unsealed";
  if (before !== null && line.previous_hash !== running) return "seal";
  return line.hash === own ? null : "hash";
}
