/** `lbtop simulate`: rules side by side on the same work in virtual time. Needs no coordinator. */
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Flags } from '../client/flags.ts';
import { type Io, printJson } from '../client/io.ts';
import { shareTeller } from '../client/progress.ts';
import { LbtopError, oneLine } from '../model/errors.ts';
import { type DisciplineName, disciplineNames, type PolicyName, policyNames } from '../model/job.ts';
import { policyObjection } from '../scheduler/policies/policies.ts';
import { parseArrivals, parseService } from './distributions.ts';
import { printComparison } from './simulate-table.ts';
import { type Entry, summarise, waitingOverTime } from './statistics.ts';
import { runSynthetic } from './synthetic.ts';
import { readWorkload, scheduleLines } from './workload-log.ts';
import { runWorkload } from './workload-run.ts';

/** One rule's run: its figures, and how many waited over time. */
export interface Comparison {
  readonly entry: Entry;
  readonly waiting: readonly number[];
}

/** Of the run with that number: what is told the share of it that is done. */
type Progress = (run: number) => (share: number) => void;

const syntheticOnly = [
  'simulatedNodes',
  'simulatedTasks',
  'arrivals',
  'service',
  'speeds',
  'reportAge',
  'queueing',
  'warmup',
  'failures',
] as const satisfies readonly (keyof Flags)[];

/** Cells of the chart of each run. */
const chartParts = 48;

/** Runs what the flags say and prints it. Returns the exit code; throws LbtopError. */
export async function runSimulate(flags: Flags, io: Io): Promise<number> {
  const policies = listOf('--policy', flags.policies ?? 'least-load', policyNames);
  const queues = listOf('--queue', flags.queues ?? 'fifo', disciplineNames);
  for (const policy of policies)
    for (const queue of queues) {
      const objection = policyObjection(policy, queue);
      if (objection !== null) throw new LbtopError('usage', objection);
    }
  const told = shareTeller(io.stderr, io.now, '');
  const runs = policies.length * queues.length;
  /** Runs are taken to be equally long. */
  const progress = (run: number) => (share: number) => told.show((run + share) / runs);
  let comparisons: Comparison[];
  try {
    comparisons =
      flags.swf === undefined
        ? synthetic(flags, policies, queues, progress)
        : await fromLog(flags, flags.swf, io, policies, queues, progress);
  } finally {
    told.clear();
  }
  if (flags.json)
    await printJson(
      io.stdout,
      comparisons.map(({ entry }) => entry),
    );
  else await printComparison(io.stdout, comparisons);
  return 0;
}

function synthetic(
  flags: Flags,
  policies: readonly PolicyName[],
  queues: readonly DisciplineName[],
  progress: Progress,
): Comparison[] {
  for (const key of ['estimates', 'jobsOut'] as const)
    if (flags[key] !== undefined)
      throw new LbtopError('usage', `--${key === 'jobsOut' ? 'jobs-out' : key} goes with --swf: give a log`);
  const plan = {
    nodes: flags.simulatedNodes ?? 10,
    slots: flags.simulatedSlots ?? 1,
    arrivals: parseArrivals(flags.arrivals ?? 'batch'),
    service: parseService(flags.service ?? 'exp:1'),
    tasks: flags.simulatedTasks ?? 10_000,
    seed: flags.seed ?? 1,
    reportAgeMs: flags.reportAge ?? 0,
    speeds: speedsOf(flags.speeds ?? '1'),
    queueing: flags.queueing ?? 'central',
    failuresPerSecond: flags.failures ?? 0,
  } as const;
  const warmup = flags.warmup ?? 0;
  if (warmup >= plan.tasks) throw new LbtopError('usage', `--warmup ${warmup} leaves nothing of ${plan.tasks} tasks`);
  return policies.flatMap((policy, row) =>
    queues.map((queue, place) => {
      const times = runSynthetic({ ...plan, policy, queue }, undefined, progress(row * queues.length + place));
      const slots = plan.nodes * plan.slots;
      const entry = summarise(times, { policy, queue, slots, seed: plan.seed, warmup, dropped: 0 });
      return { entry, waiting: waitingOverTime(times, chartParts) };
    }),
  );
}

async function fromLog(
  flags: Flags,
  file: string,
  io: Io,
  policies: readonly PolicyName[],
  queues: readonly DisciplineName[],
  progress: Progress,
): Promise<Comparison[]> {
  for (const key of syntheticOnly)
    if (flags[key] !== undefined)
      throw new LbtopError('usage', '--swf brings its own work: leave --nodes, --arrivals, --service and the like out');
  const slots = flags.simulatedSlots;
  if (slots === undefined) throw new LbtopError('usage', '--swf needs --slots: how many processors the machine has');
  if (flags.jobsOut !== undefined && policies.length * queues.length > 1)
    throw new LbtopError('usage', '--jobs-out takes the schedule of one discipline: give one --queue');
  const log = readWorkload(await contentOf(resolve(io.cwd, file)), slots);
  const seed = flags.seed ?? 1;
  const comparisons: Comparison[] = [];
  for (const policy of policies)
    for (const queue of queues) {
      const plan = { jobs: log.jobs, slots, policy, queue, estimates: flags.estimates ?? 'request', seed } as const;
      const times = runWorkload(plan, progress(comparisons.length));
      const entry = summarise(times, { policy, queue, slots, seed, warmup: 0, dropped: log.dropped });
      comparisons.push({ entry, waiting: waitingOverTime(times, chartParts) });
      if (flags.jobsOut !== undefined) await writeOut(resolve(io.cwd, flags.jobsOut), scheduleLines(log.jobs, times));
    }
  return comparisons;
}

async function contentOf(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('latin1');
  } catch (error) {
    throw new LbtopError('usage', `--swf: ${file} cannot be read: ${oneLine(error)}`);
  }
}

async function writeOut(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new LbtopError('failed', `--jobs-out: ${file} cannot be written: ${oneLine(error)}`);
  }
}

/** Reads names with commas between. Throws LbtopError (usage). */
export function listOf<N extends string>(flag: string, text: string, names: readonly N[]): N[] {
  return text.split(',').map((one) => {
    const found = names.find((name) => name === one);
    if (found === undefined)
      throw new LbtopError('usage', `${flag}: expected ${names.join(', ')}, got ${JSON.stringify(one)}`);
    return found;
  });
}

function speedsOf(text: string): number[] {
  return text.split(',').map((one) => {
    const speed = one.trim() === '' ? Number.NaN : Number(one);
    if (!(speed > 0 && speed < Infinity))
      throw new LbtopError(
        'usage',
        `--speeds: expected numbers above 0 with commas between, got ${JSON.stringify(text)}`,
      );
    return speed;
  });
}
