/**
 * A trace as a timeline for Perfetto and chrome://tracing, in the JSON of the Trace Event Format (Google, "Trace Event
 * Format", 2016): the coordinator is a process with the queue's counters, each node a process with its CPU as a counter and a
 * thread for each slot on which its tasks stand as complete events. Times are microseconds from the trace's beginning.
 */
import type { Fact, FactOf } from '../model/fact.ts';
import { indexOf, taskId } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { attemptId } from '../model/node.ts';
import { apply } from '../scheduler/apply.ts';
import { emptyState, type State } from '../scheduler/state.ts';
import { slotTracks } from './slot-tracks.ts';
import type { Trace } from './trace-reader.ts';

/** One member of `traceEvents`. */
export interface TimelineEvent {
  name: string;
  ph: 'M' | 'X' | 'C' | 'i';
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  cat?: string;
  /** Of an instant: of its process, or of all. */
  s?: 'p' | 'g';
  args?: Record<string, string | number | null>;
}

/** Its number, and those of the nodes after it: beyond all numbers of threads, which some viewers keep in one space with them. */
const coordinator = limits.slots + 1;
/** The queue's counters are told at most so often. */
const counterMs = 100;

/** Yields events, some at a time. */
export function* timeline(trace: Trace): Generator<{ events: TimelineEvent[]; share: number }> {
  let state = emptyState();
  let out: TimelineEvent[] = [];
  const pids = new Map<string, number>();
  const tracks = slotTracks({
    opened: (pid, slot) => name('thread_name', pid, slot, `slot ${slot}`),
    ran({ pid, slot, since, until, id, end }) {
      const ts = micros(since);
      const dur = Math.max(0, micros(until) - ts);
      const { job, name, attempt } = id;
      const cat = state.jobs.get(job)?.spec.name || `job ${job}`;
      out.push({ name, ph: 'X', pid, tid: slot, ts, dur, cat, args: { job, attempt, end } });
    },
  });
  let countedAt = Number.NEGATIVE_INFINITY;
  let counted = '';
  let last = trace.from;

  const micros = (at: number): number => Math.max(0, Math.round((at - trace.from) * 1_000));

  function name(what: 'process_name' | 'thread_name', pid: number, tid: number, text: string): void {
    out.push({ name: what, ph: 'M', pid, tid, ts: 0, args: { name: text } });
  }

  function pidOf(node: string): number {
    let pid = pids.get(node);
    if (pid === undefined) {
      pid = coordinator + 1 + pids.size;
      pids.set(node, pid);
      name('process_name', pid, 0, node);
    }
    return pid;
  }

  function start(node: string, key: { job: number; ordinal: number; attempt: number }, at: number): void {
    const spec = state.jobs.get(key.job)?.spec;
    const index = spec === undefined ? key.ordinal : indexOf(spec.span, key.ordinal);
    tracks.start({
      key: attemptId(key.job, key.ordinal, key.attempt),
      pid: pidOf(node),
      room: state.nodes.get(node)?.info.slots ?? Number.POSITIVE_INFINITY,
      cpus: spec?.cpus ?? 1,
      id: { job: key.job, name: taskId(key.job, index), attempt: key.attempt },
      at,
    });
  }

  function end(fact: FactOf<'ended' | 'requeued' | 'released'>, how: string): void {
    const key = attemptId(fact.job, fact.ordinal, fact.attempt);
    const runMs = fact.kind === 'ended' && fact.runMs > 0 ? fact.runMs : null;
    // Short tasks are told with their end alone.
    if (!tracks.has(key) && fact.kind === 'ended' && fact.node !== null && runMs !== null)
      start(fact.node, fact, Math.max(trace.from, fact.at - runMs));
    tracks.end(key, { at: fact.at, runMs, how });
  }

  function count(at: number): void {
    const { queued, assigned, running } = state.totals;
    const now = `${queued} ${assigned} ${running}`;
    if (now === counted) return;
    counted = now;
    countedAt = at;
    out.push({ name: 'tasks', ph: 'C', pid: coordinator, tid: 0, ts: micros(at), args: { queued, assigned, running } });
  }

  function instant(at: number, text: string, node: string | null): void {
    const pid = node === null ? coordinator : pidOf(node);
    out.push({ name: text, ph: 'i', pid, tid: 0, ts: micros(at), s: node === null ? 'g' : 'p' });
  }

  function show(fact: Fact): void {
    switch (fact.kind) {
      case 'sampled': {
        const { cpu, cpuOurs } = fact.sample;
        const others = Math.max(0, Math.round((cpu - cpuOurs) * 100) / 100);
        const at = { pid: pidOf(fact.node), tid: 0, ts: micros(fact.at) };
        out.push({ name: 'cpu', ph: 'C', ...at, args: { ours: cpuOurs, others } });
        return;
      }
      case 'started':
        return start(fact.node, fact, fact.at);
      case 'ended':
        return end(fact, fact.state);
      case 'requeued':
        return end(fact, `requeued: ${fact.reason}`);
      case 'released':
        return end(fact, 'released');
      case 'node-joined':
        return instant(fact.at, fact.fresh ? 'joined' : 'back', fact.node);
      case 'node-health':
        return instant(fact.at, fact.health, fact.node);
      case 'node-intent':
        return instant(fact.at, fact.intent, fact.node);
      case 'node-overloaded':
        return instant(fact.at, fact.overloaded ? 'overloaded' : 'no longer overloaded', fact.node);
      case 'policy-set':
        return instant(fact.at, `policy ${fact.policy}`, null);
      case 'queue-paused':
        return instant(fact.at, fact.paused ? 'queue paused' : 'queue resumed', null);
    }
  }

  function begin(from: State): void {
    state = from;
    for (const node of state.nodes.values())
      for (const held of node.held.values()) if (held.startedAt !== null) start(node.name, held, held.startedAt);
  }

  name('process_name', coordinator, 0, 'coordinator');
  for (const item of trace.items()) {
    // Nobody knows what became of what ran.
    if (item.kind === 'gap') tracks.endAll(last, 'not recorded');
    else if (item.kind === 'state') begin(item.restored.state);
    else if (item.kind === 'facts')
      for (const fact of item.facts) {
        try {
          // A fact about a job's task may take the job away: it is shown by what is known before.
          show(fact);
          apply(state, fact);
        } catch (error) {
          trace.note(item.block.offset, error);
        }
        if (fact.at > last) last = fact.at;
        if (last - countedAt >= counterMs) count(last);
      }
    yield { events: out, share: trace.facts === 0 ? 1 : item.before.facts / trace.facts };
    out = [];
  }
  count(last);
  tracks.endAll(trace.to, 'still running');
  yield { events: out, share: 1 };
}
