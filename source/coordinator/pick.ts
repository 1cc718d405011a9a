import { jobSpec } from '../model/job.ts';
import type { Pick } from '../model/report.ts';
import { closedFor } from '../scheduler/admission.ts';
import { placement } from '../scheduler/placement.ts';
import { leastLoad } from '../scheduler/policies/least-load.ts';
import { policyNamed } from '../scheduler/policies/policies.ts';
import type { State } from '../scheduler/state.ts';

const anything = jobSpec({ work: { kind: 'command', argv: ['true'], shell: false, task: '', input: null } });

/** Returns the node that the policy would take now for a task of one CPU; nulls where none has room. */
export function pickNode(state: State): Pick {
  const policy = policyNamed(state.policy) ?? leastLoad;
  const dispatch = { job: state.nextJob, ordinal: 0, attempt: 1, spec: anything };
  const node = placement(state).choose(policy, dispatch);
  if (node === undefined || closedFor(node) !== null)
    return { node: null, address: null, policy: state.policy, score: null };
  return { node: node.name, address: node.info.listen, policy: state.policy, score: policy.rank(node, state) };
}
