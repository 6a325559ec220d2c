// Compiled, not run: what callers may write, and what the compiler refuses.

import { ServiceClient, UserClient, type Answer, type Body, type ErrorCode, type Reserved } from "../src/index.js";

const billing = new ServiceClient({ baseUrl: "https://billing.example.com", token: async () => "t" });
const user = new UserClient({ baseUrl: "https://billing.example.com", token: "t" });

export async function calls(): Promise<number | null> {
  const counted = await billing.consume({ account_id: "a", metric: "ai_tokens", quantity: 5 });
  const charge: Body<"charge"> = { account_id: "a", kind: "tool_call", amount_cents: "0.34", billing_mode: "wallet" };
  const charged: Answer<"charge"> = await billing.charge(charge);
  const cost = await billing.withHold({ account_id: "a", kind: "agent_execution", amount_cents: 100 }, async (hold) => {
    const { captured_cents } = await hold.capture({ usage: { model: "gpt-4o-mini", input_tokens: 1, output_tokens: 2 } });
    return captured_cents;
  });
  const { lines, next_cursor }: Answer<"getStatement"> = await user.getStatement({ from: "2026-03-01", to: "2026-03-31" });
  if (lines.length && next_cursor) await user.getStatement({ cursor: next_cursor });
  for await (const line of user.transactions({ type: "charge" })) line.created_at.slice(0, 10);
  await billing.consume({ account_id: "a", metric: "api_requests" }, { deadlineMs: 500, signal: AbortSignal.timeout(500) });
  const allowance = billing.allowance("a", { cents: 50, labels: { agent: "a" } });
  await allowance.charge("0.34", { kind: "tool_call", creator_id: "maker", reference: "run-1" });
  const work: Reserved = await allowance.reserve({ usage: { model: "gpt-4o-mini", input_tokens: 2, output_tokens: 1 } });
  work.charge("0.12", { labels: { agent: "a" } });
  await allowance.close();
  const code: ErrorCode = "BUDGET_REACHED_SOME_DAY";

  // @ts-expect-error no such metric
  await billing.consume({ account_id: "a", metric: "requests" });
  // @ts-expect-error the account is missing
  await billing.takeHold({ kind: "agent_execution", amount_cents: 100 });
  // @ts-expect-error a service's call is not a user's
  await user.consume({ account_id: "a", metric: "ai_tokens" });
  // @ts-expect-error there is no such field
  counted.left;
  return counted.remaining ?? charged.balance_cents + cost + code.length;
}
