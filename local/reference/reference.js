/** The API's reference, tried against the stack that serves it, as the demo's account and as a service. */

const SERVICE_SCOPES = "billing:meter billing:charge";

const [spec, user, service] = await Promise.all([
  fetch("/api/billing/openapi.json").then((answer) => answer.json()),
  token({ account: "acct_demo" }),
  token({ account: "svc_docs", scopes: SERVICE_SCOPES }),
]);

const reference = SwaggerUIBundle({
  // Whatever port this stack is on.
  spec: { ...spec, servers: [{ url: location.origin, description: "This local stack" }] },
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
  onComplete: () => {
    reference.preauthorizeApiKey("user", user);
    reference.preauthorizeApiKey("service", service);
  },
});

async function token(wanted) {
  const answer = await fetch("/_local/token", { method: "POST", body: JSON.stringify(wanted) });
  return (await answer.json()).token;
}
