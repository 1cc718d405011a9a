/**
 * Recording and replay of a day at 100 nodes, or of what the arguments say:
 *   node test/bench/trace.ts [hours=24] [nodes=100] [tasksPerSecond=6]
 * Prints what recording costs the loop, bytes a heartbeat and a task, facts replayed a second, and how long going to
 * random instants takes, each beside this machine's speed of reading the file and of a plain loop of the same length.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { openPlayer } from '../../source/feed/player.ts';
import { summarise } from '../../source/feed/summary.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
import { lookAt } from '../../source/view/look.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import { numbers } from '../feed/trace-session.ts';
import { newDay, recordDay } from './recorded-day.ts';

const [phase = '', file = '', hours = '24', nodes = '100', tasksPerSecond = '6'] = process.argv.slice(2);

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Of all threads. */
function allCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

const size = { hours: Number(hours), nodes: Number(nodes), tasksPerSecond: Number(tasksPerSecond) };

/** The scheduler and the charts alone, then the same with a recorder: what it costs on the loop, and with all threads. */
async function record(): Promise<void> {
  const plain = newDay(size);
  const alone = { loopMs: cpuMs(), allMs: allCpuMs() };
  const seen = emptySeries();
  plain.run((batch) => {
    for (const fact of batch) observe(seen, plain.state, fact);
  });
  const without = { loopMs: cpuMs() - alone.loopMs, allMs: allCpuMs() - alone.allMs };
  const begun = { loopMs: cpuMs(), allMs: allCpuMs() };
  const { facts, recordMs, worstMs } = await recordDay(file, size);
  const ratio = (of: 'loopMs' | 'allMs', now: number): string => ((now - begun[of]) / without[of]).toFixed(2);
  console.log(
    `recorded  ${facts} facts, ${((recordMs * 1_000) / facts).toFixed(2)} us a fact on the loop, at most ${worstMs.toFixed(1)} ms at once`,
  );
  console.log(
    `cost      ${ratio('loopMs', cpuMs())} times the CPU of the scheduler and the charts alone on the loop, ${ratio('allMs', allCpuMs())} times with all threads (${((without.loopMs * 1_000) / facts).toFixed(2)} us a fact without)`,
  );
}

async function replay(): Promise<void> {
  const before = cpuMs();
  const summary = await summarise(file);
  const took = cpuMs() - before;
  const facts = summary.heartbeats + summary.events;
  console.log(
    `file      ${megabytes(summary.fileBytes)}: ${summary.heartbeats} heartbeats at ${summary.bytesPerHeartbeat} bytes, ${summary.tasks.succeeded + summary.tasks.failed} tasks at ${summary.bytesPerTask} bytes`,
  );
  console.log(`summary   ${(facts / took / 1_000).toFixed(2)} M facts/s (${took.toFixed(0)} ms of CPU)`);
}

function fold(): void {
  const trace = openTrace(file);
  const cursor = cursorOf(trace);
  const before = cpuMs();
  cursor.advance(trace.to);
  const took = cpuMs() - before;
  console.log(
    `fold      ${(cursor.facts / took / 1_000).toFixed(2)} M facts/s with state and charts (${took.toFixed(0)} ms of CPU)`,
  );
  trace.close();
}

/** From the key to the window that answers it. */
async function seek(): Promise<void> {
  const began = performance.now();
  const player = await openPlayer(file);
  let shown = (): void => {};
  const isShown = (): Promise<void> =>
    new Promise((resolve) => {
      shown = resolve;
    });
  const first = isShown();
  player.open(lookAt('nodes'), { window: () => shown(), connection: () => {} });
  await first;
  const openedMs = performance.now() - began;
  await setTimeout(1_000);
  const { from, to } = player.time.state();
  const random = numbers(5);
  const took: number[] = [];
  for (let i = 0; i < 200; i++) {
    if (i % 20 === 19) player.look(lookAt(i % 40 === 19 ? 'jobs' : 'nodes'));
    const answered = isShown();
    const before = performance.now();
    player.time.seek(from + random() * (to - from));
    await answered;
    took.push(performance.now() - before);
  }
  const back: number[] = [];
  for (let i = 0; i < 20; i++) {
    const answered = isShown();
    const before = performance.now();
    player.time.step(-1);
    await answered;
    back.push(performance.now() - before);
  }
  const [firstMs = 0] = took;
  took.sort((a, b) => a - b);
  const at = (share: number): string => (took[Math.floor(share * (took.length - 1))] as number).toFixed(0);
  console.log(
    `open      ${openedMs.toFixed(0)} ms to the first window, ${player.time.incidents().length} incidents on the bar`,
  );
  console.log(
    `seek      p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, the first ${firstMs.toFixed(0)} ms, worst ${at(1)} ms of 200, memory ${megabytes(process.memoryUsage().rss)}`,
  );
  console.log(`step back worst ${Math.max(...back).toFixed(0)} ms`);
  player.close();
}

function machine(): void {
  const before = cpuMs();
  let sum = 0;
  for (let i = 0; i < 1e8; i++) sum = (sum + i) | 0;
  const loop = cpuMs() - before;
  const began = performance.now();
  readFileSync(file);
  console.log(
    `machine   100 M additions ${loop.toFixed(0)} ms (${sum & 1}), reading the file ${(performance.now() - began).toFixed(0)} ms`,
  );
}

const phases: Record<string, () => void | Promise<void>> = { record, machine, summary: replay, fold, seek };

/** Each measurement has a process of its own: memory and what the compiler has learned are those of a fresh replay. */
export async function benchTrace(...size: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-trace-'));
  try {
    for (const name of Object.keys(phases))
      execFileSync(process.execPath, [import.meta.filename, name, join(directory, 'day.lbtrace'), ...size], {
        stdio: 'inherit',
      });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const measure = phases[phase];
  if (measure === undefined) await benchTrace(...process.argv.slice(2));
  else await measure();
}
