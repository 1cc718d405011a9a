/**
 * Why a task of a recording is where it is at an instant: the decision is made again from the facts before it, as the
 * running coordinator does it for `lbtop explain`.
 */
import { LbtopError } from '../model/errors.ts';
import type { FactOf } from '../model/fact.ts';
import { ordinalOf } from '../model/job.ts';
import type { Explanation } from '../model/report.ts';
import { apply } from '../scheduler/apply.ts';
import { explainDecision, explainTask } from '../scheduler/explain.ts';
import type { State } from '../scheduler/state.ts';
import type { KeyframeAt } from './trace-index.ts';
import type { Trace } from './trace-reader.ts';

/** The recording itself is what is remembered. */
const remembersNothing = { note: () => {}, before: () => null };

/** A decision, and the keyframe to begin with for the state before it. */
interface Found {
  keyframe: KeyframeAt;
  fact: FactOf<'assigned'>;
  /** The number of that fact in the recording. */
  number: number;
}

/** Explains a task by the index that users see; `state` is that of the instant `at`. Throws LbtopError (usage) for none. */
export function explainRecorded(
  trace: Trace,
  state: State,
  at: number,
  task: { job: number; index: number },
): Explanation {
  const job = state.jobs.get(task.job);
  if (job === undefined) throw new LbtopError('usage', `there is no job ${task.job} in it at that time`);
  const ordinal = ordinalOf(job.spec.span, task.index);
  if (ordinal === -1) throw new LbtopError('usage', `job ${task.job} has no task ${task.index}`);
  const now = explainTask(state, remembersNothing, job, ordinal, at);
  if (now.state === 'queued' || now.attempt === 0) return now;
  const found = decisionOf(trace, at, { job: job.id, ordinal, attempt: now.attempt });
  const before = found === null ? null : stateBefore(trace, found);
  if (found === null || before === null) return now;
  return { ...explainDecision(before, found.fact), state: now.state, node: now.node ?? found.fact.node };
}

type Attempt = Pick<FactOf<'assigned'>, 'job' | 'ordinal' | 'attempt'>;

/** Looks back from an instant, a keyframe at a time; null where it was placed before the recording began, or in a gap. */
function decisionOf(trace: Trace, at: number, wanted: Attempt): Found | null {
  const { keyframes } = trace;
  for (let place = keyframes.length - 1; place >= 0; place--) {
    const keyframe = keyframes[place] as KeyframeAt;
    if (keyframe.at > at && place > 0) continue;
    const end = keyframes[place + 1]?.facts ?? Number.POSITIVE_INFINITY;
    for (const item of trace.items(keyframe)) {
      if (item.before.facts >= end || item.at > at) break;
      if (item.kind !== 'facts') continue;
      // An attempt is placed once.
      const i = item.facts.findIndex((fact) => fact.kind === 'assigned' && isSame(fact, wanted));
      if (i !== -1) return { keyframe, fact: item.facts[i] as FactOf<'assigned'>, number: item.before.facts + i };
    }
  }
  return null;
}

function isSame(a: Attempt, b: Attempt): boolean {
  return a.job === b.job && a.ordinal === b.ordinal && a.attempt === b.attempt;
}

function stateBefore(trace: Trace, { keyframe, number }: Found): State | null {
  let state: State | null = null;
  for (const item of trace.items(keyframe)) {
    if (item.kind === 'state') state = item.restored.state;
    if (item.kind !== 'facts' || state === null) continue;
    const left = number - item.before.facts;
    for (const fact of left < item.facts.length ? item.facts.slice(0, left) : item.facts) apply(state, fact);
    if (left < item.facts.length) return state;
  }
  return null;
}
