/** Runs a row: all its sides are started, then take rounds in turn, so that a machine that drifts drifts for all of them. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  Entrant,
  Figures,
  Goal,
  GoalResult,
  Measure,
  Ratio,
  Row,
  RowResult,
  Side,
  SideResult,
  Spread,
} from './row.ts';

export interface RaceOptions {
  /** Rounds that count; one more comes before them. */
  rounds: number;
  /** About how long a side works in a round. */
  seconds: number;
  log(line: string): void;
}

interface Running {
  side: Side;
  entrant: Entrant | null;
  skipped: string | null;
  rounds: Figures[];
}

/** Returns what came out of a row. A side that is missing or fails is skipped, and the result says why. */
export async function race(row: Row, { rounds: wanted, seconds, log }: RaceOptions): Promise<RowResult> {
  const rounds = Math.min(wanted, row.rounds ?? wanted);
  const directory = mkdtempSync(join(process.env.LBTOP_BENCH_DIR ?? tmpdir(), `lbtop-${row.id}-`));
  chmodSync(directory, 0o711); // a server that runs as another user reaches its own part of it
  const running: Running[] = [];
  log(`${row.id.toUpperCase()}  ${row.title}`);
  try {
    for (const [i, side] of row.sides.entries()) running.push(await started(side, join(directory, String(i)), log));
    for (let round = row.fresh ? 1 : 0; round <= rounds; round++)
      for (const one of inTurn(running, round)) {
        if (one.entrant === null) continue;
        try {
          const figures = await one.entrant.round(seconds);
          if (round > 0) one.rounds.push(figures); // the first is a warm-up
          const shown = row.measures.filter(({ name }) => name in figures);
          log(
            `  ${String(round).padStart(2)}  ${one.side.name.padEnd(34)}${shown.map((measure) => show(figures, measure)).join('; ')}`,
          );
        } catch (error) {
          await giveUp(one, `it failed: ${(error as Error).message}`, log);
        }
      }
  } finally {
    for (const { entrant } of running) await entrant?.stop().catch(() => {});
    rmSync(directory, { recursive: true, force: true });
  }
  const result = summed(row, rounds, running);
  for (const goal of result.goals)
    if (goal.value !== null) log(`  ${goal.met ? 'met    ' : 'not met'} ${goal.text}: ${shortNumber(goal.value)}`);
  return result;
}

async function started(side: Side, directory: string, log: (line: string) => void): Promise<Running> {
  const one: Running = { side, entrant: null, skipped: side.missing(), rounds: [] };
  if (one.skipped === null)
    try {
      one.entrant = await side.start(directory);
    } catch (error) {
      one.skipped = `it did not start: ${(error as Error).message}`;
    }
  if (one.skipped !== null) log(`  skipped: ${side.name}: ${one.skipped}`);
  return one;
}

async function giveUp(one: Running, why: string, log: (line: string) => void): Promise<void> {
  log(`  skipped: ${one.side.name}: ${why}`);
  one.skipped = why;
  one.rounds = [];
  const { entrant } = one;
  one.entrant = null;
  await entrant?.stop().catch(() => {});
}

/** Each round begins with another side: who comes after whom is nobody's advantage. */
function inTurn<T>(all: readonly T[], round: number): T[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

function show(figures: Figures, { name, unit }: Measure): string {
  return `${shortNumber(figures[name] as number)} ${unit}`;
}

/** Three figures that count. */
export function shortNumber(value: number): string {
  if (Math.abs(value) >= 999.5) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
  return { median, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN };
}

function summed(row: Row, rounds: number, running: readonly Running[]): RowResult {
  const sides = running.map(({ side, skipped, rounds }): SideResult => {
    const figures = row.measures
      .filter(({ name }) => rounds.length > 0 && rounds.every((one) => name in one))
      .map(({ name }) => [name, spreadOf(rounds.map((one) => one[name] as number))]);
    const { name, ours, floor, tuned } = side;
    return { name, ours, ...(floor ? { floor } : {}), tuned, skipped, figures: Object.fromEntries(figures) };
  });
  const { id, title, work, measures, headlines } = row;
  const ratios = ratiosOf(row, running);
  return {
    id,
    title,
    work,
    measures,
    rounds,
    sides,
    ratios,
    goals: row.goals.map((goal) => judged(goal, sides, ratios)),
    headlines,
  };
}

function ratiosOf({ measures }: Row, running: readonly Running[]): Ratio[] {
  const [ours, peers] = [running.filter(({ side }) => side.ours), running.filter(({ side }) => !side.ours)];
  return ours.flatMap((one) =>
    peers
      .filter(({ side }) => one.side.peers?.includes(side.name) ?? true)
      .flatMap((peer) =>
        measures.flatMap(({ name, better }): Ratio[] => {
          const values = one.rounds.flatMap((mine, i) => {
            const [a, b] = [mine[name], peer.rounds[i]?.[name]];
            const ratio = a === undefined || b === undefined ? Number.NaN : better === 'more' ? a / b : b / a;
            return Number.isFinite(ratio) ? [ratio] : [];
          });
          if (values.length === 0) return [];
          return [{ ours: one.side.name, peer: peer.side.name, measure: name, ...spreadOf(values) }];
        }),
      ),
  );
}

function judged({ text, side, measure, over, least, most }: Goal, sides: SideResult[], ratios: Ratio[]): GoalResult {
  const value =
    over === undefined
      ? sides.find(({ name }) => name === side)?.figures[measure]?.median
      : ratios.find((one) => one.ours === side && one.peer === over && one.measure === measure)?.median;
  if (value === undefined) return { text, value: null, met: null };
  return { text, value, met: (least === undefined || value >= least) && (most === undefined || value <= most) };
}
