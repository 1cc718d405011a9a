/** `lbtop pick` */
import { exitCodes } from '../../model/errors.ts';
import type { Call } from '../call.ts';
import { printJson, printLine } from '../io.ts';
import { cellText } from '../plain-text.ts';

/** Prints the node that the policy would take now; exit code 1 where it would take none. */
export async function pick({ flags, io, client }: Call): Promise<number> {
  const picked = await (await client()).request('pick', {});
  if (flags.json) await printJson(io.stdout, picked);
  else if (picked.node !== null)
    await printLine(io.stdout, cellText(picked.address === null ? picked.node : `${picked.node} ${picked.address}`));
  else await printLine(io.stderr, 'lbtop: no node may take a task now: lbtop nodes shows why');
  return picked.node === null ? exitCodes.failed : exitCodes.done;
}
