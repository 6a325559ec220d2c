/** What the reader is asked before money moves or a setting changes. */

import { h } from "../lib/dom.js";
import { Invalid, openDialog } from "../lib/dialog.js";
import { amountField, checkField } from "../lib/fields.js";
import { date, dollars, money, parseDollars, title } from "../lib/format.js";
import { t } from "../lib/words.js";
import { planName } from "../rules/plans.js";

/** @import { Field } from "../lib/dialog.js" */
/** @import { AutoReload, Billing } from "../types.js" */

const PRESETS = [1_000, 2_500, 5_000, 10_000];

/**
 * @param {Billing} billing
 * @param {() => Promise<unknown>} act
 */
export function askCancel(billing, act) {
  const plan = title(billing.plan_tier);
  const end = billing.current_period_end ? date(billing.current_period_end) : t("cancel.periodEnd");
  openDialog({
    title: t("cancel.title", { plan }),
    body: [h("p", t("cancel.text", { plan, date: end })), h("p.soft", t("cancel.data"))],
    submit: t("act.cancelPlan"),
    cancel: t("plan.keep", { plan }),
    danger: true,
    act,
  });
}

/**
 * @param {NonNullable<Billing["pending_change"]>} waiting
 * @param {string} wanted The plan that is wanted instead.
 * @param {() => Promise<unknown>} act
 */
export function askInstead({ plan_tier, billing_interval, effective_at }, wanted, act) {
  openDialog({
    title: t("instead.title", { plan: wanted }),
    body: [
      h("p", t("instead.waiting", { plan: planName(plan_tier, billing_interval), date: date(effective_at) })),
      h("p", t("instead.text")),
    ],
    submit: t("act.goOn"),
    cancel: t("instead.leave"),
    act,
  });
}

/** @param {{min: number, max: number}} bounds Cents. @param {(cents: number) => Promise<unknown>} act */
export function askDeposit(bounds, act) {
  const range = { least: money(bounds.min, { whole: true }), most: money(bounds.max, { whole: true }) };
  const field = amountField("amount_cents", t("deposit.amount"), dollars(PRESETS[1]), t("deposit.range", range));
  const presets = PRESETS.map((cents) =>
    h(
      "button.button",
      {
        type: "button",
        on: { click: () => ((field.input.value = dollars(cents)), mark(), field.input.focus()) },
      },
      money(cents, { whole: true }),
    ),
  );
  // The preset that is pressed is the one that the field says.
  const mark = () =>
    presets.forEach((preset, index) =>
      preset.setAttribute("aria-pressed", String(parseDollars(field.input.value) === PRESETS[index])),
    );
  field.input.addEventListener("input", mark);
  mark();
  openDialog({
    title: t("act.deposit"),
    body: [
      h(
        "p.soft",
        t("deposit.text"),
      ),
      h("div.presets", { role: "group", "aria-label": t("deposit.usual") }, presets),
    ],
    fields: [field],
    submit: t("deposit.submit"),
    act: () => act(within(field, bounds, t("deposit.invalid", range))),
  });
}

/**
 * @param {AutoReload} reload
 * @param {{min: number, max: number}} bounds Of a reload, cents.
 * @param {(settings: object) => Promise<unknown>} act
 */
export function askReload(reload, bounds, act) {
  const on = checkField("enabled", t("reload.keep"), true);
  const threshold = amountField(
    "threshold_cents",
    t("reload.below"),
    dollars(reload.threshold_cents ?? 500),
  );
  const amount = amountField(
    "amount_cents",
    t("reload.add"),
    dollars(reload.amount_cents ?? 2_000),
    t("reload.addHint"),
  );
  const cap = amountField(
    "monthly_cap_cents",
    t("reload.capLabel"),
    dollars(reload.monthly_cap_cents),
    t("reload.capHint"),
  );
  const range = { least: money(bounds.min, { whole: true }), most: money(bounds.max, { whole: true }) };
  openDialog({
    title: t("reload.title"),
    body: [
      h(
        "p.soft",
        t("reload.text"),
      ),
    ],
    fields: [on, threshold, amount, cap],
    submit: t("act.save"),
    act: () => {
      if (!on.input.checked) return act({ enabled: false });
      const least = within(amount, bounds, t("reload.invalidAmount", range));
      return act({
        enabled: true,
        threshold_cents: within(
          threshold,
          { min: 1, max: bounds.max },
          t("reload.invalidThreshold", range),
        ),
        amount_cents: least,
        monthly_cap_cents: optional(cap, least),
      });
    },
  });
}

/** @param {number | null} current @param {(cents: number | null) => Promise<unknown>} act */
export function askCap(current, act) {
  const field = amountField(
    "monthly_cap_cents",
    t("cap.label"),
    dollars(current),
    t("cap.hint"),
  );
  openDialog({
    title: t("cap.dialog"),
    body: [h("p.soft", t("cap.text"))],
    fields: [field],
    submit: t("act.save"),
    act: () => act(optional(field, 1)),
  });
}

const MOST_CAP = 100_000_000;

/** @param {Field} field @param {number} least */
function optional(field, least) {
  if (field.input.value.trim() === "") return null;
  return within(field, { min: least, max: MOST_CAP }, t("cap.invalid", { least: money(least) }));
}

/** @param {Field} field @param {{min: number, max: number}} bounds @param {string} otherwise */
function within({ name, input }, { min, max }, otherwise) {
  const cents = parseDollars(input.value);
  if (cents === null || cents < min || cents > max) throw new Invalid(name, otherwise);
  return cents;
}
