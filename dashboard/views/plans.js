/** The five plans side by side, by the month or the year. */

import { badge, button, columns, h, link } from "../lib/dom.js";
import { bytes, compact, count, percent, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { offer, priceOf, saving } from "../rules/plans.js";
import { STORAGE } from "../rules/usage.js";

/** @import { Offer } from "../rules/plans.js" */
/** @import { Billing, Interval, Plan, Plans, View } from "../types.js" */

const MONTHLY = ["api_requests", "ai_tokens"];
/** @type {Offer} */
const WAITING = { act: "none", word: t("offer.wait"), label: t("offer.waitLabel"), note: "" };
const HIGHLIGHTS = ["api_requests", "ai_tokens", STORAGE, "projects", "mcp_workspaces", "gateway_apis", "team_members"];

/** @param {View} view */
export function view(view) {
  const { store, acts, config } = view;
  const choosing = {
    interval: (/** @type {string} */ chosen) => store.set("interval", chosen),
    buy: acts.buy,
    cancel: acts.cancel,
    resume: acts.resume,
    salesUrl: config.salesUrl,
  };
  return [
    panel(view, {
      id: "all-plans",
      title: t("plans.title"),
      needs: ["plans", "billing", "interval", "settling"],
      lines: 14,
      render: (plans, billing, interval, settling) =>
        plansView(plans, billing, interval ?? billing.billing_interval, choosing, settling),
    }),
  ];
}

/**
 * @param {Plans} catalog
 * @param {Billing} billing
 * @param {Interval} interval The one that is shown.
 * @param {object} on
 * @param {(interval: Interval) => void} on.interval
 * @param {(plan: Plan, interval: Interval) => unknown} on.buy
 * @param {() => unknown} on.cancel
 * @param {() => unknown} on.resume
 * @param {string} on.salesUrl
 * @param {boolean} [settling] Whether a payment is being checked: nothing can be chosen meanwhile.
 */
function plansView({ plans }, billing, interval, on, settling = false) {
  const offers = plans.map((plan) => (settling ? WAITING : offer(plan, billing, interval, plans)));
  const next = offers.findIndex(({ up }) => up);
  return [
    intervals(plans, interval, on.interval),
    interval === "yearly" && h("p.soft.small", t("plans.yearMonths")),
    h(
      "ul.plans",
      plans.map((plan, index) => {
        const marks = { own: plan.tier === billing.plan_tier, next: index === next };
        return card(plan, offers[index], interval, marks, on);
      }),
    ),
    h("details.compare", { id: "compare" }, h("summary", t("plans.compare")), comparison(plans)),
  ];
}

/** @param {Plan[]} plans @param {Interval} chosen @param {(interval: Interval) => void} choose */
function intervals(plans, chosen, choose) {
  const most = Math.max(0, ...plans.map((plan) => saving(plan)?.part ?? 0));
  const option = (/** @type {Interval} */ value, /** @type {string} */ label) => {
    const input = h("input", {
      type: "radio",
      name: "interval",
      id: `interval-${value}`,
      value,
      checked: value === chosen,
      on: { change: () => choose(value) },
    });
    return [input, h("label", { for: input.id }, label)];
  };
  return h(
    "fieldset.segmented",
    h("legend.sr-only", t("plans.billed")),
    option("monthly", t("plans.monthly")),
    option("yearly", most > 0 ? t("plans.yearlySave", { part: percent(most) }) : t("plans.yearly")),
  );
}

/**
 * @param {Plan} plan
 * @param {Offer} offered
 * @param {Interval} interval
 * @param {{own: boolean, next: boolean}} marks `next` is the plan that the reader would go to from here.
 * @param {Parameters<typeof plansView>[3]} on
 */
function card(plan, { act, word, label, note }, interval, { own, next }, on) {
  const price = priceOf(plan, interval);
  const props = { id: `choose-${plan.tier}`, "aria-label": label, class: next ? "button primary" : "button" };
  const doing = {
    none: () => h("span.button.still", { id: props.id }, word),
    buy: () => button(word, () => on.buy(plan, interval), props),
    cancel: () => button(word, on.cancel, props),
    resume: () => button(word, on.resume, props),
    sales: () => link(word, on.salesUrl, props),
  };
  return h(
    "li",
    { class: own ? "plan own" : "plan" },
    h("h3", plan.name, own && badge(t("plans.current"), "good")),
    h("p.price", price.amount, h("span.soft", ` ${price.unit}`)),
    h("p.soft.small", price.aside),
    h("div.choose", doing[act](), h("p.soft.small", note)),
    h(
      "ul.limits",
      HIGHLIGHTS.filter((name) => name in plan.limits).map((name) => highlight(name, plan)),
    ),
  );
}

/** @param {string} name @param {Plan} plan */
function highlight(name, plan) {
  const { limit } = plan.limits[name];
  const counted = t(`count.${name}`, { n: typeof limit === "number" ? limit : 2 });
  return h("li", h("strong", short(name, plan)), ` ${counted}${MONTHLY.includes(name) ? ` ${t("price.monthly")}` : ""}`);
}

/** @param {string} name @param {Plan} plan */
function short(name, plan) {
  const { limit } = plan.limits[name];
  if (limit === null) return t("plans.unlimited");
  if (limit === "custom") return t("price.custom");
  return name === STORAGE ? bytes(limit) : limit >= 10_000 ? compact(limit) : count(limit);
}

/** Every limit of the catalog. @param {Plan[]} plans */
function comparison(plans) {
  const names = Object.keys(plans[0]?.limits ?? {});
  const row = (/** @type {string} */ label, /** @type {(plan: Plan) => string} */ cell) =>
    h(
      "tr",
      h("th", { scope: "row" }, label),
      plans.map((plan) => h("td", cell(plan))),
    );
  return h(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-label": t("plans.all") },
    h(
      "table",
      columns([t("plans.limit")], ...plans.map((plan) => [plan.name])),
      h(
        "tbody",
        names.map((name) => row(title(name), (plan) => short(name, plan))),
        row(t("plans.grace"), (plan) =>
          plan.grace_percent === null ? t("plans.noGrace") : percent(plan.grace_percent / 100),
        ),
        row(t("plans.burst"), (plan) =>
          plan.burst_requests_per_minute === null ? t("plans.unlimited") : count(plan.burst_requests_per_minute),
        ),
      ),
    ),
  );
}
