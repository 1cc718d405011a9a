/**
 * How soon a replay shows another instant: the real program (`lbtop --replay`) on a pseudo-terminal of 200x50, keys in, the
 * screen out, over a generated day at 100 nodes, or over what the arguments say:
 *   node test/bench/seek.ts [hours=24] [nodes=100] [tasksPerSecond=6]
 * The recording stays in the system's directory for temporary files, and is made anew only where it is not there. Beside
 * the time from the key to the screen stands how much of it the program and this one, which reads the screen, waited for a
 * core: what is left is what a machine that nobody else uses would take.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrace, type Trace } from '../../source/feed/trace-reader.ts';
import { processMemory } from '../../source/node/process-stat.ts';
import { dateAndClock } from '../../source/view/format.ts';
import { numbers } from '../feed/trace-session.ts';
import { program } from '../helpers/lbtop.ts';
import { openTerminal, type TestTerminal } from '../helpers/terminal.ts';
import { loopTime } from './core-time.ts';
import { type DaySize, recordDay } from './recorded-day.ts';

/** ms from the key to the screen, those of them without a core, and those that the program computed. */
interface Took {
  wallMs: number;
  waitedMs: number;
  ranMs: number;
}

/** Prints how long it takes to go to random instants, to the worst ones, by event, by incident, and the memory it takes. */
export async function benchSeek(hours = 24, nodes = 100, tasksPerSecond = 6): Promise<void> {
  const files: string[] = [];
  // Memory beside that of a short recording: it is not to grow with the length.
  for (const length of [Math.max(1, hours / 24), hours])
    files.push(await recorded({ hours: length, nodes, tasksPerSecond }));
  const [short = '', day = ''] = files;
  await measure(short, 'the short one');
  await measure(day, 'the long one');
}

async function recorded(size: DaySize): Promise<string> {
  const file = join(tmpdir(), `lbtop-seek-${size.hours}h-${size.nodes}n-${size.tasksPerSecond}t.lbtrace`);
  if (!existsSync(file)) {
    rmSync(`${file}.part`, { force: true });
    const from = performance.now();
    const { facts } = await recordDay(`${file}.part`, size);
    renameSync(`${file}.part`, file);
    const tookMs = performance.now() - from;
    console.log(
      `made in ${(tookMs / 1_000).toFixed(0)} s (${loopTime('self').ranMs.toFixed(0)} ms of a core): ${facts} facts`,
    );
  }
  console.log(`${size.hours} h at ${size.nodes} nodes: ${file}, ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  return file;
}

async function measure(file: string, name: string): Promise<void> {
  const trace = openTrace(file);
  const [node, script] = program();
  const opened = performance.now();
  const terminal = openTerminal(node, [script, '--replay', file], { columns: 200, rows: 50 });
  try {
    await terminal.waitFor(/event [\d ]+ of/, 60_000);
    const openMs = performance.now() - opened;
    const random = numbers(5);
    const anywhere = (): number => trace.from + random() * (trace.to - trace.from);
    // What the compiler does not know yet is slow once.
    for (let i = 0; i < 10; i++) await goTo(terminal, trace, anywhere());

    const rows: [string, Took[]][] = [];
    const times = async (what: string, count: number, one: (i: number) => Promise<Took>): Promise<void> => {
      const took: Took[] = [];
      for (let i = 0; i < count; i++) took.push(await one(i));
      rows.push([what, took]);
    };
    await times('to a random instant', 200, () => goTo(terminal, trace, anywhere()));
    const worst = hardest(trace);
    await times('to the last instant before a keyframe', worst.length, async (i) => {
      await goTo(terminal, trace, anywhere());
      return goTo(terminal, trace, worst[i] as number);
    });
    await times('an event back from there', Math.min(30, worst.length), async (i) => {
      await goTo(terminal, trace, worst[i] as number);
      return step(terminal);
    });
    for (const screen of ['2', '3', '4', '5'] as const) {
      terminal.keys(screen);
      await times(`to a random instant, screen ${screen}`, 30, () => goTo(terminal, trace, anywhere()));
    }
    terminal.keys('1');
    const incidents = apart(trace);
    await times('to the next incident', incidents.length, (i) => jump(terminal, trace, incidents[i] as number));

    console.log(`\n${name}: ${(openMs / 1_000).toFixed(1)} s to the first screen, ${trace.keyframes.length} keyframes`);
    console.log(
      `${'ms'.padEnd(42)}${'key to screen'.padStart(15)}${'less waits'.padStart(15)}${'computing'.padStart(15)}`,
    );
    console.log(' '.repeat(42) + '  p50  p99  max'.repeat(3));
    for (const [what, took] of rows) console.log(line(what, took));
    const memory = processMemory(terminal.pid);
    const { landmarks } = trace.held();
    if (memory !== null)
      console.log(
        `memory ${mebibytes(memory.residentBytes)} MiB, at most ${mebibytes(memory.peakBytes)} MiB; ${landmarks} places remembered`,
      );
  } finally {
    terminal.close();
    trace.close();
  }
}

/** The instants just before keyframes: those with the most facts to fold. */
function hardest(trace: Trace, most = 60): number[] {
  const { keyframes } = trace;
  return keyframes
    .slice(1)
    .map((keyframe, i) => ({ at: keyframe.at - 1, facts: keyframe.facts - (keyframes[i]?.facts ?? 0) }))
    .filter(({ at }) => at > trace.from)
    .sort((a, b) => b.facts - a.facts)
    .slice(0, most)
    .map(({ at }) => at);
}

/** Goes there as an operator does: `g` and the share of the whole. */
async function goTo(terminal: TestTerminal, trace: Trace, at: number): Promise<Took> {
  const share = ((at - trace.from) / (trace.to - trace.from)) * 100;
  const line = `g${share.toFixed(7)}%`;
  terminal.keys(line);
  await terminal.waitFor(`: ${line.slice(1)}`);
  const there = trace.from + ((trace.to - trace.from) * Number(share.toFixed(7))) / 100;
  return timed(terminal, '\r', dateAndClock(there, 0));
}

/** One event back: the number of the event says that it has come. */
async function step(terminal: TestTerminal): Promise<Took> {
  const [, event = ''] = /event ([\d ]+) of/.exec(terminal.text()) ?? [];
  const before = Number(event.replaceAll(' ', ''));
  const wanted = String(before - 1).replace(/\B(?=(\d{3})+$)/g, ' ');
  return timed(terminal, ',', `event ${wanted} of`);
}

/** The next incident, from two seconds before it. */
async function jump(terminal: TestTerminal, trace: Trace, at: number): Promise<Took> {
  await goTo(terminal, trace, at - 2_000);
  return timed(terminal, 'n', dateAndClock(at, 0));
}

/** Incidents with none close before them. */
function apart({ incidents, from }: Trace, most = 60): number[] {
  const jumps = incidents.filter(({ kind }) => kind !== 'joined').map(({ at }) => at);
  const lonely = jumps.filter((at, i) => at - (jumps[i - 1] ?? from) > 4_000);
  const every = Math.max(1, Math.floor(lonely.length / most));
  return lonely.filter((_, i) => i % every === 0).slice(0, most);
}

async function timed(terminal: TestTerminal, key: string, wanted: string): Promise<Took> {
  const [theirs, ours] = [loopTime(terminal.pid), loopTime('self')];
  const from = performance.now();
  terminal.keys(key);
  await terminal.waitFor(wanted);
  const wallMs = performance.now() - from;
  const after = loopTime(terminal.pid);
  const waitedMs = after.waitedMs - theirs.waitedMs + (loopTime('self').waitedMs - ours.waitedMs);
  return { wallMs, waitedMs, ranMs: after.ranMs - theirs.ranMs };
}

function line(what: string, took: readonly Took[]): string {
  const three = (of: (one: Took) => number): string => {
    const sorted = took.map(of).sort((a, b) => a - b);
    const at = (share: number): string =>
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(0).padStart(5);
    return at(0.5) + at(0.99) + at(1);
  };
  return (
    what.padEnd(42) +
    three(({ wallMs }) => wallMs) +
    three(({ wallMs, waitedMs }) => Math.max(0, wallMs - waitedMs)) +
    three(({ ranMs }) => ranMs)
  );
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

if (process.argv[1] === import.meta.filename) await benchSeek(...process.argv.slice(2).map(Number));
