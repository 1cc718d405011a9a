/** The only mutator of state: `apply(state, fact)`. It decides nothing, and it takes every fact that was ever written. */
import { type Fact, isLasting } from '../model/fact.ts';
import { applyJobFact } from './apply-job.ts';
import { applyNodeFact } from './apply-node.ts';
import { applyTaskFact } from './apply-task.ts';
import { countSampled } from './room.ts';
import { actsKept, emptyState, type State } from './state.ts';

/** Changes `state` by one fact. Facts about tasks, jobs and nodes that are not there (purged, forgotten) change nothing. */
export function apply(state: State, fact: Fact): void {
  if (fact.at > state.at && isLasting(fact)) state.at = fact.at;
  switch (fact.kind) {
    case 'session-started':
      state.startedAt = fact.at;
      state.firstJob = state.nextJob;
      state.epoch = fact.epoch;
      state.version = fact.version;
      state.policy = fact.policy;
      state.discipline = fact.discipline;
      state.cpuLimit = fact.cpuLimit;
      state.seed = fact.seed;
      for (const node of state.nodes.values()) {
        // Whoever was connected was so to the coordinator before this one.
        node.connected = false;
        node.droppedAt = null;
        node.sample = null;
        node.sampledAt = null;
        node.seen = 0;
        countSampled(node);
        if (node.health !== 'up') continue;
        node.health = 'suspect';
        node.healthAt = fact.at;
        node.healthReason = 'not heard since the coordinator started';
      }
      return;
    case 'queue-paused':
      state.queuePaused = fact.paused;
      return;
    case 'policy-set':
      state.policy = fact.policy;
      state.discipline = fact.discipline;
      return;
    case 'cpu-limit-set':
      state.cpuLimit = fact.cpuLimit;
      return;
    case 'acted':
      state.acts.push(fact);
      if (state.acts.length > actsKept) state.acts.shift();
      return;
    case 'assigned':
    case 'started':
    case 'ended':
    case 'requeued':
    case 'recalled':
    case 'stop-asked':
    case 'released':
    case 'progressed':
      applyTaskFact(state, fact);
      return;
    case 'job-submitted':
    case 'job-closed':
    case 'job-ended':
    case 'job-purged':
    case 'due':
      applyJobFact(state, fact);
      return;
    default:
      applyNodeFact(state, fact);
  }
}

/** Returns the state that a sequence of facts leads to. */
export function fold(facts: Iterable<Fact>): State {
  const state = emptyState();
  for (const fact of facts) apply(state, fact);
  return state;
}
