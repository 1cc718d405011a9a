/** `lbtop submit` */
import type { Call } from '../call.ts';
import { printJson, printLine } from '../io.ts';
import { submitJob, warn } from '../job-request.ts';
import { awaitJobs } from './wait.ts';

/** Queues a job and prints its id once it is durable; with `--wait`, ends as `lbtop wait` would. */
export async function submit(call: Call): Promise<number> {
  const { flags, io } = call;
  const submitted = await submitJob(call);
  const { job, tasks } = submitted;
  await warn(call, submitted);
  if (flags.json) await printJson(io.stdout, { job, tasks });
  else await printLine(io.stdout, String(job));
  return flags.wait ? (await awaitJobs(call, [job])).exitCode : 0;
}
