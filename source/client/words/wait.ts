/** `lbtop wait` */
import { exitCodes } from '../../model/errors.ts';
import type { JobRow } from '../../model/report.ts';
import type { Call } from '../call.ts';
import type { Client } from '../client.ts';
import { printJson, printLine } from '../io.ts';
import { complaintOf, progressLine } from '../progress.ts';
import { jobOf } from '../targets.ts';
import { waitingText } from './explain.ts';

/** Waits until all these jobs have ended. Exit code 0 only if every task of every one succeeded. */
export async function wait(call: Call): Promise<number> {
  const { rows, exitCode } = await awaitJobs(call, [...new Set(call.operands.map(jobOf))]);
  if (call.flags.json) await printJson(call.io.stdout, rows);
  return exitCode;
}

/** Nothing of it is on its way. */
function isStuck({ endedAt, queued, assigned, running }: JobRow): boolean {
  return endedAt === null && queued > 0 && assigned + running === 0;
}

/** Returns what tells why the next task of a job waits. */
function waitingReason(client: Client): (job: JobRow) => Promise<string> {
  return async ({ job, tasks, queued }) => {
    const [next] = await client.request('tasks', { job, from: tasks - queued, count: 1 });
    if (next?.state !== 'queued') return '';
    return waitingText(await client.request('explain', { job, index: next.index }));
  };
}

/** Waits with a line of progress on a terminal; says on stderr what did not succeed. */
export async function awaitJobs(call: Call, jobs: number[]): Promise<{ rows: JobRow[]; exitCode: number }> {
  const { io } = call;
  const client = await call.client();
  const rows = new Map<number, JobRow>();
  const progress = progressLine(io.stderr);
  const reason = io.stderr.isTerminal ? waitingReason(client) : null;
  let over = false;
  try {
    await client.stream('wait', { jobs }, async (changed) => {
      for (const row of changed) rows.set(row.job, row);
      const all = [...rows.values()];
      const stuck = all.every(isStuck) ? all[0] : undefined;
      await progress.show(all);
      // Its answer comes by the same connection: it is not waited for here.
      if (stuck !== undefined)
        reason?.(stuck).then(
          (why) => {
            if (!over && [...rows.values()].every(isStuck)) return progress.show([...rows.values()], why);
          },
          () => {}, // it may have been forgotten, or may not be asked for
        );
    });
  } finally {
    over = true;
    await progress.clear();
  }
  const ended = jobs.map((job) => rows.get(job)).filter((row) => row !== undefined);
  const complaints = ended.map(complaintOf).filter((complaint) => complaint !== null);
  for (const complaint of complaints) await printLine(io.stderr, `lbtop: ${complaint}`);
  return { rows: ended, exitCode: complaints.length === 0 ? exitCodes.done : exitCodes.failed };
}
