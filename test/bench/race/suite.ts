/**
 * `npm run bench`: the whole comparison. `npm run bench -- w1 w3`: some of its rows. A stranger runs it; what is not
 * installed is skipped and said.
 *   --install      gets what is missing: packages of Debian (as root) and of npm, those into the cache of the user
 *   --rounds N     rounds that count, a warm-up comes before them (5)
 *   --seconds S    how long a side works in a round (1)
 *   --write        the result into docs/figures/bench.json, from which the pages are made (`npm run readme`)
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { install } from './peers.ts';
import { race } from './race.ts';
import type { RowResult } from './row.ts';
import { rows } from './rows.ts';

/** What the machine was that the figures are of. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  node: string;
  /** Of the last minute, before the first row. */
  load: number;
  /** `2026-11-21` */
  day: string;
}

export interface Bench {
  machine: Machine;
  rows: RowResult[];
}

export const resultFile = fileURLToPath(new URL('../../../docs/figures/bench.json', import.meta.url));
export const rowNames = rows.map(({ id }) => id);

/** As parseArgs takes them. */
export const suiteOptions = {
  install: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '1' },
} as const;

/** Runs what the arguments say. Returns the exit code. */
export async function benchSuite(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: suiteOptions,
  });
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  if (!(rounds >= 1 && seconds > 0)) throw new Error('--rounds is 1 or more, --seconds above 0');
  const log = (line: string): void => console.log(line);
  if (values.install) install(log);
  const wanted = positionals.length === 0 ? rows : rows.filter(({ id }) => positionals.includes(id));
  const [load = 0] = loadavg();
  if (load > 1.5) log(`the load of this machine is ${load.toFixed(1)}: what is measured now says little`);
  const bench: Bench = { machine: machineOf(load), rows: [] };
  const from = performance.now();
  for (const row of wanted) bench.rows.push(await race(row, { rounds, seconds, log }));
  log(`${((performance.now() - from) / 60_000).toFixed(1)} minutes`);
  const skipped = new Set(bench.rows.flatMap(({ sides }) => sides.flatMap(({ skipped }) => skipped ?? [])));
  for (const why of skipped) log(`skipped: ${why}`);
  if (values.write) write(bench);
  return 0;
}

/** Rows that were not run now stay as they were. */
function write(bench: Bench): void {
  mkdirSync(dirname(resultFile), { recursive: true });
  const before = readBench();
  const fresh = new Map(bench.rows.map((row) => [row.id, row]));
  const all = rows.flatMap(({ id }) => fresh.get(id) ?? before?.rows.find((row) => row.id === id) ?? []);
  writeFileSync(resultFile, `${JSON.stringify({ machine: bench.machine, rows: all }, rounded, 2)}\n`);
}

/** Returns what was written last; null where nothing was. */
export function readBench(): Bench | null {
  try {
    return JSON.parse(readFileSync(resultFile, 'utf8')) as Bench;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}

function machineOf(load: number): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? '',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release().split('-')[0]} ${arch()}`,
    node: process.version,
    load,
    day: new Date().toISOString().slice(0, 10),
  };
}
