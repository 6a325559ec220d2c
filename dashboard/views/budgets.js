/** Budgets: what may be spent under a label, how far each is used up, and which one stops what. */

import { amountField, checkField, Invalid, openDialog } from "../lib/dialog.js";
import { badge, button, h } from "../lib/dom.js";
import { dateTime, dollars, money, parseDollars } from "../lib/format.js";

/** @import { Budget } from "../types.js" */
/** @import { Field } from "../lib/dialog.js" */

const WINDOWS = /** @type {Record<string, string>} */ ({ day: "a day", month: "a month", total: "in all" });
const STATES = /** @type {Record<string, ["plain" | "warn" | "bad", string]>} */ ({
  ok: ["plain", ""],
  alert: ["warn", "Near"],
  reached: ["bad", "Reached"],
});
const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const EACH = "*";

/**
 * @param {{budgets: Budget[], next_cursor: string | null}} page
 * @param {object} acts
 * @param {() => unknown} acts.add
 * @param {(budget: Budget) => unknown} acts.change
 * @param {(budget: Budget) => unknown} acts.remove
 */
export function budgetsView({ budgets, next_cursor }, acts) {
  return [
    budgets.length === 0
      ? h("p.empty", "No budgets yet. One stops an agent, a key or a team at a sum, and no other.")
      : h(
          "div.meters",
          budgets.map((budget) => meter(budget, acts)),
        ),
    next_cursor !== null && h("p.soft.small", "There are more budgets than are shown here."),
    h("div.actions", button("Set a budget", acts.add, { id: "budget-add" })),
  ];
}

/** @param {Budget} budget @param {{change: (budget: Budget) => unknown, remove: (budget: Budget) => unknown}} acts */
function meter(budget, acts) {
  const { label, value, limit_cents, spent_cents, held_cents, window, state, inherited } = budget;
  const [tone, word] = STATES[state] ?? STATES.ok;
  const name = value === EACH ? `Each ${label}` : `${label} ${value}`;
  const used = (spent_cents ?? 0) + (held_cents ?? 0);
  const id = `${label}-${value}`.replaceAll(/[^A-Za-z0-9_-]/g, "-");
  return h(
    "div",
    { class: `meter ${tone}` },
    h(
      "div.meter-head",
      h("strong", name, " ", word && badge(word, tone)),
      h("span", `${spent_cents === null ? "" : `${money(used)} of `}${money(limit_cents)} ${WINDOWS[window]}`),
    ),
    spent_cents !== null &&
      h(
        "div.bar",
        {
          role: "meter",
          "aria-label": name,
          "aria-valuemin": "0",
          "aria-valuemax": String(Math.max(limit_cents, used)),
          "aria-valuenow": String(used),
          "aria-valuetext": note(budget),
          css: { "--fill": Math.min(1, used / limit_cents), "--limit": 1, "--grace": 1 },
        },
        h("span.bar-fill"),
      ),
    h("p.meter-note.small", note(budget)),
    h(
      "div.actions",
      button("Change", () => acts.change(budget), { id: `change-${id}`, "aria-label": `Change ${name}` }),
      !inherited && button("Remove", () => acts.remove(budget), { id: `remove-${id}`, "aria-label": `Remove ${name}` }),
    ),
  );
}

/** What it means for whoever spends. @param {Budget} budget */
function note({ label, value, remaining_cents, resets_at, state, inherited }) {
  if (remaining_cents === null) return `Holds of each ${label} that has no budget of its own.`;
  const until = resets_at === null ? "until you raise it" : `until ${dateTime(resets_at)}, or until you raise it`;
  if (state === "reached") return `Charges with ${label} ${value} are refused ${until}. Others are not.`;
  const whose = inherited ? ` This is the budget of each ${label}.` : "";
  return `${money(remaining_cents)} left${resets_at === null ? "" : `. It starts over on ${dateTime(resets_at)}`}.${whose}`;
}

/**
 * @param {Budget | null} budget The one that is changed; null for a new one.
 * @param {(label: string, value: string, body: object) => Promise<unknown>} act
 */
export function askBudget(budget, act) {
  const label = textField("label", "Label", budget?.label ?? "agent", "What your services call it, like agent or key.");
  const value = textField("value", "Value", budget?.value ?? "", "Like agt_7; * is each value that has none of its own.");
  const limit = amountField("limit_cents", "Spend at most", dollars(budget?.limit_cents ?? null));
  const window = h(
    "select",
    { id: "field-window" },
    Object.entries(WINDOWS).map(([name, words]) => h("option", { value: name, selected: name === budget?.window }, words)),
  );
  const byok = checkField("include_byok", "Count what own keys would have cost, too", budget?.include_byok ?? false);
  openDialog({
    title: budget === null ? "Set a budget" : `The budget of ${budget.label} ${budget.value}`,
    body: [h("p.soft", "A charge that does not fit is refused, and nothing is taken. It counts from now on.")],
    fields: [
      ...(budget === null ? [label, value] : []),
      limit,
      /** @type {Field} */ (/** @type {unknown} */ ({
        name: "window",
        input: window,
        problem: h("p.problem"),
        node: h("div.field", h("label", { for: window.id }, "For"), window),
      })),
      byok,
    ],
    submit: "Save",
    act: () => {
      const cents = parseDollars(limit.input.value);
      if (!NAME.test(label.input.value.trim())) throw new Invalid("label", "A label has small letters, digits and _ only.");
      if (value.input.value.trim() === "") throw new Invalid("value", "Name a value, or * for each.");
      if (cents === null || cents < 1) throw new Invalid("limit_cents", "Enter an amount above zero.");
      const kept = budget === null ? {} : { alert_percent: budget.alert_percent, per_charge_max_cents: budget.per_charge_max_cents };
      const body = { ...kept, limit_cents: cents, window: window.value, include_byok: byok.input.checked };
      return act(label.input.value.trim(), value.input.value.trim(), body);
    },
  });
}

/** @param {Budget} budget @param {() => Promise<unknown>} act */
export function askRemoval({ label, value }, act) {
  openDialog({
    title: `Remove the budget of ${label} ${value}?`,
    body: [h("p", "Charges no longer have to fit it. What is spent stays spent.")],
    submit: "Remove",
    danger: true,
    act,
  });
}

/** @param {string} name @param {string} words @param {string} value @param {string} hint @returns {Field} */
function textField(name, words, value, hint) {
  const id = `field-${name}`;
  const input = h("input", { id, name, value, type: "text", autocomplete: "off", "aria-describedby": `${id}-hint` });
  const problem = h("p.problem", { role: "alert", id: `${id}-problem` });
  return { name, input, problem, node: h("div.field", h("label", { for: id }, words), input, problem, h("p.hint", { id: `${id}-hint` }, hint)) };
}
