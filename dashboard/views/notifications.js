/** Whom to tell of what: addresses, events, and the webhook with its secret, which is shown once. */

import { attempts } from "../acts.js";
import { Invalid, openDialog } from "../lib/dialog.js";
import { badge, button, h } from "../lib/dom.js";
import { amountField, checksField, linesField, textField } from "../lib/fields.js";
import { dateTime, dollars, money, parseDollars } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { t } from "../lib/words.js";
import { deliveries } from "./deliveries.js";

/** @import { Notifications, View } from "../types.js" */

const EVENTS = [
  "usage.forecast",
  "usage.limit_near",
  "usage.grace_entered",
  "usage.blocked",
  "balance.low",
  "budget.alert",
  "budget.reached",
  "reload.failed",
  "reload.suspended",
  "reload.action_required",
  "spending.unusual",
  "card.expiring",
  "payment.past_due",
  "plan.changed",
  "payout.paid",
  "payout.failed",
  "payout.bank_refused",
  "tool.changed",
];
const ADDRESS = /^[^\s@,<>]+@[^\s@,<>]+\.[^\s@,<>]+$/;
const MOST_ADDRESSES = 5;
const SETTINGS = "/api/billing/notifications";

/** @param {View} view */
export function view(view) {
  const acts = createActs(view);
  return [
    panel(view, {
      id: "tell",
      title: t("notifications.tell"),
      needs: ["notifications", "deliveries"],
      lines: 8,
      render: (settings, deliveries) =>
        settings && [
          ...settingsView(settings),
          h(
            "div.actions",
            button(t(settings.emails.length > 0 ? "act.change" : "act.setUp"), acts.change, { id: "tell-change" }),
            deliveries && settings.emails.length > 0 && button(t("notifications.test"), () => acts.test("email"), { id: "tell-test" }),
          ),
        ],
    }),
    panel(view, {
      id: "webhook",
      title: t("webhook.title"),
      needs: ["notifications", "deliveries"],
      lines: 4,
      render: (settings, deliveries) => settings && webhookView(settings, deliveries !== null, acts),
    }),
    deliveries(view),
  ];
}

/** @param {View} view */
function createActs({ api, store, tell }) {
  const told = attempts(tell);

  /** All of the settings, with what is given changed. @param {Partial<Notifications>} changed */
  async function save(changed) {
    const { emails, events, webhook_url, balance_low_cents } = /** @type {Notifications} */ (store.data("notifications"));
    const answer = await api.put(SETTINGS, { emails, events, webhook_url, balance_low_cents, ...changed });
    store.set("notifications", { ...answer, webhook_secret: null });
    tell("good", t("notifications.saved"));
    if (answer.webhook_secret) showSecret(answer.webhook_secret, null);
  }

  return {
    change: () => askSettings(store.data("notifications"), save),
    address: () => askAddress(store.data("notifications"), save),
    remove: () =>
      openDialog({
        title: t("webhook.removeTitle"),
        body: [h("p", t("webhook.removeText"))],
        submit: t("act.remove"),
        danger: true,
        act: () => save({ webhook_url: null }),
      }),
    rotate: () =>
      openDialog({
        title: t("webhook.rotateTitle"),
        body: [h("p", t("webhook.rotateText"))],
        submit: t("webhook.rotate"),
        act: async () => {
          const answer = await api.post(`${SETTINGS}/webhook/secret`);
          showSecret(answer.webhook_secret, answer.previous_signs_until);
        },
      }),
    test: told(async (/** @type {"email" | "webhook"} */ channel) => {
      await api.post(`${SETTINGS}/test`, { channel });
      tell("good", t("webhook.testSent"));
      await store.load("deliveries");
    }),
  };
}

/** @param {Notifications} settings */
function settingsView({ emails, events, balance_low_cents, muted }) {
  if (emails.length === 0) return [h("p.empty", t("notifications.none"))];
  return [
    h(
      "ul.addresses",
      emails.map((email) => {
        const silent = muted.find((one) => one.email === email);
        return h("li", email, " ", silent && badge(t(`muted.${silent.reason}`), "bad"));
      }),
    ),
    muted.length > 0 && h("p.bad-text", t("muted.text")),
    h("h3", t("notifications.events", { n: events.length })),
    h(
      "ul.chosen",
      events.map((name) => h("li", t(`event.${name}`))),
    ),
    h(
      "p.soft",
      balance_low_cents === null ? t("notifications.lowDefault") : t("notifications.low", { amount: money(balance_low_cents) }),
    ),
  ];
}

/** @param {Notifications} settings @param {boolean} tests Whether a test message can be sent. @param {ReturnType<typeof createActs>} acts */
function webhookView({ webhook_url }, tests, acts) {
  if (webhook_url === null) {
    return [
      h("p.soft", t("webhook.none")),
      h("div.actions", button(t("webhook.add"), acts.address, { id: "webhook-address" })),
    ];
  }
  return [
    h("p", h("code", webhook_url)),
    h("p.soft", t("webhook.signed")),
    h(
      "div.actions",
      tests && button(t("webhook.test"), () => acts.test("webhook"), { id: "webhook-test" }),
      button(t("act.change"), acts.address, { id: "webhook-address", "aria-label": t("webhook.changeLabel") }),
      button(t("webhook.rotate"), acts.rotate, { id: "webhook-rotate" }),
      button(t("act.remove"), acts.remove, { id: "webhook-remove", class: "button quiet", "aria-label": t("webhook.removeLabel") }),
    ),
  ];
}

/** @param {Notifications} settings @param {(changed: Partial<Notifications>) => Promise<unknown>} save */
function askSettings({ emails, events, balance_low_cents }, save) {
  const addresses = linesField("emails", t("notifications.emails"), emails, t("notifications.emailsHint"));
  const options = Object.fromEntries(EVENTS.map((name) => [name, t(`event.${name}`)]));
  const chosen = checksField("events", t("notifications.which"), options, events);
  const low = amountField("balance_low_cents", t("notifications.lowLabel"), dollars(balance_low_cents), t("notifications.lowHint"));
  openDialog({
    title: t("notifications.tell"),
    body: [],
    fields: [addresses, chosen, low],
    submit: t("act.save"),
    act: () => {
      const wanted = addresses.lines();
      const wrong = wanted.find((email) => !ADDRESS.test(email));
      if (wrong) throw new Invalid("emails", t("notifications.invalidEmail", { email: wrong }));
      if (wanted.length > MOST_ADDRESSES) throw new Invalid("emails", t("notifications.tooMany"));
      const typed = low.input.value.trim();
      const cents = typed === "" ? null : parseDollars(typed);
      if (typed !== "" && cents === null) throw new Invalid("balance_low_cents", t("notifications.invalidLow"));
      return save({ emails: wanted, events: chosen.chosen(), balance_low_cents: cents });
    },
  });
}

/** @param {Notifications} settings @param {(changed: Partial<Notifications>) => Promise<unknown>} save */
function askAddress({ webhook_url }, save) {
  const address = textField("webhook_url", t("webhook.url"), webhook_url ?? "", t("webhook.urlHint"), { inputmode: "url", spellcheck: "false" });
  openDialog({
    title: t("webhook.title"),
    body: [h("p.soft", t("webhook.text"))],
    fields: [address],
    submit: t("act.save"),
    act: () => {
      const url = address.input.value.trim();
      if (!URL.canParse(url)) throw new Invalid("webhook_url", t("webhook.invalidUrl"));
      return save({ webhook_url: url });
    },
  });
}

/** @param {string} secret @param {string | null} until Until when the one before signs too. */
function showSecret(secret, until) {
  const shown = h("code", { id: "webhook-secret", class: "secret", tabindex: "0" }, secret);
  openDialog({
    title: t("secret.title"),
    body: [
      h("p", t("secret.text")),
      shown,
      until !== null ? h("p.soft", t("secret.until", { date: dateTime(until) })) : "",
    ],
    submit: t("secret.copy"),
    cancel: t("secret.done"),
    act: async () => {
      try {
        await navigator.clipboard.writeText(secret);
      } catch {
        // No clipboard without https, or without leave: the dialog stays, since the secret is not shown again.
        getSelection()?.selectAllChildren(shown);
        throw new Invalid("", t("secret.notCopied"));
      }
    },
  });
}
