/** The five plans side by side, by the month or the year. */

import { badge, button, h, link } from "../lib/dom.js";
import { bytes, compact, count, percent, title } from "../lib/format.js";
import { offer, priceOf, saving } from "../rules/plans.js";
import { STORAGE } from "../rules/usage.js";

/** @typedef {import("../types.js").Plan} Plan @typedef {import("../types.js").Interval} Interval */

const HIGHLIGHTS = ["api_requests", "ai_tokens", STORAGE, "projects", "mcp_workspaces", "gateway_apis", "team_members"];

/**
 * @param {import("../types.js").Plans} catalog
 * @param {import("../types.js").Billing} billing
 * @param {Interval} interval The one that is shown.
 * @param {object} on
 * @param {(interval: Interval) => void} on.interval
 * @param {(plan: Plan, interval: Interval) => unknown} on.buy
 * @param {() => unknown} on.cancel
 * @param {() => unknown} on.resume
 * @param {string} on.salesUrl
 */
export function plansView({ plans }, billing, interval, on) {
  return [
    intervals(plans, interval, on.interval),
    h(
      "ul",
      { class: "plans" },
      plans.map((plan) => card(plan, billing, interval, plans, on)),
    ),
    h("details", { class: "compare" }, h("summary", {}, "Compare all limits"), comparison(plans)),
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
    "fieldset",
    { class: "segmented" },
    h("legend", { class: "sr-only" }, "Billed"),
    option("monthly", "Monthly"),
    option("yearly", most > 0 ? `Yearly, save ${percent(most)}` : "Yearly"),
  );
}

/** @param {Plan} plan @param {import("../types.js").Billing} billing @param {Interval} interval @param {Plan[]} plans @param {Parameters<typeof plansView>[3]} on */
function card(plan, billing, interval, plans, on) {
  const { act, label, note } = offer(plan, billing, interval, plans);
  const price = priceOf(plan, interval);
  const own = plan.tier === billing.plan_tier;
  const id = `choose-${plan.tier}`;
  const doing = {
    none: () => h("span", { class: "button still", id }, label),
    buy: () => button(label, () => on.buy(plan, interval), { id, class: own ? "button" : "button primary" }),
    cancel: () => button(label, on.cancel, { id }),
    resume: () => button(label, on.resume, { id }),
    sales: () => link(label, on.salesUrl, { id, class: "button" }),
  };
  return h(
    "li",
    { class: own ? "plan own" : "plan" },
    h("h3", {}, plan.name, own && badge("Current", "good")),
    h("p", { class: "price" }, price.amount, h("span", { class: "soft" }, ` ${price.unit}`)),
    h("p", { class: "soft small" }, price.aside),
    h("div", { class: "choose" }, doing[act](), h("p", { class: "soft small" }, note)),
    h(
      "ul",
      { class: "limits" },
      HIGHLIGHTS.filter((name) => name in plan.limits).map((name) =>
        h("li", {}, h("strong", {}, short(name, plan)), ` ${noun(name)}`),
      ),
    ),
  );
}

/** @param {string} name */
function noun(name) {
  const monthly = name === "api_requests" || name === "ai_tokens";
  const words = title(name);
  const lowered = /^[A-Z]{2}/.test(words) ? words : words.charAt(0).toLowerCase() + words.slice(1);
  return monthly ? `${lowered} a month` : lowered;
}

/** @param {string} name @param {Plan} plan */
function short(name, plan) {
  const { limit } = plan.limits[name];
  if (limit === null) return "Unlimited";
  if (limit === "custom") return "Custom";
  return name === STORAGE ? bytes(limit) : limit >= 10_000 ? compact(limit) : count(limit);
}

/** Every limit of the catalog. @param {Plan[]} plans */
function comparison(plans) {
  const names = Object.keys(plans[0]?.limits ?? {});
  const row = (/** @type {string} */ label, /** @type {(plan: Plan) => string} */ cell) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, label),
      plans.map((plan) => h("td", {}, cell(plan))),
    );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "All limits of all plans" },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "Limit"),
          plans.map((plan) => h("th", { scope: "col" }, plan.name)),
        ),
      ),
      h(
        "tbody",
        {},
        names.map((name) => row(title(name), (plan) => short(name, plan))),
        row("Grace above monthly limits", (plan) =>
          plan.grace_percent === null ? "None needed" : percent(plan.grace_percent / 100),
        ),
        row("Requests a minute", (plan) =>
          plan.burst_requests_per_minute === null ? "Unlimited" : count(plan.burst_requests_per_minute),
        ),
      ),
    ),
  );
}
