/**
 * `npm run simulate`: seeds of faults. `--seeds N` runs N seeds from `--from` (1), `--seed S` one; `--minutes M` is how long
 * faults last in each (2); `--workers W` is how many run at once (1); `--plant BUG` switches a bug on. A failure prints its
 * seed and the command that repeats it.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { plants } from './planted.ts';
import { faultKinds } from './rates.ts';
import type { SeedResult } from './seed-worker.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    minutes: { type: 'string', default: '2' },
    workers: { type: 'string', default: '1' },
    plant: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const workers = Number(values.workers);
const from = Number(values.seed ?? values.from);
const seeds = values.seed === undefined ? Number(values.seeds) : 1;
const plant = plants.find((one) => one === values.plant) ?? null;
const whole = [from, seeds, workers].every(Number.isSafeInteger) && seeds > 0 && workers > 0;
if (!(minutes > 0) || !whole || (values.plant !== undefined && plant === null)) {
  console.error(
    `usage: npm run simulate -- [--seeds N] [--from S | --seed S] [--minutes M] [--workers W] [--plant ${plants.join('|')}]`,
  );
  process.exit(2);
}

/** A line says how far it is, so often. */
const progressMs = 60_000;

const counts = new Map<string, number>(faultKinds.map((kind) => [kind, 0]));
const total = { tasks: 0, events: 0, simulatedMs: 0 };
const began = performance.now();
let failed = 0;
let done = 0;
let toldAt = began;

function take(result: SeedResult): void {
  done++;
  if ('error' in result) {
    failed++;
    console.error(`seed ${result.seed}: ${result.error}\n  ${again(result.seed)}`);
  } else {
    const { hash, counts: its, ...sums } = result.report;
    for (const [kind, many] of its) counts.set(kind, (counts.get(kind) ?? 0) + many);
    for (const name of ['tasks', 'events', 'simulatedMs'] as const) total[name] += sums[name];
    if (seeds === 1) console.log(`seed ${result.seed}: ${hash}`);
  }
  if (performance.now() - toldAt < progressMs) return;
  toldAt = performance.now();
  console.log(`${done} of ${seeds} seeds: ${sumsInWords()}`);
}

function sumsInWords(): string {
  const hours = total.simulatedMs / 3_600_000;
  const seconds = (performance.now() - began) / 1_000;
  return `${total.tasks} tasks, ${total.events} events, ${hours.toFixed(1)} simulated hours in ${seconds.toFixed(1)} s: ${failed} failed`;
}

function again(seed: number): string {
  return `npm run simulate -- --seed ${seed} --minutes ${minutes}${plant === null ? '' : ` --plant '${plant}'`}`;
}

/** Hands one seed after the other to a thread until there are none. */
function work(next: () => number | undefined): Promise<void> {
  const worker = new Worker(new URL('./seed-worker.ts', import.meta.url));
  return new Promise((resolve, reject) => {
    const hand = (): void => {
      const seed = next();
      if (seed === undefined) void worker.terminate().then(() => resolve());
      else worker.postMessage({ seed, safetyMs: minutes * 60_000, plant });
    };
    worker.on('message', (result: SeedResult) => {
      take(result);
      hand();
    });
    worker.on('error', reject);
    hand();
  });
}

let coming = from;
const next = () => (coming < from + seeds ? coming++ : undefined);
await Promise.all(Array.from({ length: Math.min(workers, seeds) }, () => work(next)));
for (const [kind, many] of counts) console.log(`${String(many).padStart(9)}  ${kind}`);
console.log(`${seeds} seeds, ${sumsInWords()}`);
const idle = faultKinds.filter((kind) => counts.get(kind) === 0);
if (seeds >= 100 && failed === 0 && idle.length > 0) {
  console.error(`never happened: ${idle.join(', ')}`);
  failed++;
}
process.exitCode = failed > 0 ? 1 : 0;
