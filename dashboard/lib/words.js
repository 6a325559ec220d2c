/**
 * The words of the page in the reader's language. Each language is one file of messages in `messages/`, and nothing else:
 * the first of the reader's languages that has a file is taken, English where none has.
 *
 * A message may hold places, such as `{date}`. One whose words depend on a number `n` is an object of the forms that
 * `Intl.PluralRules` tells apart in its language.
 */

/** @typedef {string | Record<string, string>} Message */

const ENGLISH = "en";

const { language: chosen, messages } = await choose();

/** The language that the page speaks. */
export const language = chosen;

const plural = new Intl.PluralRules(language);

async function choose() {
  for (const wanted of new Set(navigator.languages.map((one) => one.split("-")[0].toLowerCase()))) {
    if (wanted === ENGLISH || !/^[a-z]{2,3}$/.test(wanted)) break;
    const found = await import(`../messages/${wanted}.js`).catch(() => null);
    if (found) return { language: wanted, messages: /** @type {Record<string, Message>} */ (found.messages) };
  }
  const found = await import(`../messages/${ENGLISH}.js`);
  return { language: ENGLISH, messages: /** @type {Record<string, Message>} */ (found.messages) };
}

/** Whether there are words for a key. @param {string} key */
export function has(key) {
  return key in messages;
}

/**
 * The words for a key, with what is given put in its places.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [given] A number is written as the reader writes numbers.
 */
export function t(key, given = {}) {
  const message = messages[key] ?? key;
  const words = typeof message === "string" ? message : (message[plural.select(Number(given.n))] ?? message.other);
  return words.replaceAll(/\{(\w+)\}/g, (place, name) => {
    const value = given[name];
    return typeof value === "number" ? new Intl.NumberFormat().format(value) : (value ?? place);
  });
}
