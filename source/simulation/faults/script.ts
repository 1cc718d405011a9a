/**
 * `npm run simulate`: seeds of faults. `--seeds N` runs N seeds from `--from` (1), `--seed S` one; `--minutes M` is how long
 * faults last in each (2); `--plant BUG` switches a bug on. A failure prints its seed and the command that repeats it.
 */
import { parseArgs } from 'node:util';
import { liveThroughFaults } from './fault-world.ts';
import { type Plant, plants } from './planted.ts';
import { faultKinds } from './rates.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '300' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    minutes: { type: 'string', default: '2' },
    plant: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const from = Number(values.seed ?? values.from);
const seeds = values.seed === undefined ? Number(values.seeds) : 1;
const plant = plants.find((one) => one === values.plant) ?? null;
if (!(minutes > 0) || !Number.isSafeInteger(from) || !(seeds > 0) || (values.plant !== undefined && plant === null)) {
  console.error(
    `usage: npm run simulate -- [--seeds N] [--from S | --seed S] [--minutes M] [--plant ${plants.join('|')}]`,
  );
  process.exit(2);
}

const counts = new Map<string, number>(faultKinds.map((kind) => [kind, 0]));
const total = { tasks: 0, events: 0, simulatedMs: 0 };
const began = performance.now();
let failed = 0;
for (let seed = from; seed < from + seeds; seed++) {
  try {
    const { hash, counts: its, ...sums } = liveThroughFaults({ seed, safetyMs: minutes * 60_000, plant });
    for (const [kind, many] of its) counts.set(kind, (counts.get(kind) ?? 0) + many);
    for (const name of ['tasks', 'events', 'simulatedMs'] as const) total[name] += sums[name];
    if (seeds === 1) console.log(`seed ${seed}: ${hash}`);
  } catch (error) {
    failed++;
    console.error(`seed ${seed}: ${(error as Error).message}\n  ${again(seed, plant)}`);
  }
}
for (const [kind, many] of counts) console.log(`${String(many).padStart(9)}  ${kind}`);
const hours = total.simulatedMs / 3_600_000;
console.log(
  `${seeds} seeds, ${total.tasks} tasks, ${total.events} events, ${hours.toFixed(1)} simulated hours in ${((performance.now() - began) / 1_000).toFixed(1)} s: ${failed} failed`,
);
const idle = faultKinds.filter((kind) => counts.get(kind) === 0);
if (seeds >= 100 && failed === 0 && idle.length > 0) {
  console.error(`never happened: ${idle.join(', ')}`);
  failed++;
}
process.exitCode = failed > 0 ? 1 : 0;

function again(seed: number, planted: Plant | null): string {
  return `npm run simulate -- --seed ${seed} --minutes ${minutes}${planted === null ? '' : ` --plant '${planted}'`}`;
}
