/** Dialogs. The browser's own element keeps the focus inside, closes on Escape and gives the focus back. */

import { h, whileBusy } from "./dom.js";
import { ApiError, explain } from "./errors.js";
import { byId, floor, focused } from "./stage.js";
import { t } from "./words.js";

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {Node} node The field with its label.
 * @property {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} input
 * @property {HTMLElement} problem Where an error about the field is told: beneath it.
 *
 * @typedef {object} Asked
 * @property {string} title
 * @property {(string | Node)[]} body
 * @property {Field[]} [fields]
 * @property {string} submit What the button says that does it.
 * @property {string} [cancel]
 * @property {boolean} [danger]
 * @property {() => Promise<unknown>} act Throws ApiError or Invalid, and the dialog stays open and says why.
 */

/** What the reader typed cannot be meant. */
export class Invalid extends Error {
  /** @param {string} field @param {string} message */
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

let opened = 0;

/** Open a dialog over the page. @param {Asked} asked */
export function openDialog({ title, body, fields = [], submit, cancel = t("dialog.cancel"), danger = false, act }) {
  const id = `dialog-${++opened}`;
  const problem = h("p.problem", { role: "alert", id: `${id}-problem` });
  const does = h("button", { type: "submit", class: danger ? "button danger" : "button primary" }, submit);
  const closes = h("button.button", { type: "button", on: { click: () => dialog.close() } }, cancel);
  const form = h(
    "form",
    {
      novalidate: true,
      on: { submit: (/** @type {Event} */ event) => (event.preventDefault(), whileBusy(does, run)) },
    },
    h("h2", { id: `${id}-title` }, title),
    ...body,
    ...fields.map((field) => field.node),
    problem,
    h("div.actions.end", closes, does),
  );
  const dialog = h("dialog", { "aria-labelledby": `${id}-title`, on: { close: leave } }, form);
  const opener = focused();
  const near = /** @type {HTMLElement | null} */ (opener?.closest("section")?.querySelector("h2") ?? null);

  function leave() {
    dialog.remove();
    if (focused() !== null) return;
    // What opened it was shown again meanwhile, and the browser had nothing to give the focus back to.
    const again = byId(opener?.id ?? "") ?? near ?? byId("main");
    again?.focus();
  }

  async function run() {
    problem.textContent = "";
    for (const field of fields) describe(field, "");
    try {
      await act();
      dialog.close();
    } catch (error) {
      const wrong = fields.find((field) => isAbout(error, field.name));
      const detail = error instanceof ApiError && wrong && error.status === 422 && detailOf(error, wrong.name);
      const words = error instanceof Invalid ? error.message : typeof detail === "string" ? detail : explain(error);
      if (!wrong) return void (problem.textContent = words);
      describe(wrong, words);
      wrong.input.focus();
    }
  }

  // Where the reader goes on is the first field, not the first button before it.
  fields[0]?.input.setAttribute("autofocus", "");
  floor().append(dialog);
  dialog.showModal();
  return dialog;
}

/** @param {Field} field @param {string} words What is wrong with it; empty where nothing is. */
function describe({ input, problem }, words) {
  problem.textContent = words;
  if (words) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-errormessage", problem.id);
  } else {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-errormessage");
  }
}

/** What the API says of a field, or of one of its values. @param {ApiError} error @param {string} field */
function detailOf({ details }, field) {
  return Object.entries(details).find(([name]) => name === field || name.startsWith(`${field}.`))?.[1];
}

/** @param {unknown} error @param {string} field */
function isAbout(error, field) {
  if (error instanceof Invalid) return error.field === field;
  return error instanceof ApiError && detailOf(error, field) !== undefined;
}
