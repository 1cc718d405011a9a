/** `lbtop trace info|verify|export`: what can be asked of a recording. Needs no coordinator. */
import { basename, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { CommandLine } from '../../client/command-line.ts';
import { usage } from '../../client/complaint.ts';
import { count } from '../../client/format.ts';
import { type Io, printJson, printLine } from '../../client/io.ts';
import { type ShareProgress, shareProgress } from '../../client/progress.ts';
import { openRecording } from '../../feed/recording.ts';
import { summarise, summaryLines } from '../../feed/summary.ts';
import { jsonLines } from '../../feed/trace-lines.ts';
import { notesOf } from '../../feed/trace-notes.ts';
import type { Trace } from '../../feed/trace-reader.ts';
import { timeline } from '../../feed/trace-timeline.ts';
import { exitCodes } from '../../model/errors.ts';
import type { Fact } from '../../model/fact.ts';
import { redactedTrace } from './redact.ts';
import { type Verification, verifyTrace } from './verify.ts';

/** Writes the interface's playing of a trace as a cast, piece by piece; the interface is not for this room to know. */
export type WriteCast = (
  trace: Trace,
  options: {
    /** Shown at the top. */
    title: string;
    write: (text: string) => Promise<void>;
    progress: (share: number) => Promise<void>;
  },
) => Promise<void>;

type Format = 'jsonl' | 'perfetto' | 'cast';

const actions = ['info', 'verify', 'export'] as const;

/** Does what was asked. Returns the exit code; throws LbtopError. */
export async function runTrace({ flags, operands }: CommandLine, io: Io, cast: WriteCast): Promise<number> {
  const [asked, name, more] = operands;
  const action = actions.find((one) => one === asked);
  if (action === undefined || name === undefined || more !== undefined)
    throw usage('trace needs info, verify or export, and a file: see lbtop trace --help');
  if (action !== 'export' && (flags.format !== undefined || flags.redact !== undefined))
    throw usage(`--format and --redact go with export, not with ${action}`);
  if (action === 'export' && flags.format === undefined)
    throw usage('trace export needs --format: jsonl, perfetto or cast');
  const file = resolve(io.cwd, name);
  const progress = shareProgress(io.stderr, io.now);
  try {
    if (action === 'info') return await info(file, flags.json === true, io, progress);
    const trace = await openRecording(file);
    try {
      if (action === 'verify') return await verify(trace, flags.json === true, io, progress);
      const hidden = flags.redact === true;
      const told = hidden ? redactedTrace(trace) : trace;
      const title = hidden ? 'a session' : basename(file);
      await exportTrace(told, flags.format as Format, io, progress, (of, options) => cast(of, { ...options, title }));
      for (const note of notesOf(trace)) {
        await progress.clear();
        await printLine(io.stderr, `note: ${note}`);
      }
      return exitCodes.done;
    } finally {
      trace.close();
    }
  } finally {
    await progress.clear();
  }
}

async function info(file: string, json: boolean, io: Io, progress: ShareProgress): Promise<number> {
  const summary = await summarise(file, progress.show);
  await progress.clear();
  if (json) await printJson(io.stdout, summary);
  else for (const line of summaryLines(summary, -new Date().getTimezoneOffset())) await printLine(io.stdout, line);
  return exitCodes.done;
}

async function verify(trace: Trace, json: boolean, io: Io, progress: ShareProgress): Promise<number> {
  const result = await verifyTrace(trace, progress.show);
  await progress.clear();
  if (json) await printJson(io.stdout, result);
  else for (const line of verificationLines(trace, result)) await printLine(io.stdout, line);
  return result.verified ? exitCodes.done : exitCodes.failed;
}

/** Returns a verification as lines for a person. */
export function verificationLines(trace: Trace, result: Verification): string[] {
  const { facts, inputs, unproven, why, difference, verified } = result;
  const lines: string[] = [];
  if (difference !== null) {
    const { fact, at, recorded, decided } = difference;
    lines.push(`differs at fact ${count(fact)} (${new Date(at).toISOString()})${why === null ? '' : `: ${why}`}`);
    lines.push(`  recorded: ${textOf(recorded)}`, `  decided:  ${textOf(decided)}`);
  } else if (why !== null) lines.push(`not verified: ${why}`);
  if (verified)
    lines.push(`verified: the scheduler says all ${count(facts)} facts again, told the same ${count(inputs)} things`);
  else if (facts > 0) lines.push(`the ${count(facts)} facts before are the scheduler's own`);
  if (unproven > 0) lines.push(`note: of ${count(unproven)} facts nobody recorded what led to them`);
  for (const note of notesOf(trace)) if (why === null || !note.startsWith(why)) lines.push(`note: ${note}`);
  return lines;
}

function textOf(fact: Fact | null): string {
  return fact === null ? 'nothing more' : JSON.stringify(fact);
}

async function exportTrace(
  trace: Trace,
  format: Format,
  io: Io,
  progress: ShareProgress,
  cast: (trace: Trace, options: Omit<Parameters<WriteCast>[1], 'title'>) => Promise<void>,
): Promise<void> {
  const { write } = io.stdout;
  if (format === 'cast') return cast(trace, { write, progress: progress.show });
  if (format === 'jsonl') {
    for (const { lines, share } of jsonLines(trace)) {
      await write(`${lines.join('\n')}\n`);
      await progress.show(share);
      await turn();
    }
    return;
  }
  let before = '{"displayTimeUnit":"ms","traceEvents":[\n';
  for (const { events, share } of timeline(trace)) {
    let text = '';
    for (const event of events) {
      text += before + JSON.stringify(event);
      before = ',\n';
    }
    await write(text);
    await progress.show(share);
    await turn();
  }
  await write('\n]}\n');
}
