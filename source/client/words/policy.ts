/** `lbtop policy` */
import { policyNames } from '../../model/job.ts';
import { meant } from '../../model/nearest.ts';
import type { Call } from '../call.ts';
import { quote, usage } from '../complaint.ts';
import { printJson, printLine } from '../io.ts';

/** Shows the policy and the queue discipline, or switches. */
export async function policy({ operands, flags, io, client, given }: Call): Promise<number> {
  const [name] = operands;
  const chosen = policyNames.find((one) => one === name) ?? null;
  if (name !== undefined && chosen === null)
    throw usage(`no policy ${quote(name)}${meant(name, policyNames, '')} (known are ${policyNames.join(', ')})`);
  // Only what was typed switches: a variable that is there for the coordinator's start must not.
  const queue = given('queue') ? (flags.queue ?? null) : null;
  const now = await (await client()).request('policy', { policy: chosen, queue });
  if (flags.json) await printJson(io.stdout, now);
  else
    await printLine(
      io.stdout,
      chosen === null && queue === null ? `${now.policy}, queue ${now.queue}` : `now ${now.policy}, queue ${now.queue}`,
    );
  return 0;
}
