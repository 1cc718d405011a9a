/**
 * Explains where a task is: why it waits, or why it went where it went. Pure: a decision of the past is made again from
 * the nodes as they were before it.
 */
import type { FactOf } from '../model/fact.ts';
import { indexOf, type JobSpec, taskId } from '../model/job.ts';
import { attemptId } from '../model/node.ts';
import type { Explanation } from '../model/report.ts';
import type { Past } from './past.ts';
import { leastLoad } from './policies/least-load.ts';
import { policyNamed } from './policies/policies.ts';
import type { Policy } from './policies/policy.ts';
import { type JobRecord, type NodeState, nodeOf, type State } from './state.ts';
import { exclusion, waitingReasons } from './waiting.ts';

/** What is said where the decision lies too far back. */
export const forgotten = 'no longer known how the nodes stood when it was placed';

/** Returns why a task of a live state is where it is. */
export function explainTask(state: State, past: Past, job: JobRecord, ordinal: number, now: number): Explanation {
  const { tasks, spec } = job;
  const attempt = tasks.get(ordinal, 'attempt');
  const explanation: Explanation = {
    task: taskId(job.id, indexOf(spec.span, ordinal)),
    state: tasks.state(ordinal),
    node: nodeOf(state, job, ordinal)?.name ?? null,
    attempt,
    at: now,
    policy: state.policy,
    candidates: [],
    waiting: {},
  };
  if (explanation.state === 'queued') {
    const policy = policyNamed(state.policy) ?? leastLoad;
    return {
      ...explanation,
      candidates: candidatesOf(state, state.nodes.values(), policy, spec, null),
      waiting: waitingReasons(state, job, ordinal, now),
    };
  }
  const at = placedAt(state, job, ordinal) ?? now;
  if (attempt === 0)
    return { ...explanation, at, waiting: { [`no node had it: ${job.closedWhy || 'it was never placed'}`]: 1 } };
  const before = past.before(job.id, ordinal, attempt);
  if (before === null) return { ...explanation, at, waiting: { [forgotten]: 1 } };
  const policy = policyNamed(before.policy) ?? leastLoad;
  return {
    ...explanation,
    at: before.at,
    policy: before.policy,
    candidates: candidatesOf(state, before.nodes, policy, spec, explanation.node),
  };
}

/** When the task was placed, as near as is still known; for one that never was: when it ended. Null where nothing is known. */
function placedAt(state: State, job: JobRecord, ordinal: number): number | null {
  const { tasks } = job;
  const held = nodeOf(state, job, ordinal)?.held.get(attemptId(job.id, ordinal, tasks.get(ordinal, 'attempt')));
  if (held !== undefined) return held.assignedAt;
  const known = [tasks.get(ordinal, 'startedAt'), tasks.get(ordinal, 'endedAt')].find((one) => !Number.isNaN(one));
  return known ?? null;
}

/** Returns why a task went where it went, from the state just before that decision: for recordings and journals. */
export function explainDecision(
  before: State,
  { at, job: id, ordinal, attempt, node }: FactOf<'assigned'>,
): Explanation {
  const job = before.jobs.get(id);
  const policy = policyNamed(before.policy) ?? leastLoad;
  return {
    task: job === undefined ? taskId(id, ordinal) : taskId(id, indexOf(job.spec.span, ordinal)),
    state: 'assigned',
    node,
    attempt,
    at,
    policy: before.policy,
    candidates: job === undefined ? [] : candidatesOf(before, before.nodes.values(), policy, job.spec, node),
    waiting: job === undefined ? { [forgotten]: 1 } : {},
  };
}

function candidatesOf(
  state: State,
  nodes: Iterable<NodeState>,
  policy: Policy,
  spec: JobSpec,
  chosen: string | null,
): Explanation['candidates'] {
  const candidates: Explanation['candidates'] = [];
  for (const node of nodes) {
    const score = policy.score?.(node, state, spec) ?? policy.rank(node, state);
    const excluded = node.name === chosen ? null : exclusion(state, node, spec);
    candidates.push({
      node: node.name,
      score: Number.isFinite(score) ? score : null,
      chosen: node.name === chosen,
      excluded,
    });
  }
  return candidates;
}
