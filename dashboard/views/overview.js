/** The first view: the plan, what is close to a limit, the balance, and what needs doing. */

import { badge, button, h } from "../lib/dom.js";
import { money, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { cardName, cardNotices } from "../rules/card.js";
import { firstReached } from "../rules/forecast.js";
import { planNotices, renewalOf, statusOf } from "../rules/plans.js";
import { describeReload, settingsOf } from "../rules/reload.js";
import { closest, resourceNotices, usageNotices, wordsOf } from "../rules/usage.js";
import { walletNotices } from "../rules/wallet.js";
import { noticeBox } from "./acts.js";
import { meter } from "./meter.js";

/** @import { Balance, Billing, Card, Forecast, Notice, Plans, Usage, View } from "../types.js" */
/** @import { Acts } from "./acts.js" */

/** @param {View} view */
export function view(view) {
  const { acts, now } = view;
  return [
    panel(view, {
      id: "todo",
      title: t("todo.title"),
      needs: ["billing", "usage", "resources", "balance", "card"],
      look: "flat",
      lines: 2,
      render: (billing, usage, resources, balance, card) =>
        todo(
          [
            ...planNotices(billing),
            ...usageNotices(usage, now()),
            ...resourceNotices(resources),
            ...cardNotices(card),
            ...walletNotices(balance, now()),
          ],
          acts,
        ),
    }),
    h(
      "div.columns",
      panel(view, {
        id: "plan",
        title: t("plan.title"),
        needs: ["billing", "plans", "settling"],
        also: ["card"],
        look: "tile",
        render: (billing, plans, settling, card) => plan(billing, plans, settling, card, acts),
      }),
      panel(view, {
        id: "funds",
        title: t("funds.title"),
        needs: ["balance"],
        look: "tile",
        render: (balance) => funds(balance, now(), acts),
      }),
      panel(view, {
        id: "limits",
        title: t("limits.title"),
        needs: ["usage", "forecast"],
        look: "tile",
        render: limits,
      }),
    ),
  ];
}

/** @param {Notice[]} notices @param {Acts} acts */
function todo(notices, acts) {
  if (notices.length === 0) return [h("p.notice.calm", badge(t("todo.good"), "good"), " ", t("todo.nothing"))];
  return [
    h(
      "div.notices",
      notices.map((notice) => noticeBox(notice, acts)),
    ),
  ];
}

/**
 * @param {Billing} billing
 * @param {Plans} catalog
 * @param {boolean} settling Whether a payment is being checked that may change the plan.
 * @param {Card | null | undefined} card
 * @param {Acts} acts
 */
function plan(billing, catalog, settling, card, acts) {
  const { text, tone } = settling ? { text: t("status.checking"), tone: /** @type {const} */ ("plain") } : statusOf(billing);
  const price = catalog.plans.find(({ tier }) => tier === billing.plan_tier)?.price[billing.billing_interval];
  const paid = billing.stripe_subscription_id !== null;
  return [
    h("p.plan-name", title(billing.plan_tier), " ", badge(text, tone)),
    typeof price === "number" &&
      h(
        "p.figure",
        money(price * 100, { whole: true }),
        price > 0 && h("span.soft", ` ${t(`price.${billing.billing_interval}`)}`),
      ),
    h("p.soft", settling ? t("plan.moment") : renewalOf(billing, price)),
    card?.type ? h("p.soft", cardName(card)) : null,
    h(
      "div.actions",
      !settling &&
        h(
          "a",
          { href: "#plans", class: paid ? "button" : "button primary", id: "plan-change" },
          t(billing.plan_tier === "free" ? "act.upgrade" : "act.changePlan"),
        ),
      billing.stripe_customer_id !== null && h("a.button", { href: "#invoices", id: "plan-invoices" }, t("nav.invoices")),
      paid &&
        !billing.cancel_at_period_end &&
        button(t("act.cancelPlan"), acts.cancel, { id: "plan-cancel", class: "button quiet" }),
    ),
  ];
}

/** @param {Usage} usage @param {Forecast | null} forecast */
function limits({ usage }, forecast) {
  const most = closest(usage);
  if (most.length === 0) return [h("p", t("limits.unlimited")), further("#usage", "act.usage")];
  const [name, first] = most[0];
  const reached = firstReached(forecast);
  const near = wordsOf(name, first).tone !== "plain";
  return [
    h("p", near ? t("limits.near", { name: title(name) }) : t("limits.far")),
    reached !== "" ? h("p", reached) : null,
    h(
      "ul.meters.narrow",
      most.map(([metric, counter]) => h("li", meter(metric, counter))),
    ),
    further("#usage", "act.usage"),
  ];
}

/** @param {Balance} balance @param {Date} now @param {Acts} acts */
function funds({ balance_cents, held_cents, auto_reload }, now, acts) {
  const { badge: word, tone, text } = describeReload(auto_reload, now);
  return [
    h("p.figure", money(balance_cents)),
    held_cents > 0 && h("p.soft", t("funds.held", { amount: money(held_cents) })),
    h("p", t("reload.title"), " ", badge(word, tone)),
    h("p.soft", settingsOf(auto_reload) || text),
    h(
      "div.actions",
      button(t("act.deposit"), acts.deposit, { id: "deposit", class: "button primary" }),
      h("a.button", { href: "#wallet" }, t("act.wallet")),
    ),
  ];
}

/** @param {string} href @param {string} key */
function further(href, key) {
  return h("div.actions", h("a.button", { href }, t(key)));
}
