/**
 * `lbtop whatif`: a recorded session again under other rules. First under its own: how far that is from what was recorded is
 * the calibration error, and differences smaller than it are none that this recording can show.
 */
import { resolve } from 'node:path';
import type { CommandLine } from '../../client/command-line.ts';
import { type Io, printJson, printLine } from '../../client/io.ts';
import { shareProgress } from '../../client/progress.ts';
import { type Column, onePage, printRows } from '../../client/table.ts';
import { openRecording } from '../../feed/recording.ts';
import { notesOf } from '../../feed/trace-notes.ts';
import { exitCodes, LbtopError } from '../../model/errors.ts';
import { type PolicyName, policyNames } from '../../model/job.ts';
import { policyObjection } from '../../scheduler/policies/policies.ts';
import { listOf } from '../simulate.ts';
import { type Entry, summarise } from '../statistics.ts';
import { type Assertion, type Held, held, parseAssertions } from './assertion.ts';
import { type Lived, liveAgain, type Rules } from './live-again.ts';
import { type RecordedSession, recordedSession } from './recorded-session.ts';

/** The figures that are compared, of those of `lbtop simulate`. */
export const figures = ['makespan', 'meanWait', 'p99Wait', 'maxWait', 'meanResponse', 'utilization'] as const;
export type Figure = (typeof figures)[number];

/** A change against its own rules; `shown`: it is larger than the error. */
export interface Change {
  by: number;
  shown: boolean;
}

/** The JSON of `lbtop whatif --json`. Durations in seconds. */
export interface WhatIf {
  /** As it was, and as it comes out under the same rules. */
  recorded: Entry;
  calibration: { simulated: Entry; error: Record<Figure, number> };
  results: (Entry & { addNodes: number; cpuLimit: number; changes: Record<Figure, Change> })[];
  asserted: Held[];
}

/** However well it is calibrated, a difference below this share of the figure is none. */
const leastError = 0.005;

/** Runs what the flags say and prints it. Returns the exit code; throws LbtopError. */
export async function runWhatIf({ flags, operands }: CommandLine, io: Io): Promise<number> {
  const [name = '', more] = operands;
  if (name === '' || more !== undefined)
    throw new LbtopError('usage', 'whatif needs one recording: see lbtop whatif --help');
  const assertions = flags.assert === undefined ? [] : parseAssertions(flags.assert, figures);
  const trace = await openRecording(resolve(io.cwd, name));
  const progress = shareProgress(io.stderr, io.now);
  let result: WhatIf;
  let notes: string[];
  try {
    const session = recordedSession(trace);
    const policies = flags.policies === undefined ? [session.policy] : listOf('--policy', flags.policies, policyNames);
    for (const policy of policies) {
      const objection = policyObjection(policy, session.discipline);
      if (objection !== null) throw new LbtopError('usage', objection);
    }
    const rules = { addNodes: flags.addNodes ?? 0, cpuLimit: flags.whatifCpuLimit };
    result = await whatIf(session, policies, rules, assertions, progress.show);
    notes = notesOf(trace);
  } finally {
    await progress.clear();
    trace.close();
  }
  if (flags.json) await printJson(io.stdout, result);
  else await print(io, result);
  for (const note of notes) await printLine(io.stderr, `note: ${note}`);
  const failed = result.asserted.filter(({ holds }) => !holds);
  for (const { policy, text, why } of failed)
    await printLine(io.stderr, `lbtop: ${policy}: ${text} does not hold: ${why}`);
  return failed.length === 0 ? exitCodes.done : exitCodes.failed;
}

/** Compares policies on a session. */
export async function whatIf(
  session: RecordedSession,
  policies: readonly PolicyName[],
  { addNodes, cpuLimit }: { addNodes: number; cpuLimit?: number },
  assertions: readonly Assertion<Figure>[],
  progress: (share: number) => Promise<void>,
): Promise<WhatIf> {
  const recorded = entryOf(session, session.ended, { policy: session.policy });
  await progress(0);
  const simulated = entryOf(session, liveAgain(session, {}), { policy: session.policy });
  const error = Object.fromEntries(
    figures.map((figure) => [
      figure,
      Math.max(Math.abs(simulated[figure] - recorded[figure]), leastError * Math.abs(recorded[figure])),
    ]),
  ) as Record<Figure, number>;
  const results: WhatIf['results'] = [];
  for (const [done, policy] of policies.entries()) {
    await progress((done + 1) / (policies.length + 1));
    const rules: Rules = { policy, addNodes, cpuLimit };
    const entry = entryOf(session, liveAgain(session, rules), rules);
    const changes = Object.fromEntries(
      figures.map((figure) => {
        const by = entry[figure] - simulated[figure];
        return [figure, { by, shown: Math.abs(by) > error[figure] }];
      }),
    ) as Record<Figure, Change>;
    results.push({ ...entry, addNodes, cpuLimit: cpuLimit ?? session.cpuLimit, changes });
  }
  const asserted = results.flatMap((result) => assertions.map((one) => held(one, result, recorded, error)));
  return { recorded, calibration: { simulated, error }, results, asserted };
}

/** The figures of the tasks that came and ended in the recording. */
function entryOf(session: RecordedSession, lived: Lived, { policy, addNodes = 0 }: Rules): Entry {
  const keys = [...session.ended];
  const column = (value: (key: string, arrivedAt: number) => number): Float64Array =>
    Float64Array.from(keys, ([key, { arrivedAt }]) => value(key, arrivedAt));
  const times = {
    arrivedAt: column((_, arrivedAt) => Math.max(session.from, arrivedAt)),
    startedAt: column((key) => lived.get(key)?.startedAt ?? Number.NaN),
    endedAt: column((key) => lived.get(key)?.endedAt ?? Number.NaN),
    slots: null,
  };
  // What began before the recording waited for nothing in it.
  times.arrivedAt.forEach((arrivedAt, i) => {
    const startedAt = times.startedAt[i] as number;
    if (startedAt < arrivedAt) times.startedAt[i] = arrivedAt;
  });
  const slots = session.slots + addNodes * (session.slots / Math.max(1, session.nodes.length));
  return summarise(times, {
    ...{ policy: policy ?? session.policy, queue: session.discipline, slots, seed: session.seed, warmup: 0 },
    dropped: keys.filter(([key]) => !lived.has(key)).length,
  });
}

interface Row {
  name: string;
  entry: Entry;
  changes: Record<Figure, Change> | null;
}

const titles: Readonly<Record<Figure, string>> = {
  makespan: 'MAKESPAN',
  meanWait: 'WAIT',
  p99Wait: 'P99',
  maxWait: 'MAX',
  meanResponse: 'RESPONSE',
  utilization: 'BUSY',
};

async function print(io: Io, { recorded, calibration, results }: WhatIf): Promise<void> {
  const { simulated, error } = calibration;
  const rows: Row[] = [
    { name: 'recorded', entry: recorded, changes: null },
    { name: 'again', entry: simulated, changes: null },
    ...results.map((result) => ({ name: result.policy, entry: result, changes: result.changes })),
  ];
  const columns: Column<Row>[] = [
    { title: 'RULES', text: ({ name }) => name },
    ...figures.map((figure) => ({
      title: titles[figure],
      right: true,
      text: ({ entry, changes }: Row) => `${figureText(figure, entry[figure])}${mark(changes?.[figure])}`,
    })),
  ];
  await printRows(io.stdout, columns, onePage(rows), false);
  const errors = figures.map((figure) => `${titles[figure].toLowerCase()} ${figureText(figure, error[figure])}`);
  await printLine(
    io.stdout,
    `\ncalibration error: ${errors.join(', ')}; = stands for no difference that this recording can show`,
  );
  for (const { policy, changes } of results) await printLine(io.stdout, `${policy}: ${conclusion(changes)}`);
}

function figureText(figure: Figure, value: number): string {
  if (figure === 'utilization') return `${(100 * value).toFixed(1)}%`;
  return value === 0 ? '0s' : value >= 100 ? `${Math.round(value)}s` : `${value.toPrecision(3)}s`;
}

function mark(change: Change | undefined): string {
  if (change === undefined) return '';
  return change.shown ? '' : ' =';
}

/** What can be said of a policy: only what is larger than the error. */
export function conclusion(changes: Record<Figure, Change>): string {
  const said = figures
    .filter((figure) => changes[figure].shown)
    .map((figure) => {
      const { by } = changes[figure];
      return `${titles[figure].toLowerCase()} ${by < 0 ? '-' : '+'}${figureText(figure, Math.abs(by))}`;
    });
  return said.length === 0 ? 'no difference that this recording can show' : said.join(', ');
}
