/** What somebody sees who is not signed in, or whose session has ended. */

import { button, h, link, whileBusy } from "../lib/dom.js";
import { explain } from "../lib/errors.js";
import { localAccounts, localToken } from "../lib/local.js";
import { askForToken } from "../lib/session.js";
import { t } from "../lib/words.js";

/**
 * @param {string | null} way As in the configuration.
 * @param {boolean} ended Whether there was a session before.
 * @param {(token: string) => void} keep
 * @param {string} scopes What an operator's token needs; empty for a user.
 */
export function signInView(way, ended, keep, scopes) {
  const heading = h("h1", { tabindex: "-1", id: "sign-in-title" }, t(ended ? "signIn.ended" : "signIn.title"));
  return h(
    "div.sign-in.card",
    heading,
    h("p.soft", t(scopes ? "signIn.operator" : ended ? "signIn.again" : "signIn.text")),
    entrance(way, keep, scopes),
    way === "local" && !scopes && people(keep),
  );
}

/**
 * What somebody's link asks: whose account it is stands there before anything can be paid into it.
 *
 * @param {string | null} account
 * @param {() => void} goOn
 * @param {() => void} passOver
 */
export function linkedView(account, goOn, passOver) {
  return h(
    "div.sign-in.card",
    h("h1", { tabindex: "-1", id: "sign-in-title" }, t("signIn.linked", { account: account ?? "?" })),
    h("p.soft", t("signIn.linkedText")),
    button(t("signIn.go"), goOn, { class: "button primary" }),
    button(t("signIn.notMine"), passOver, { class: "button quiet" }),
  );
}

/** The accounts of the local stack's demo, each a button; nothing where there are none. @param {(token: string) => void} keep */
function people(keep) {
  const list = h("ul.people");
  void localAccounts()
    .catch(() => [])
    .then((accounts) =>
      list.replaceChildren(
        ...accounts.map(({ account, about }) =>
          h(
            "li",
            button(account, async () => keep(await localToken(account))),
            h("span.soft.small", about),
          ),
        ),
      ),
    );
  return list;
}

/** @param {string | null} way @param {(token: string) => void} keep @param {string} scopes */
function entrance(way, keep, scopes) {
  if (way === "local")
    return form(t("signIn.account"), scopes ? "operator" : "acct_demo", t("signIn.title"), async (account) =>
      keep(await localToken(account, scopes)),
    );
  if (way) return link(t("signIn.title"), way, { class: "button primary", on: { click: askForToken } });
  return form(t("signIn.token"), "", t("signIn.go"), (token) => keep(token));
}

/** @param {string} label @param {string} value @param {string} submit @param {(typed: string) => unknown} act */
function form(label, value, submit, act) {
  const input = h("input", {
    id: "sign-in",
    type: "text",
    value,
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  });
  const problem = h("p.problem", { role: "alert" });
  const does = h("button.button.primary", { type: "submit" }, submit);
  const run = () =>
    whileBusy(does, async () => {
      problem.textContent = "";
      try {
        await act(input.value.trim());
      } catch (error) {
        problem.textContent = explain(error);
      }
    });
  return h(
    "form",
    { on: { submit: (/** @type {Event} */ event) => (event.preventDefault(), run()) } },
    h("div.field", h("label", { for: "sign-in" }, label), input),
    problem,
    does,
  );
}
