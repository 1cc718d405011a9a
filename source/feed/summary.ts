/** What a recorded session came to: played at full speed, without an interface. */
import { setImmediate as turn } from 'node:timers/promises';
import { type Fact, isLasting } from '../model/fact.ts';
import type { TaskState } from '../model/job.ts';
import { apply } from '../scheduler/apply.ts';
import type { NodeState, State } from '../scheduler/state.ts';
import { emptyState } from '../scheduler/state.ts';
import { displayText } from '../view/display-text.ts';
import { dateAndClock, duration, grouped, percent, rate, size } from '../view/format.ts';
import { bytesByKind } from '../wire/fact-bytes.ts';
import { openRecording } from './recording.ts';
import { notesOf } from './trace-notes.ts';
import type { Trace } from './trace-reader.ts';

/** One node over the session. */
export interface NodeSummary {
  node: string;
  /** As it was seen last. */
  health: NodeState['health'];
  slots: number;
  /** As `lbtop nodes` shows them at the end. */
  succeeded: number;
  failed: number;
  heartbeats: number;
  /** Means over its heartbeats, in percent of the machine; null without any. */
  cpu: number | null;
  cpuOurs: number | null;
}

/** The JSON of `--replay FILE --json`. Instants in ms since the epoch. */
export interface Summary {
  file: string;
  /** Of the lbtop that recorded it. */
  version: string;
  from: number;
  to: number;
  durationMs: number;
  nodes: NodeSummary[];
  /** As `lbtop status --json` shows them at the end. */
  tasks: Record<TaskState, number>;
  requeued: number;
  reexecuted: number;
  lateResults: number;
  /** Executions that ended a second: over the whole session, and in its busiest second. */
  throughput: { mean: number; peak: number };
  heartbeats: number;
  events: number;
  /** Facts that are missing (null: nobody knows how many), and since when. */
  gaps: { at: number; missing: number | null }[];
  damage: { offset: number; why: string }[];
  /** Where the file ends before it should, and how much of it is not played. */
  cut: { offset: number; bytes: number } | null;
  fileBytes: number;
  /** Bytes of the file for each heartbeat, and for each task that ended with all that led to it; null without any. */
  bytesPerHeartbeat: number | null;
  bytesPerTask: number | null;
}

interface Tally {
  node: string;
  beats: number;
  cpu: number;
  ours: number;
  last: NodeState | null;
}

/** Facts folded before others have their turn. */
const factsPerTurn = 100_000;

/**
 * Plays a trace or a data directory through; `progress` is told how far, 0 to 1. Rejects with LbtopError where it cannot be
 * read.
 */
export async function summarise(
  file: string,
  progress: (share: number) => Promise<void> = async () => {},
): Promise<Summary> {
  const trace = await openRecording(file);
  try {
    return await played(trace, progress);
  } finally {
    trace.close();
  }
}

async function played(trace: Trace, progress: (share: number) => Promise<void>): Promise<Summary> {
  let state: State = emptyState();
  const tallies = new Map<string, Tally>();
  const gaps: Summary['gaps'] = [];
  const bytes = { sampled: 0, others: 0 };
  let heartbeats = 0;
  let events = 0;
  let ended = 0;
  let second = 0;
  let inSecond = 0;
  let peak = 0;
  let sinceTurn = 0;

  function tallyOf(node: string): Tally {
    let tally = tallies.get(node);
    if (tally === undefined) {
      tally = { node, beats: 0, cpu: 0, ours: 0, last: null };
      tallies.set(node, tally);
    }
    return tally;
  }

  function take(fact: Fact): void {
    if (fact.kind === 'node-forgotten') tallyOf(fact.node).last = state.nodes.get(fact.node) ?? null;
    apply(state, fact);
    if (fact.kind === 'sampled') {
      heartbeats++;
      const tally = tallyOf(fact.node);
      tally.beats++;
      tally.cpu += fact.sample.cpu;
      tally.ours += fact.sample.cpuOurs;
      return;
    }
    if (!isLasting(fact)) return;
    events++;
    if (fact.kind !== 'ended' || (fact.state !== 'succeeded' && fact.state !== 'failed')) return;
    ended++;
    const now = Math.floor(fact.at / 1_000);
    inSecond = now === second ? inSecond + 1 : 1;
    second = now;
    if (inSecond > peak) peak = inSecond;
  }

  for (const item of trace.items()) {
    if (item.kind === 'gap') {
      // None: what led to the facts is missing, not facts.
      if (item.missing !== 0) gaps.push({ at: item.at, missing: item.missing });
    } else if (item.kind === 'state') state = item.restored.state;
    else if (item.kind === 'facts') {
      for (const fact of item.facts) {
        try {
          take(fact);
        } catch (error) {
          trace.note(item.block.offset, error);
        }
      }
      share(bytes, trace.payload(item.block), item.block.end - item.block.offset);
      sinceTurn += item.facts.length;
      if (sinceTurn < factsPerTurn) continue;
      sinceTurn = 0;
      await progress(item.block.end / trace.bytes);
      await turn();
    }
  }

  trace.check();
  for (const node of state.nodes.values()) tallyOf(node.name).last = node;
  // As they joined; those that were forgotten after the others.
  const inOrder = new Set([...state.nodes.keys(), ...tallies.keys()]);
  const durationMs = Math.round((trace.to - trace.from) * 10) / 10;
  return {
    file: trace.file,
    version: trace.version,
    from: trace.from,
    to: trace.to,
    durationMs,
    nodes: [...inOrder].map((node) => nodeSummary(tallyOf(node))),
    tasks: { ...state.totals },
    requeued: state.requeued,
    reexecuted: state.reexecuted,
    lateResults: state.lateResults,
    throughput: { mean: durationMs > 0 ? round(ended / (durationMs / 1_000)) : ended, peak },
    heartbeats,
    events,
    gaps,
    damage: trace.damage.map((one) => ({ ...one })),
    cut: trace.cut,
    fileBytes: trace.bytes,
    bytesPerHeartbeat: heartbeats === 0 ? null : round(bytes.sampled / heartbeats),
    bytesPerTask: ended === 0 ? null : round(bytes.others / ended),
  };
}

/** Divides a block's bytes among heartbeats and the rest, as they took room before compression. */
function share(bytes: { sampled: number; others: number }, payload: Buffer | null, blockBytes: number): void {
  if (payload === null) return;
  let sampled = 0;
  let all = 0;
  for (const [kind, size] of bytesByKind(payload)) {
    all += size;
    if (kind === 'sampled') sampled += size;
  }
  const part = all === 0 ? 0 : sampled / all;
  bytes.sampled += blockBytes * part;
  bytes.others += blockBytes * (1 - part);
}

function nodeSummary({ node, beats, cpu, ours, last }: Tally): NodeSummary {
  return {
    node,
    health: last?.health ?? 'left',
    slots: last?.info.slots ?? 0,
    succeeded: last?.succeeded ?? 0,
    failed: last?.failed ?? 0,
    heartbeats: beats,
    cpu: beats === 0 ? null : round(cpu / beats),
    cpuOurs: beats === 0 ? null : round(ours / beats),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Returns the summary as lines for a person; times in the zone whose offset from UTC is given in minutes. */
export function summaryLines(summary: Summary, utcOffsetMinutes: number): string[] {
  const { tasks, throughput, gaps, damage, cut } = summary;
  const states = Object.entries(tasks).filter(([, count]) => count > 0);
  const lines = [
    `session   ${dateAndClock(summary.from, utcOffsetMinutes)} to ${dateAndClock(summary.to, utcOffsetMinutes)}, ${duration(summary.durationMs)}, lbtop ${displayText(summary.version)}`,
    `tasks     ${states.map(([state, count]) => `${grouped(count)} ${state}`).join(', ') || 'none'}`,
    `again     ${grouped(summary.requeued)} requeued, ${grouped(summary.reexecuted)} re-executed, ${grouped(summary.lateResults)} late results`,
    `rate      ${rate(throughput.mean)} tasks/s, ${grouped(throughput.peak)} in the busiest second`,
  ];
  const width = Math.max(4, ...summary.nodes.map(({ node }) => node.length));
  if (summary.nodes.length > 0) lines.push('', `${'node'.padEnd(width)}  health   succeeded  failed   cpu%  ours%`);
  for (const node of summary.nodes) {
    const cells = [
      displayText(node.node).padEnd(width),
      node.health.padEnd(7),
      grouped(node.succeeded).padStart(10),
      grouped(node.failed).padStart(7),
      (node.cpu === null ? '–' : percent(node.cpu)).padStart(6),
      (node.cpuOurs === null ? '–' : percent(node.cpuOurs)).padStart(6),
    ];
    lines.push(cells.join(' ').replace(/ /, '  '));
  }
  const perBeat = summary.bytesPerHeartbeat === null ? '' : `, ${summary.bytesPerHeartbeat} bytes a heartbeat`;
  const perTask = summary.bytesPerTask === null ? '' : `, ${summary.bytesPerTask} bytes a task`;
  lines.push(
    '',
    `recording ${size(summary.fileBytes)}: ${grouped(summary.heartbeats)} heartbeats, ${grouped(summary.events)} events${perBeat}${perTask}`,
  );
  for (const note of notesOf({ gaps, damage, cut })) lines.push(`note      ${note}`);
  return lines;
}
