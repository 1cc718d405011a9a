/**
 * What ended tasks teach: how long each kind of work takes, and how fast each node is at the same kinds. Counts in buckets
 * an eighth of an octave wide, which are halved when they are many: bounded memory, and what was long ago fades.
 */
import type { JobSpec } from '../model/job.ts';
import { limits } from '../model/limits.ts';

const perOctave = 8;
/** From 2^-4 ms to 2^36 ms (2 years): what lies outside counts as the nearest. */
const lowestOctave = -4;
const durationBuckets = 40 * perOctave;
/** Speeds from 1/16 to 16. */
const widestOctaves = 4;
const speedBuckets = 2 * widestOctaves * perOctave + 1;
/** Counts are halved when there are so many: a node's speed changes with what else it does, so it fades sooner. */
const durationsKept = 256;
const speedsKept = 64;
/** Fewer observations than this say nothing about a node. */
const enough = 3;
/** The kinds that were not met for longest are forgotten first. */
const kindsKept = 1_024;

/** Counts in buckets, and what follows from them. */
export interface Histogram {
  readonly counts: Uint16Array;
  total: number;
  /** Buckets outside of these are empty: mostly nearly all are. */
  lowest: number;
  highest: number;
  /** The bucket of the median; -1: not looked for since the last observation. */
  median: number;
}

export interface Learned {
  /** By kind of work, least recently met first: durations in ms as on a node of speed 1. */
  readonly kinds: Map<string, Histogram>;
  /** By node: how many times as fast as the others. */
  readonly speeds: Map<string, Histogram>;
}

/** Returns that nothing is known. */
export function nothingLearned(): Learned {
  return { kinds: new Map(), speeds: new Map() };
}

/** Returns a histogram of durations from pairs of bucket and count. */
export function durationsOf(pairs: Iterable<readonly [bucket: number, count: number]> = []): Histogram {
  return histogram(durationBuckets, pairs);
}

/** Returns a histogram of speeds from pairs of bucket and count. */
export function speedsOf(pairs: Iterable<readonly [bucket: number, count: number]> = []): Histogram {
  return histogram(speedBuckets, pairs);
}

function histogram(buckets: number, pairs: Iterable<readonly [number, number]>): Histogram {
  const of: Histogram = { counts: new Uint16Array(buckets), total: 0, lowest: buckets, highest: -1, median: -1 };
  for (const [bucket, count] of pairs) {
    if (bucket >= buckets) continue;
    of.counts[bucket] = count;
    of.total += count;
    of.lowest = Math.min(of.lowest, bucket);
    of.highest = Math.max(of.highest, bucket);
  }
  return of;
}

/** Returns the buckets that are not empty, with their counts. */
export function pairsOf({ counts }: Histogram): [bucket: number, count: number][] {
  const pairs: [number, number][] = [];
  counts.forEach((count, bucket) => {
    if (count > 0) pairs.push([bucket, count]);
  });
  return pairs;
}

/** Names of kinds by what is run: a string of its own for each of a million jobs would take room. */
const taskKinds = new Map<string, string>();
const programKinds = new Map<string, string>();
const shellKinds = new Map<string, string>();
const namesKept = 10_000;
/** Longer command lines are looked at each time. */
const longestKept = 256;

/** Returns what tasks of a job are learned as: the program's name, or `task` and the name of the task. */
export function kindOfWork({ work }: JobSpec): string {
  if (work.kind === 'task') return keptName(taskKinds, work.task, () => `task ${work.task}`);
  const [command = ''] = work.argv;
  const named = () => programOf(command, work.shell);
  return command.length > longestKept
    ? named().slice(0, limits.nameLength)
    : keptName(work.shell ? shellKinds : programKinds, command, named);
}

function keptName(names: Map<string, string>, key: string, name: () => string): string {
  let kept = names.get(key);
  if (kept === undefined) {
    kept = name().slice(0, limits.nameLength);
    if (names.size >= namesKept) names.clear();
    names.set(key, kept);
  }
  return kept;
}

/** The program that a command line runs: variables that are set before it are passed over. */
function programOf(command: string, shell: boolean): string {
  const words = shell ? command.trim().split(/\s+/) : [command];
  const program = words.find((word) => !shell || !/^\w+=/.test(word)) ?? '';
  return program.slice(program.lastIndexOf('/') + 1);
}

/** A task succeeded on a node after so long. */
export function learn({ kinds, speeds }: Learned, spec: JobSpec, node: string, runMs: number): void {
  const kind = kindOfWork(spec);
  const durations = kinds.get(kind) ?? durationsOf();
  // To the end of the line of those that may be forgotten.
  kinds.delete(kind);
  kinds.set(kind, durations);
  if (kinds.size > kindsKept) for (const oldest of kinds.keys()) if (kinds.delete(oldest)) break;
  let speed = speeds.get(node);
  if (speed === undefined) {
    speed = speedsOf();
    speeds.set(node, speed);
  }
  const ms = Math.max(runMs, 2 ** lowestOctave);
  const usual = durations.total >= enough ? msOf(medianOf(durations)) : null;
  if (usual !== null) note(speed, (Math.log2(usual / ms) + widestOctaves) * perOctave, speedsKept);
  note(durations, bucketOf(ms * speedIn(speed)), durationsKept);
}

function note(of: Histogram, position: number, kept: number): void {
  const bucket = Math.min(of.counts.length - 1, Math.max(0, Math.round(position)));
  of.counts[bucket] = (of.counts[bucket] as number) + 1;
  of.total++;
  if (bucket < of.lowest) of.lowest = bucket;
  if (bucket > of.highest) of.highest = bucket;
  of.median = -1;
  if (of.total < kept) return;
  of.total = 0;
  for (let at = 0; at < of.counts.length; at++) {
    const half = (of.counts[at] as number) >> 1;
    of.counts[at] = half;
    of.total += half;
  }
}

function bucketOf(ms: number): number {
  return (Math.log2(ms) - lowestOctave) * perOctave;
}

const msOfBuckets = Float64Array.from(
  { length: durationBuckets },
  (_, bucket) => 2 ** (bucket / perOctave + lowestOctave),
);

function msOf(bucket: number): number {
  return msOfBuckets[bucket] as number;
}

/** The bucket of a quantile among those from `from` on; -1 where there is nothing. */
function quantileIn({ counts, total, lowest, highest }: Histogram, quantile: number, from = 0): number {
  let above = total;
  for (let bucket = lowest; bucket < Math.min(from, counts.length); bucket++) above -= counts[bucket] as number;
  let left = Math.max(1, Math.ceil(quantile * above));
  if (above <= 0) return -1;
  for (let bucket = Math.max(from, lowest); bucket <= highest; bucket++) {
    left -= counts[bucket] as number;
    if (left <= 0) return bucket;
  }
  return -1;
}

function medianOf(of: Histogram): number {
  if (of.median === -1) of.median = quantileIn(of, 0.5);
  return of.median;
}

function speedIn(of: Histogram): number {
  return of.total < enough ? 1 : 2 ** (medianOf(of) / perOctave - widestOctaves);
}

/** Returns how fast a node is relative to the others, in eighths of an octave; 0 where too little is known. */
export function speedClass({ speeds }: Learned, node: string): number {
  const of = speeds.get(node);
  return of === undefined || of.total < enough ? 0 : medianOf(of) - widestOctaves * perOctave;
}

/** Returns how many times as fast as others a node is; 1 where too little is known. */
export function speedOf(learned: Learned, node: string): number {
  return speedOfClass(speedClass(learned, node));
}

const speedsOfClasses = Float64Array.from(
  { length: speedBuckets },
  (_, bucket) => 2 ** (bucket / perOctave - widestOctaves),
);

/** Returns the speed that a class stands for. */
export function speedOfClass(speed: number): number {
  return speedsOfClasses[speed + widestOctaves * perOctave] as number;
}

/** Returns how long tasks of a job take on a node of speed 1, the median; null where no such task has succeeded. */
export function expectedMs(learned: Learned, spec: JobSpec): number | null {
  return expectedMsOfKind(learned, kindOfWork(spec));
}

/** Returns the same for a kind of work. */
export function expectedMsOfKind({ kinds }: Learned, kind: string): number | null {
  const of = kinds.get(kind);
  return of === undefined || of.total === 0 ? null : msOf(medianOf(of));
}

/** Returns how long tasks of a job take on a node of speed 1, on average; null where no such task has succeeded. */
export function meanMs({ kinds }: Learned, spec: JobSpec): number | null {
  const of = kinds.get(kindOfWork(spec));
  if (of === undefined || of.total === 0) return null;
  let sum = 0;
  of.counts.forEach((count, bucket) => {
    sum += count * msOf(bucket);
  });
  return sum / of.total;
}

/** Returns a quantile (0–1) of how long tasks of a job take on a node; null where no such task has succeeded. */
export function quantileMs(learned: Learned, spec: JobSpec, node: string, quantile: number): number | null {
  const of = learned.kinds.get(kindOfWork(spec));
  const bucket = of === undefined ? -1 : quantileIn(of, quantile);
  return bucket === -1 ? null : msOf(bucket) / speedOf(learned, node);
}

/** Returns how much longer a task will take that has run for so long on a node; null where its kind is not known. */
export function remainingMs(learned: Learned, spec: JobSpec, node: string, ranMs: number): number | null {
  const of = durationsKnown(learned, spec);
  return of === undefined ? null : remainingIn(of, speedOf(learned, node), ranMs);
}

/** Returns how long tasks of a job took, as on a node of speed 1; undefined where no such task has succeeded. */
export function durationsKnown({ kinds }: Learned, spec: JobSpec): Histogram | undefined {
  const of = kinds.get(kindOfWork(spec));
  return of === undefined || of.total === 0 ? undefined : of;
}

/**
 * Returns how much longer a task will take that has run for so long at a speed: the median of those that took longer. One
 * that takes longer than all did is expected to take as long again.
 */
export function remainingIn(of: Histogram, speed: number, ranMs: number): number {
  const usual = msOf(medianOf(of)) / speed;
  if (ranMs < usual / 2) return usual - ranMs;
  const from = Math.ceil(bucketOf(Math.max(ranMs * speed, 2 ** lowestOctave)));
  const bucket = quantileIn(of, 0.5, Math.max(0, from));
  return bucket === -1 ? ranMs : Math.max(0, msOf(bucket) / speed - ranMs);
}
