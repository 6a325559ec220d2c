/** Budgets: what may be spent under a label, how far each is used up, and which one stops what. */

import { Invalid, openDialog } from "../lib/dialog.js";
import { badge, button, h } from "../lib/dom.js";
import { amountField, checkField, selectField, textField } from "../lib/fields.js";
import { dateTime, dollars, money, parseDollars } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";

/** @import { Budget, View } from "../types.js" */

const WINDOWS = /** @type {Record<string, string>} */ ({
  day: t("budgets.day"),
  month: t("budgets.month"),
  total: t("budgets.total"),
});
const STATES = /** @type {Record<string, ["plain" | "warn" | "bad", string]>} */ ({
  ok: ["plain", ""],
  alert: ["warn", t("budgets.near")],
  reached: ["bad", t("budgets.reached")],
});
const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const EACH = "*";

/** @param {View} view */
export function view(view) {
  const { add, change, remove } = createActs(view);
  return [
    panel(view, {
      id: "your-budgets",
      title: t("budgets.title"),
      needs: ["budgets"],
      lines: 10,
      render: (page) => budgetsView(page, { add, change, remove }),
    }),
  ];
}

/** @param {View} view */
function createActs({ api, store, tell }) {
  const path = (/** @type {string} */ label, /** @type {string} */ value) =>
    `/api/balance/budgets/${encodeURIComponent(label)}/${encodeURIComponent(value)}`;
  const change = (/** @type {Budget | null} */ budget) =>
    askBudget(budget, async (label, value, body) => {
      await api.put(path(label, value), body);
      await store.load("budgets");
      tell("good", t("budgets.isSet", { label, value }));
    });
  return {
    change,
    add: () => change(null),
    remove: (/** @type {Budget} */ budget) =>
      askRemoval(budget, async () => {
        await api.del(path(budget.label, budget.value));
        await store.load("budgets");
        tell("good", t("budgets.isRemoved", { label: budget.label, value: budget.value }));
      }),
  };
}

/**
 * @param {{budgets: Budget[], next_cursor: string | null}} page
 * @param {object} acts
 * @param {() => unknown} acts.add
 * @param {(budget: Budget) => unknown} acts.change
 * @param {(budget: Budget) => unknown} acts.remove
 */
function budgetsView({ budgets, next_cursor }, acts) {
  return [
    budgets.length === 0
      ? h("p.empty", t("budgets.none"))
      : h(
          "div.meters",
          budgets.map((budget) => meter(budget, acts)),
        ),
    next_cursor !== null && h("p.soft.small", t("budgets.more")),
    h("div.actions", button(t("budgets.add"), acts.add, { id: "budget-add" })),
  ];
}

/** @param {Budget} budget @param {{change: (budget: Budget) => unknown, remove: (budget: Budget) => unknown}} acts */
function meter(budget, acts) {
  const { label, value, limit_cents, spent_cents, held_cents, window, state, inherited } = budget;
  const [tone, word] = STATES[state] ?? STATES.ok;
  const name = value === EACH ? t("budgets.each", { label }) : `${label} ${value}`;
  const used = (spent_cents ?? 0) + (held_cents ?? 0);
  const id = `${label}-${value}`.replaceAll(/[^A-Za-z0-9_-]/g, "-");
  return h(
    "div",
    { class: `meter ${tone}` },
    h(
      "div.meter-head",
      h("strong", name, " ", word && badge(word, tone)),
      h("span", `${spent_cents === null ? "" : money(used)} ${
          spent_cents === null ? money(limit_cents) : t("usage.of", { limit: money(limit_cents) })
        } ${WINDOWS[window]}`.trim()),
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
      button(t("act.change"), () => acts.change(budget), { id: `change-${id}`, "aria-label": t("budgets.change", { name }) }),
      !inherited && button(t("act.remove"), () => acts.remove(budget), { id: `remove-${id}`, "aria-label": t("budgets.remove", { name }) }),
    ),
  );
}

/** What it means for whoever spends. @param {Budget} budget */
function note({ label, value, remaining_cents, resets_at, state, inherited }) {
  if (remaining_cents === null) return t("budgets.holdsOfEach", { label });
  const until = resets_at === null ? "" : dateTime(resets_at);
  if (state === "reached") return t(until ? "budgets.refusedUntil" : "budgets.refused", { label, value, date: until });
  const words = [t("budgets.left", { amount: money(remaining_cents) })];
  if (until) words.push(t("budgets.startsOver", { date: until }));
  if (inherited) words.push(t("budgets.inherited", { label }));
  return words.join(" ");
}

/**
 * @param {Budget | null} budget The one that is changed; null for a new one.
 * @param {(label: string, value: string, body: object) => Promise<unknown>} act
 */
function askBudget(budget, act) {
  const label = textField("label", t("budgets.label"), budget?.label ?? "agent", t("budgets.labelHint"));
  const value = textField("value", t("budgets.value"), budget?.value ?? "", t("budgets.valueHint"));
  const limit = amountField("limit_cents", t("budgets.most"), dollars(budget?.limit_cents ?? null));
  const window = selectField("window", t("budgets.for"), WINDOWS, budget?.window);
  const byok = checkField("include_byok", t("budgets.byok"), budget?.include_byok ?? false);
  openDialog({
    title: budget === null ? t("budgets.add") : t("budgets.of", { label: budget.label, value: budget.value }),
    body: [h("p.soft", t("budgets.text"))],
    fields: [
      ...(budget === null ? [label, value] : []),
      limit,
      window,
      byok,
    ],
    submit: t("act.save"),
    act: () => {
      const cents = parseDollars(limit.input.value);
      if (!NAME.test(label.input.value.trim())) throw new Invalid("label", t("budgets.invalidLabel"));
      if (value.input.value.trim() === "") throw new Invalid("value", t("budgets.invalidValue"));
      if (cents === null || cents < 1) throw new Invalid("limit_cents", t("budgets.invalidLimit"));
      const kept = budget === null ? {} : { alert_percent: budget.alert_percent, per_charge_max_cents: budget.per_charge_max_cents };
      const body = { ...kept, limit_cents: cents, window: window.input.value, include_byok: byok.input.checked };
      return act(label.input.value.trim(), value.input.value.trim(), body);
    },
  });
}

/** @param {Budget} budget @param {() => Promise<unknown>} act */
function askRemoval({ label, value }, act) {
  openDialog({
    title: t("budgets.removeTitle", { label, value }),
    body: [h("p", t("budgets.removeText"))],
    submit: t("act.remove"),
    danger: true,
    act,
  });
}
