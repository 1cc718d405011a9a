/** `lbtop results` */
import type { Call } from '../call.ts';
import { visibleJson } from '../complaint.ts';
import { resultJson, resultPages } from '../pages.ts';
import { jobOf } from '../targets.ts';

/** Prints one line of JSON for each task, in order of index. */
export async function results({ io, operands, client }: Call): Promise<number> {
  const job = jobOf(operands[0] as string);
  for await (const page of resultPages(await client(), job)) {
    await io.stdout.write(page.map((row) => `${visibleJson(JSON.stringify(resultJson(row)))}\n`).join(''));
  }
  return 0;
}
