/**
 * What a deployment says about itself. This file is the only one that a deployment replaces; as it stands here it fits
 * the local stack. See docs/dashboard.md.
 *
 * @type {import("./types.js").Config}
 */
export const config = {
  // Where the API is, without a slash at the end. Empty: where this page is.
  apiBaseUrl: "",

  // Hands in the reader's bearer token, or null where nobody is signed in. It is asked before each request, so that it
  // may renew what is about to expire, and once more with `expired` true after the API refused a token.
  // For instance: ({ expired }) => auth.getAccessToken({ ignoreCache: expired })
  getToken: null,

  // Where to sign in without one: "local" asks the local stack, an address leads there, null asks for a token.
  signIn: "local",

  // Whom to ask for the Enterprise plan.
  salesUrl: "mailto:sales@aerostack.dev",
};
