/** `lbtop wait` */
import { exitCodes } from '../../model/errors.ts';
import type { JobRow } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { printJson, printLine } from '../io.ts';
import { complaintOf, progressLine } from '../progress.ts';
import { jobOf } from '../targets.ts';

/** Waits until all these jobs have ended. Exit code 0 only if every task of every one succeeded. */
export async function wait(call: Call): Promise<number> {
  const { rows, exitCode } = await awaitJobs(call, [...new Set(call.operands.map(jobOf))]);
  if (call.flags.json) await printJson(call.io.stdout, rows);
  return exitCode;
}

/** Waits with a line of progress on a terminal; says on stderr what did not succeed. */
export async function awaitJobs(call: Call, jobs: number[]): Promise<{ rows: JobRow[]; exitCode: number }> {
  const { io } = call;
  const client = await call.client();
  const rows = new Map<number, JobRow>();
  const progress = progressLine(io.stderr);
  try {
    await client.stream('wait', { jobs }, async (changed) => {
      for (const row of changed) rows.set(row.job, row);
      await progress.show([...rows.values()]);
    });
  } finally {
    await progress.clear();
  }
  const ended = jobs.map((job) => rows.get(job)).filter((row) => row !== undefined);
  const complaints = ended.map(complaintOf).filter((complaint) => complaint !== null);
  for (const complaint of complaints) await printLine(io.stderr, `lbtop: ${complaint}`);
  return { rows: ended, exitCode: complaints.length === 0 ? exitCodes.done : exitCodes.failed };
}
