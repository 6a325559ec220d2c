/** What the reader is asked before money moves or a setting changes. */

import { h } from "../lib/dom.js";
import { amountField, checkField, Invalid, openDialog } from "../lib/dialog.js";
import { date, dollars, money, parseDollars, title } from "../lib/format.js";

import { planName } from "../rules/plans.js";

/** @import { Field } from "../lib/dialog.js" */
/** @import { AutoReload, Billing } from "../types.js" */

const PRESETS = [1_000, 2_500, 5_000, 10_000];

/**
 * @param {Billing} billing
 * @param {() => Promise<unknown>} act
 */
export function askCancel(billing, act) {
  const end = billing.current_period_end ? date(billing.current_period_end) : "the end of the period";
  const plan = title(billing.plan_tier);
  openDialog({
    title: `Cancel ${plan}?`,
    body: [
      h("p", `You keep ${plan} until ${end} and are not charged again. After that you are on Free.`),
      h(
        "p.soft",
        "Your data is preserved. What is above Free’s limits becomes read-only. You can take this back until then.",
      ),
    ],
    submit: "Cancel plan",
    cancel: `Keep ${plan}`,
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
  const present = `${planName(plan_tier, billing_interval)}, from ${date(effective_at)}`;
  openDialog({
    title: `${wanted}, instead?`,
    body: [
      h("p", `A change is waiting: ${present}.`),
      h("p", "Going on takes it back, also if you then do not confirm the new one on Stripe’s page."),
    ],
    submit: "Go on",
    cancel: "Leave it as it is",
    act,
  });
}

/** @param {{min: number, max: number}} bounds Cents. @param {(cents: number) => Promise<unknown>} act */
export function askDeposit(bounds, act) {
  const range = `${money(bounds.min, { whole: true })} to ${money(bounds.max, { whole: true })}.`;
  const field = amountField("amount_cents", "Amount in US dollars", dollars(PRESETS[1]), range);
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
    title: "Add money",
    body: [
      h(
        "p.soft",
        "You pay on Stripe’s page and come back here. The card is kept, so that auto-reload can use it if you turn that on.",
      ),
      h("div.presets", { role: "group", "aria-label": "Usual amounts" }, presets),
    ],
    fields: [field],
    submit: "Go to payment",
    act: () => act(within(field, bounds, `Enter an amount from ${range}`)),
  });
}

/**
 * @param {AutoReload} reload
 * @param {{min: number, max: number}} bounds Of a reload, cents.
 * @param {(settings: object) => Promise<unknown>} act
 */
export function askReload(reload, bounds, act) {
  const on = checkField("enabled", "Keep my wallet filled", true);
  const threshold = amountField(
    "threshold_cents",
    "When the balance falls below",
    dollars(reload.threshold_cents ?? 500),
  );
  const amount = amountField(
    "amount_cents",
    "Add",
    dollars(reload.amount_cents ?? 2_000),
    "Several times this amount in one payment, where one does not reach the threshold.",
  );
  const cap = amountField(
    "monthly_cap_cents",
    "At most in a month (optional)",
    dollars(reload.monthly_cap_cents),
    "Empty for no cap.",
  );
  const range = `from ${money(bounds.min, { whole: true })} to ${money(bounds.max, { whole: true })}`;
  openDialog({
    title: "Auto-reload",
    body: [
      h(
        "p.soft",
        "Your saved card is charged when the balance falls below the threshold. You can turn it off at any time.",
      ),
    ],
    fields: [on, threshold, amount, cap],
    submit: "Save",
    act: () => {
      if (!on.input.checked) return act({ enabled: false });
      const least = within(amount, bounds, `Add an amount ${range}.`);
      return act({
        enabled: true,
        threshold_cents: within(
          threshold,
          { min: 1, max: bounds.max },
          `Enter a threshold up to ${money(bounds.max, { whole: true })}.`,
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
    "Spend at most in a month",
    dollars(current),
    "Empty for no cap. A month begins on the 1st, in UTC.",
  );
  openDialog({
    title: "Monthly spending cap",
    body: [h("p.soft", "Bots, agents and paid tools are refused once this much is spent in a month.")],
    fields: [field],
    submit: "Save",
    act: () => act(optional(field, 1)),
  });
}

const MOST_CAP = 100_000_000;

/** @param {Field} field @param {number} least */
function optional(field, least) {
  if (field.input.value.trim() === "") return null;
  return within(field, { min: least, max: MOST_CAP }, `Enter at least ${money(least)}, or nothing for no cap.`);
}

/** @param {Field} field @param {{min: number, max: number}} bounds @param {string} otherwise */
function within({ name, input }, { min, max }, otherwise) {
  const cents = parseDollars(input.value);
  if (cents === null || cents < min || cents > max) throw new Invalid(name, otherwise.replace(/\.\.$/, "."));
  return cents;
}
