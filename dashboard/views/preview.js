/** What a change of plan costs and takes away, shown before Stripe's page is opened. */

import { openDialog } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { date, money, title } from "../lib/format.js";
import { t } from "../lib/words.js";
import { planName } from "../rules/plans.js";
import { outgrownWords } from "../rules/usage.js";
import { pair } from "./pair.js";

/** @import { Billing, Interval, Outgrown, Preview } from "../types.js" */

/**
 * @param {Preview} preview
 * @param {{tier: string, interval: Interval}} wanted
 * @param {Billing["pending_change"]} waiting A change that the new one takes back.
 * @param {() => Promise<unknown>} act
 */
export function askChange(preview, { tier, interval }, waiting, act) {
  const { effective, effective_at, next_amount_cents, next_at, due_now_cents, trial_days = 0 } = preview;
  const plan = planName(tier, interval);
  const now = effective === "now";
  const then = { amount: money(next_amount_cents), date: next_at === null ? "" : date(next_at) };
  openDialog({
    title: t(waiting ? "instead.title" : "preview.title", { plan }),
    body: [
      waiting
        ? h(
            "p",
            t("instead.waiting", {
              plan: planName(waiting.plan_tier, waiting.billing_interval),
              date: date(waiting.effective_at),
            }),
            " ",
            t("instead.text"),
          )
        : "",
      now
        ? h("p", trial_days > 0 ? t("preview.trial", { n: trial_days }) : t("preview.now", { plan: title(tier) }))
        : h("p", t("preview.periodEnd", { plan: title(tier), date: date(effective_at) })),
      now ? due(preview) : "",
      h("p.soft", next_at !== null && next_amount_cents > 0 ? t("preview.then", then) : t("preview.checked")),
      ...outgrown(preview.limits_after, now),
    ],
    submit: t(now && due_now_cents > 0 ? "preview.pay" : "preview.goOn"),
    cancel: waiting ? t("instead.leave") : t("dialog.cancel"),
    act,
  });
}

/** @param {Preview} preview */
function due({ lines, due_now_cents, credit_cents }) {
  return h(
    "dl.pairs.sum-up",
    lines.map(({ description, amount_cents }) => pair(description, money(amount_cents))),
    h("div.total", h("dt", t("preview.due")), h("dd", { id: "due-now" }, money(due_now_cents))),
    due_now_cents === 0 && credit_cents > 0 && pair(t("preview.credit"), money(credit_cents)),
  );
}

/** @param {Outgrown[]} found @param {boolean} now */
function outgrown(found, now) {
  if (found.length === 0) return [];
  return [
    h(
      "div.outgrown",
      h("h3", t(now ? "preview.outgrownNow" : "preview.outgrownThen")),
      h(
        "ul",
        found.map((one) => h("li", outgrownWords(one, now))),
      ),
    ),
  ];
}
