/**
 * What is folded from the facts beside the state: how things went over the last minutes. Plain data (typed arrays, maps),
 * so that `structuredClone` keeps a copy; of bounded size, however many tasks there are.
 */
import type { Fact, FactOf } from '../model/fact.ts';
import { limits } from '../model/limits.ts';
import type { EventLine } from '../model/report.ts';
import type { State } from '../scheduler/state.ts';
import { actLine, eventLine, type Failure, failureLine, indexOfTask, isFailure } from './event-line.ts';
import { type Durations, durations, note } from './quantiles.ts';
import { type Ring, ring, sumOf, turn } from './ring.ts';

/** Samples kept of each node: one a heartbeat. */
export const samplesKept = 60;
/** Failures that get a line of their own in one second; the others are counted on the last of them. */
const failuresASecond = 20;

/** How far back the events of one node or job are looked for. */
const eventsSearched = 3_000;

/** CPU of one node over its last heartbeats, in half percents of the machine; `next` is where the next one goes. */
export interface NodeHistory {
  readonly cpu: Uint8Array;
  readonly ours: Uint8Array;
  next: number;
  count: number;
}

/** An event kept: a line, or a failure whose words are made when someone looks. */
type Kept =
  | { readonly line: EventLine; readonly failure: null }
  | { readonly line: null; readonly failure: Failure; readonly index: number; more: number };

export interface Series {
  /** Ended executions (succeeded and failed), by second and by ten seconds. */
  readonly ended: Ring;
  readonly endedTens: Ring;
  /** Tasks waiting and tasks running at the end of each second, of each ten seconds. */
  readonly queued: Ring;
  readonly queuedTens: Ring;
  readonly running: Ring;
  readonly runningTens: Ring;
  /** As of the last fact. */
  queuedNow: number;
  runningNow: number;
  readonly waits: Durations;
  readonly runs: Durations;
  readonly nodes: Map<string, NodeHistory>;
  /** The last events; that with number n is at n modulo their limit. */
  readonly events: Kept[];
  /** Number of the next event. */
  nextEvent: number;
  /** Tasks of a node that went back to the queue and of which its loss has not told yet. */
  readonly back: Map<string, number>;
  failureSecond: number;
  failuresInSecond: number;
  /** When a node was last told to be above its limit: one that is so again and again is told of once a minute. */
  readonly overloadedAt: Map<string, number>;
}

/** Returns the series before the first fact. `acts`: what is known of requests before that, oldest first: told as events. */
export function emptySeries(acts: readonly FactOf<'acted'>[] = []): Series {
  const series: Series = {
    ended: ring(1_000, 300),
    endedTens: ring(10_000, 360),
    queued: ring(1_000, 300),
    queuedTens: ring(10_000, 360),
    running: ring(1_000, 300),
    runningTens: ring(10_000, 360),
    queuedNow: 0,
    runningNow: 0,
    waits: durations(),
    runs: durations(),
    nodes: new Map(),
    events: [],
    nextEvent: 0,
    back: new Map(),
    failureSecond: 0,
    failuresInSecond: 0,
    overloadedAt: new Map(),
  };
  for (const act of acts) keepLine(series, actLine(act));
  return series;
}

/** Takes one fact, after it was applied to `state`. Facts about tasks cost well under a microsecond. */
export function observe(series: Series, state: State, fact: Fact): void {
  if (fact.at >= (series.ended.newest + 1) * 1_000) turnAll(series, fact.at);
  switch (fact.kind) {
    case 'assigned':
    case 'started':
    case 'progressed':
    case 'recalled':
    case 'stop-asked':
    case 'released':
    case 'due':
      break;
    case 'ended':
      ended(series, state, fact);
      break;
    case 'requeued':
      if (fact.node !== null && (fact.reason === 'node-lost' || fact.reason === 'node-left'))
        series.back.set(fact.node, (series.back.get(fact.node) ?? 0) + 1);
      else if (fact.reason === 'unfit') keepFailure(series, state, fact);
      break;
    case 'sampled':
      sampled(series, fact);
      break;
    case 'node-forgotten':
      series.nodes.delete(fact.node);
      series.back.delete(fact.node);
      series.overloadedAt.delete(fact.node);
      keepLine(series, eventLine(state, fact, 0));
      break;
    case 'node-overloaded':
      if (!fact.overloaded || fact.at - (series.overloadedAt.get(fact.node) ?? 0) < 60_000) break;
      series.overloadedAt.set(fact.node, fact.at);
      keepLine(series, eventLine(state, fact, 0));
      break;
    case 'node-health': {
      const gone = fact.health === 'lost' || fact.health === 'left';
      keepLine(series, eventLine(state, fact, gone ? (series.back.get(fact.node) ?? 0) : 0));
      if (gone) series.back.delete(fact.node);
      break;
    }
    default:
      keepLine(series, eventLine(state, fact, 0));
  }
  const { queued, assigned, running } = state.totals;
  series.queuedNow = queued;
  series.runningNow = running + assigned;
  const { queued: byQueue, running: byRun } = series;
  byQueue.values[byQueue.newest % byQueue.values.length] = queued;
  byRun.values[byRun.newest % byRun.values.length] = series.runningNow;
}

/** A new second began: the levels that the last fact left hold for what was passed over. */
function turnAll(series: Series, at: number): void {
  turn(series.ended, at, 0);
  turn(series.endedTens, at, 0);
  turn(series.queued, at, series.queuedNow);
  turn(series.queuedTens, at, series.queuedNow);
  turn(series.running, at, series.runningNow);
  turn(series.runningTens, at, series.runningNow);
}

function ended(series: Series, state: State, fact: FactOf<'ended'>): void {
  if (fact.state === 'succeeded' || fact.state === 'failed') {
    const { ended: seconds, endedTens: tens } = series;
    const second = seconds.newest % seconds.values.length;
    seconds.values[second] = (seconds.values[second] as number) + 1;
    const ten = tens.newest % tens.values.length;
    tens.values[ten] = (tens.values[ten] as number) + 1;
    note(series.runs, fact.at, fact.runMs);
    const job = state.jobs.get(fact.job);
    if (job !== undefined) {
      const queuedAt = job.tasks.get(fact.ordinal, 'queuedAt');
      const since = queuedAt > 0 ? queuedAt : job.submittedAt;
      note(series.waits, fact.at, fact.at - fact.runMs - since);
    }
  }
  if (isFailure(fact)) keepFailure(series, state, fact);
}

function sampled(series: Series, { node, sample }: FactOf<'sampled'>): void {
  let history = series.nodes.get(node);
  if (history === undefined) {
    history = { cpu: new Uint8Array(samplesKept), ours: new Uint8Array(samplesKept), next: 0, count: 0 };
    series.nodes.set(node, history);
  }
  history.cpu[history.next] = Math.round(sample.cpu * 2);
  history.ours[history.next] = Math.round(sample.cpuOurs * 2);
  history.next = (history.next + 1) % samplesKept;
  if (history.count < samplesKept) history.count++;
}

function keepLine(series: Series, line: EventLine | null): void {
  if (line !== null) keep(series, { line, failure: null });
}

function keepFailure(series: Series, state: State, failure: Failure): void {
  const second = Math.floor(failure.at / 1_000);
  if (second !== series.failureSecond) {
    series.failureSecond = second;
    series.failuresInSecond = 0;
  }
  if (++series.failuresInSecond > failuresASecond) {
    const last = series.events[(series.nextEvent - 1) % limits.eventsKept];
    if (last !== undefined && last.failure !== null) {
      last.more++;
      return;
    }
  }
  keep(series, { line: null, failure, index: indexOfTask(state, failure), more: 0 });
}

function keep(series: Series, kept: Kept): void {
  series.events[series.nextEvent % limits.eventsKept] = kept;
  series.nextEvent++;
}

/** Number of the oldest event that is still kept. */
export function firstEvent(series: Series): number {
  return Math.max(0, series.nextEvent - limits.eventsKept);
}

/** Returns the event with that number; null where it is no longer kept, or not there yet. */
export function eventAt(series: Series, number: number): EventLine | null {
  if (number < firstEvent(series) || number >= series.nextEvent) return null;
  const kept = series.events[number % limits.eventsKept];
  if (kept === undefined) return null;
  return kept.failure === null ? kept.line : failureLine(kept.failure, kept.index, kept.more);
}

/** Returns at most the last `count` events, oldest first. */
export function lastEvents(series: Series, count: number): EventLine[] {
  const lines: EventLine[] = [];
  for (let number = Math.max(firstEvent(series), series.nextEvent - count); number < series.nextEvent; number++) {
    const line = eventAt(series, number);
    if (line !== null) lines.push(line);
  }
  return lines;
}

/** Returns at most the last `count` events about those subjects, oldest first, of the last few thousand. */
export function lastEventsAbout(series: Series, count: number, isAbout: (subject: string) => boolean): EventLine[] {
  const lines: EventLine[] = [];
  const oldest = Math.max(firstEvent(series), series.nextEvent - eventsSearched);
  for (let number = series.nextEvent - 1; number >= oldest && lines.length < count; number--) {
    const line = eventAt(series, number);
    if (line !== null && isAbout(line.subject)) lines.push(line);
  }
  return lines.reverse();
}

/** Executions that ended a second, averaged over the last `seconds` complete seconds. */
export function throughput(series: Series, now: number, seconds: number): number {
  return sumOf(series.ended, now, seconds) / seconds;
}

/** Returns a node's samples of `cpu` or `ours` in half percents, oldest first. */
export function historyOf(series: Series, node: string, of: 'cpu' | 'ours'): Uint8Array {
  const history = series.nodes.get(node);
  if (history === undefined) return new Uint8Array(0);
  const out = new Uint8Array(history.count);
  const from = (history.next - history.count + samplesKept) % samplesKept;
  for (let i = 0; i < history.count; i++) out[i] = history[of][(from + i) % samplesKept] as number;
  return out;
}
