/** `lbtop submit` */
import type { Call } from '../call.ts';
import { printJson, printLine } from '../io.ts';
import { submitJob } from '../job-request.ts';
import { awaitJobs } from './wait.ts';

/** Queues a job and prints its id once it is durable; with `--wait`, ends as `lbtop wait` would. */
export async function submit(call: Call): Promise<number> {
  const { flags, io } = call;
  const { job, tasks, existing } = await submitJob(call);
  if (existing) await printLine(io.stderr, `lbtop: job ${job} has this key already: nothing new was queued`);
  if (flags.json) await printJson(io.stdout, { job, tasks });
  else await printLine(io.stdout, String(job));
  return flags.wait ? (await awaitJobs(call, [job])).exitCode : 0;
}
