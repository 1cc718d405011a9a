/** What in a session is worth jumping to. */
import type { Fact } from '../model/fact.ts';
import type { Incident } from './feed.ts';

/** By number, as the index of a trace has them. */
export const incidentKinds = ['lost', 'failed', 'operator', 'joined'] as const satisfies readonly Incident['kind'][];

/** Incidents of one kind within a second: one mark. */
export interface IncidentMark extends Incident {
  count: number;
}

const oneMarkMs = 1_000;

/** Returns what kind of incident a fact is; null for the everyday ones. */
export function incidentOf(fact: Fact): Incident['kind'] | null {
  switch (fact.kind) {
    case 'node-health':
      return fact.health === 'lost' ? 'lost' : null;
    case 'ended':
      if (fact.state === 'failed' || fact.state === 'lost') return 'failed';
      return fact.state === 'cancelled' ? 'operator' : null;
    case 'requeued':
      if (fact.reason === 'retry' || fact.reason === 'unfit') return 'failed';
      return fact.reason === 'retried' ? 'operator' : null;
    case 'job-closed':
      return fact.state === 'cancelled' ? 'operator' : null;
    case 'node-joined':
      return fact.fresh ? 'joined' : null;
    case 'node-intent':
    case 'node-throttled':
    case 'node-forgotten':
    case 'queue-paused':
    case 'policy-set':
    case 'cpu-limit-set':
    case 'acted':
      return 'operator';
    default:
      return null;
  }
}

/** Gathers incidents in order of time, those of one kind within a second as one. */
export interface IncidentList {
  readonly marks: readonly IncidentMark[];
  add(kind: Incident['kind'], at: number, count?: number): void;
  /** Returns the marks and forgets them. */
  take(): IncidentMark[];
}

/** Returns an empty list. */
export function incidentList(): IncidentList {
  let marks: IncidentMark[] = [];
  let last = new Map<Incident['kind'], IncidentMark>();
  return {
    get marks() {
      return marks;
    },
    add(kind, at, count = 1) {
      const before = last.get(kind);
      if (before !== undefined && at - before.at < oneMarkMs) {
        before.count += count;
        return;
      }
      const mark = { at, kind, count };
      marks.push(mark);
      last.set(kind, mark);
    },
    take() {
      const taken = marks;
      marks = [];
      last = new Map();
      return taken;
    },
  };
}

/** Returns at most about `most` incidents for a bar: of those of one kind that are close together only the first. */
export function thinned(marks: readonly IncidentMark[], most: number): Incident[] {
  const first = marks[0];
  const end = marks.at(-1);
  if (first === undefined || end === undefined || marks.length <= most)
    return marks.map(({ at, kind }) => ({ at, kind }));
  const stepMs = ((end.at - first.at) * incidentKinds.length) / most;
  const next = new Map<Incident['kind'], number>();
  const out: Incident[] = [];
  for (const { at, kind } of marks) {
    if (at < (next.get(kind) ?? 0)) continue;
    next.set(kind, at + stepMs);
    out.push({ at, kind });
  }
  return out;
}
