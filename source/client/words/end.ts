/** `lbtop cancel`, `lbtop retry`, `lbtop purge`: what becomes of tasks that are there. */
import type { Call } from '../call.ts';
import { counted } from '../format.ts';
import { printJson, printLine } from '../io.ts';
import { jobOf, type Target, targetOf } from '../targets.ts';

/** Ends jobs or tasks. */
export async function cancel(call: Call): Promise<number> {
  const client = await call.client();
  return each(call, 'cancelled', (target) => client.request('cancel', target));
}

/** Runs tasks that have ended again; with `--failed` only those that failed. */
export async function retry(call: Call): Promise<number> {
  const client = await call.client();
  const onlyFailed = call.flags.failed === true;
  return each(call, 'queued again', (target) => client.request('retry', { ...target, onlyFailed }));
}

/** Forgets jobs that have ended. */
export async function purge({ operands, flags, io, client }: Call): Promise<number> {
  const jobs = operands.map(jobOf);
  const connected = await client();
  for (const job of jobs) {
    await connected.request('purge', { job });
    if (!flags.json) await printLine(io.stdout, `job ${job} forgotten`);
  }
  if (flags.json) await printJson(io.stdout, { jobs });
  return 0;
}

async function each(
  { operands, flags, io }: Call,
  what: string,
  act: (target: Target) => Promise<{ tasks: number }>,
): Promise<number> {
  const targets = operands.map(targetOf); // all are looked at before the first is acted on
  let tasks = 0;
  for (const target of targets) {
    const done = await act(target);
    tasks += done.tasks;
    if (!flags.json) await printLine(io.stdout, `job ${target.job}: ${counted(done.tasks, 'task')} ${what}`);
  }
  if (flags.json) await printJson(io.stdout, { tasks });
  return 0;
}
