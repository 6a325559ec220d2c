/** The plan the account is on. */

import { badge, button, h } from "../lib/dom.js";
import { money, title } from "../lib/format.js";
import { every, renewalOf, statusOf } from "../rules/plans.js";

/** @import { Billing, Plans } from "../types.js" */
/** @import { Acts } from "./acts.js" */

/**
 * @param {Billing} billing
 * @param {Plans} catalog
 * @param {boolean} settling Whether a payment is being checked that may change the plan.
 * @param {Acts} acts
 */
export function planView(billing, catalog, settling, acts) {
  const status = settling ? { text: "Checking your payment", tone: /** @type {const} */ ("plain") } : statusOf(billing);
  const plan = catalog.plans.find(({ tier }) => tier === billing.plan_tier);
  const price = plan?.price[billing.billing_interval];
  const paid = billing.stripe_subscription_id !== null;
  return [
    h(
      "div.plan-now",
      h(
        "div",
        h("p.plan-name", title(billing.plan_tier), " ", badge(status.text, status.tone)),
        typeof price === "number" &&
          h(
            "p.price",
            money(price * 100, { whole: true }),
            price > 0 && h("span.soft", ` a ${every(billing.billing_interval)}`),
          ),
        h("p.soft", settling ? "This takes a moment." : renewalOf(billing, price)),
      ),
      h(
        "div.actions",
        !settling &&
          h(
            "a",
            { href: "#plans", class: paid ? "button" : "button primary", id: "plan-change" },
            billing.plan_tier === "free" ? "Upgrade" : "Change plan",
          ),
        billing.stripe_customer_id !== null && button("Invoices and cards", acts.portal, { id: "plan-portal" }),
        paid &&
          !billing.cancel_at_period_end &&
          button("Cancel plan", acts.cancel, { id: "plan-cancel", class: "button quiet" }),
      ),
    ),
  ];
}
