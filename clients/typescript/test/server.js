// A real HTTP server that answers as a test tells it, and keeps what it was asked.

import { createServer } from "node:http";

/** @param answer gets {method, path, headers, body}; gives {status, body or text, headers}, or "hang up" */
export async function serving(answer) {
  const seen = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", async () => {
      const text = Buffer.concat(parts).toString();
      const asked = { method: request.method, path: request.url, headers: request.headers, body: text ? JSON.parse(text) : undefined };
      seen.push(asked);
      const given = await answer(asked, seen.length);
      if (given === "hang up") return request.socket.destroy();
      response.writeHead(given.status ?? 200, { "content-type": "application/json", ...given.headers });
      response.end(given.text ?? JSON.stringify(given.body));
    });
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  return {
    seen,
    baseUrl: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

export function refusal(status, code, more = {}) {
  return { status, body: { error: { code, message: `It is ${code}.`, details: more.details ?? {} } }, headers: more.headers };
}

export const COUNTED = {
  body: { allowed: true, metric: "api_requests", period: "2026-03", used: 1, limit: 50_000, hard_limit: 55_000, remaining: 54_999, state: "ok" },
};
