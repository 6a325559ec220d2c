/** Fields of a dialog, each with its label and with the place where a mistake in it is told. */

import { h } from "./dom.js";

/** @import { Field } from "./dialog.js" */

/**
 * A field for an amount in dollars.
 *
 * @param {string} name
 * @param {string} label
 * @param {string} value
 * @param {string} [hint]
 */
export function amountField(name, label, value, hint) {
  const input = textInput(name, value, hint, { inputmode: "decimal" });
  return field(name, label, input, hint, h("div.amount", h("span", { "aria-hidden": "true" }, "$"), input));
}

/** @param {string} name @param {string} label @param {string} value @param {string} [hint] @param {Record<string, string>} [props] */
export function textField(name, label, value, hint, props) {
  const input = textInput(name, value, hint, props);
  return field(name, label, input, hint, input);
}

/** @param {string} name @param {string} label @param {Record<string, string>} options Words by value. @param {string} [chosen] */
export function selectField(name, label, options, chosen) {
  const choices = Object.entries(options).map(([value, words]) => h("option", { value, selected: value === chosen }, words));
  const input = h("select", { id: `field-${name}`, name }, choices);
  return field(name, label, input, undefined, input);
}

/** @param {string} name @param {string} label @param {boolean} checked @returns {Field & {input: HTMLInputElement}} */
export function checkField(name, label, checked) {
  const input = h("input", { type: "checkbox", name, id: `field-${name}`, checked });
  const problem = problemOf(input.id);
  return { name, input, problem, node: h("div.check", input, h("label", { for: input.id }, label), problem) };
}

/** Several lines of text, each a value. @param {string} name @param {string} label @param {string[]} values @param {string} hint */
export function linesField(name, label, values, hint) {
  const id = `field-${name}`;
  const input = h("textarea", { id, name, rows: "3", autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-hint` });
  input.value = values.join("\n");
  const lines = () => input.value.split(/[\s,;]+/).filter(Boolean);
  return { ...field(name, label, input, hint, input), lines };
}

/** Several of some, each with a box to check. @param {string} name @param {string} label @param {Record<string, string>} options Words by value. @param {string[]} chosen */
export function checksField(name, label, options, chosen) {
  const boxes = Object.entries(options).map(([value, words]) => checkField(`${name}-${value}`, words, chosen.includes(value)));
  const problem = problemOf(`field-${name}`);
  const values = Object.keys(options);
  return {
    name,
    input: boxes[0].input,
    problem,
    node: h("fieldset.checks", h("legend", label), ...boxes.map(({ node }) => node), problem),
    chosen: () => values.filter((_, index) => boxes[index].input.checked),
  };
}

/** @param {string} name @param {string} value @param {string} [hint] @param {Record<string, string>} [props] */
function textInput(name, value, hint, props) {
  const id = `field-${name}`;
  const described = hint && `${id}-hint`;
  return h("input", { id, name, value, type: "text", autocomplete: "off", "aria-describedby": described, ...props });
}

/**
 * @template {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Input
 * @param {string} name
 * @param {string} label
 * @param {Input} input
 * @param {string | undefined} hint
 * @param {Node} control
 */
function field(name, label, input, hint, control) {
  const problem = problemOf(input.id);
  const node = h(
    "div.field",
    h("label", { for: input.id }, label),
    control,
    problem,
    hint && h("p.hint", { id: `${input.id}-hint` }, hint),
  );
  return { name, node, input, problem };
}

/** @param {string} id Of the field. */
function problemOf(id) {
  return h("p.problem", { role: "alert", id: `${id}-problem` });
}
