/** What the page knows of the API: each answer under a name, with how far it is, and who wants to hear of it. */

const STALE_AFTER_MS = 60_000;

/**
 * @typedef {object} Part
 * @property {any} [data]
 * @property {unknown} [error] Set where the last try failed and there is nothing older to show.
 */

export class Store {
  /** @param {Record<string, () => Promise<any>>} sources How each part is fetched. */
  constructor(sources) {
    this.sources = sources;
    /** @type {Record<string, Part>} */
    this.parts = {};
    /** @type {Record<string, number>} How often each part was asked for or set: whose turn an answer belongs to. */
    this.turns = {};
    /** @type {Record<string, number>} When each part was last asked for. */
    this.asked = {};
    /** @type {Set<{names: string[], tell: () => void}>} */
    this.listeners = new Set();
  }

  /** @param {string} name @returns {any} The data, or undefined while there is none. */
  data(name) {
    return this.parts[name]?.data;
  }

  /** Call `tell` whenever one of the parts changes. @param {string[]} names @param {() => void} tell @param {AbortSignal} [signal] */
  on(names, tell, signal) {
    const listener = { names, tell };
    this.listeners.add(listener);
    signal?.addEventListener("abort", () => this.listeners.delete(listener));
  }

  /** What somebody listens to, and can be fetched. */
  wanted() {
    const names = [...this.listeners].flatMap((listener) => listener.names);
    return [...new Set(names)].filter((name) => name in this.sources);
  }

  /** Fetch what was never asked for, failed, or is old. @param {string[]} names */
  ensure(names) {
    const now = Date.now();
    this.forget(names);
    return this.load(
      ...names.filter((name) => name in this.sources && now - (this.asked[name] ?? -Infinity) > STALE_AFTER_MS),
    );
  }

  /**
   * Fetch parts again. What is shown stays until the new answer is there, and where that fails; nothing is told where
   * nothing changed. An answer that comes after a newer one was asked for or set is dropped.
   *
   * @param {...string} names
   */
  async load(...names) {
    await Promise.all(names.map((name) => this.loadOne(name)));
  }

  /** @param {string} name */
  async loadOne(name) {
    const turn = this.begin(name);
    const part = await this.sources[name]().then(
      (data) => ({ data }),
      (error) => ({ error }),
    );
    if (turn !== this.turns[name]) return;
    if ("data" in part) return this.set(name, part.data);
    if (this.data(name) !== undefined) return;
    this.parts[name] = part;
    this.tell(name);
  }

  /** @param {string} name */
  begin(name) {
    this.asked[name] = Date.now();
    this.turns[name] = (this.turns[name] ?? 0) + 1;
    return this.turns[name];
  }

  /** Note an answer that came another way, such as that of a PUT. @param {string} name @param {any} data */
  set(name, data) {
    this.begin(name);
    const same = JSON.stringify(this.data(name)) === JSON.stringify(data);
    this.parts[name] = { data };
    if (!same) this.tell(name);
  }

  /** Forget failures, and try again what failed. @param {string[]} names */
  retry(names) {
    return this.load(...this.forget(names));
  }

  /** Forget failures; what failed waits again. @param {string[]} names */
  forget(names) {
    const failed = names.filter((name) => this.parts[name]?.error);
    for (const name of failed) {
      delete this.parts[name];
      delete this.asked[name];
    }
    for (const name of failed) this.tell(name);
    return failed;
  }

  /** @param {string} name */
  tell(name) {
    for (const { names, tell } of [...this.listeners]) if (names.includes(name)) tell();
  }
}
