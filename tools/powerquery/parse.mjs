// Parses expressions of Power Query M with Microsoft's parser.
// Standard input: a JSON object of texts. Standard output: one of messages, null where a text is M.
import { text } from "node:stream/consumers";
import PowerQuery from "@microsoft/powerquery-parser";

const found = {};
for (const [name, expression] of Object.entries(JSON.parse(await text(process.stdin)))) {
  const task = await PowerQuery.TaskUtils.tryLexParse({ ...PowerQuery.DefaultSettings }, expression);
  found[name] = PowerQuery.TaskUtils.isParseStageOk(task) ? null : task.error.message;
}
process.stdout.write(JSON.stringify(found));
