/** What happened to one account, for an operator who looks at it: nothing here changes anything. */

import { attempts } from "../acts.js";
import { badge, button, columns, h } from "../lib/dom.js";
import { ApiError } from "../lib/errors.js";
import { dateTime, money, title } from "../lib/format.js";
import { panel } from "../lib/panel.js";
import { addressOf } from "../lib/place.js";
import { has, t } from "../lib/words.js";

/** @import { Api } from "../lib/api.js" */
/** @import { TimelineEntry, TimelinePage, Tone, View } from "../types.js" */

/** @type {Record<string, Tone>} */
const STATES = {
  processed: "good",
  sent: "good",
  done: "good",
  dead: "bad",
  failed: "bad",
  unknown: "warn",
  skipped: "warn",
};

/** @param {View} view */
export function view(view) {
  const { store, api, account, place, tell } = view;
  // Each correlation id is a part of its own, so that going back shows at once what was there.
  const part = `timeline ${place}`;
  const page = (/** @type {string | null} */ cursor) => timelinePage(api, account, place, cursor);
  store.sources[part] = () => page(null);
  const more = attempts(tell)(async () => {
    const shown = /** @type {TimelinePage} */ (store.data(part));
    const next = await page(shown.next_cursor);
    store.set(part, { entries: [...shown.entries, ...next.entries], next_cursor: next.next_cursor });
  });
  return [
    h("p.soft", t("timeline.about", { account })),
    ...(place ? [only(place)] : []),
    panel(view, {
      id: "timeline",
      title: t(place ? "timeline.related" : "timeline.all"),
      needs: [part],
      lines: 12,
      render: (found) => list(found, more),
    }),
    h("p.soft.small", t("timeline.notKept")),
  ];
}

/** That only one correlation id is shown, and the way back. @param {string} place */
function only(place) {
  return h(
    "p",
    h("span.reference", t("timeline.only", { id: place })),
    " ",
    h("a", { href: addressOf(""), id: "timeline-all" }, t("timeline.showAll")),
  );
}

/**
 * @param {Api} api
 * @param {string} account
 * @param {string} correlationId Empty: all.
 * @param {string | null} cursor
 * @returns {Promise<TimelinePage>}
 */
async function timelinePage(api, account, correlationId, cursor) {
  const query = new URLSearchParams();
  if (correlationId) query.set("correlation_id", correlationId);
  if (cursor) query.set("cursor", cursor);
  try {
    return await api.get(`/api/operators/accounts/${encodeURIComponent(account)}/timeline?${query}`);
  } catch (error) {
    // The gateway's own answer, which has no code: the token lacks the scope.
    if (error instanceof ApiError && error.status === 403 && !error.code) {
      throw new ApiError(403, "OPERATORS_ONLY", error.message);
    }
    throw error;
  }
}

/** @param {TimelinePage} page @param {() => unknown} more */
function list({ entries, next_cursor }, more) {
  return [
    entries.length === 0
      ? h("p.empty", t("timeline.none"))
      : h(
          "table.statement",
          h("caption.sr-only", t("timeline.caption")),
          columns([t("table.when"), "when"], [t("table.what"), "what"], [t("table.state"), "sum"], [t("table.amount"), "sum"]),
          h("tbody", entries.map(row)),
        ),
    next_cursor !== null && h("div.actions", button(t("transactions.more"), more, { id: "timeline-more" })),
  ];
}

/** @param {TimelineEntry} entry */
function row({ at, kind, type, id, state, correlation_id, by, channel, amount_cents, text, reference, labels }) {
  const said = has(`delivery.${state}`) ? t(`delivery.${state}`) : has(`outcome.${state}`) ? t(`outcome.${state}`) : state;
  const named = Object.entries(labels).map(([name, value]) => `${name}: ${value}`);
  return h(
    "tr",
    h("td.when.soft", h("time", { datetime: at }, dateTime(at))),
    h(
      "td.what",
      h("span", nameOf(kind, type)),
      h("span.reference.soft.small", [t(`timeline.${kind}`), by, channel && t(`channel.${channel}`)].filter(Boolean).join(" · ")),
      text && h("span.reference.small", text),
      [reference, ...named].filter(Boolean).map((each) => h("span.reference.soft.small", each)),
      h("span.reference.soft.small", id),
      correlation_id !== null &&
        h(
          "a.reference.small",
          { href: addressOf(encodeURIComponent(correlation_id)) },
          t("timeline.with", { id: correlation_id }),
        ),
    ),
    h("td.sum", badge(said, STATES[state] ?? "plain")),
    h("td.sum", amount_cents === null ? "" : money(amount_cents)),
  );
}

/** @param {TimelineEntry["kind"]} kind @param {string} type */
function nameOf(kind, type) {
  if (kind === "notice") return has(`event.${type}`) ? t(`event.${type}`) : type;
  return kind === "transfer" ? title(type) : type;
}
