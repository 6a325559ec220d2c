/** What a month comes to at its pace, in words. Pure functions. */

import { date, title } from "../lib/format.js";
import { t } from "../lib/words.js";
import { amount } from "./usage.js";

/** @import { Forecast } from "../types.js" */

/** What a counter comes to, in a sentence; empty where nothing is forecast. @param {Forecast | null} forecast @param {string} name */
export function paceOf(forecast, name) {
  const metric = forecast?.usage[name];
  if (!metric || metric.projected === null || metric.used === 0) return "";
  if (metric.limit_reached_at !== null) return t("pace.limit", { date: date(metric.limit_reached_at, { utc: true }) });
  return t("pace.end", { amount: amount(name, metric.projected) });
}

/** The first limit that is reached at this pace, in a sentence; empty where none is. @param {Forecast | null} forecast */
export function firstReached(forecast) {
  const reached = Object.entries(forecast?.usage ?? {}).filter(([, { limit_reached_at }]) => limit_reached_at !== null);
  const [first] = reached.sort(([, one], [, other]) =>
    String(one.limit_reached_at).localeCompare(String(other.limit_reached_at)),
  );
  if (!first) return "";
  const [name, { limit_reached_at }] = first;
  return t("pace.first", { name: title(name), date: date(String(limit_reached_at), { utc: true }) });
}
