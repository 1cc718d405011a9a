import type { JobSpec, PolicyName } from '../../model/job.ts';
import type { NodeState, State } from '../state.ts';

/** A rule that picks a node among those that may be used. Policies hold nothing: what they need is in the state. */
export interface Policy {
  readonly name: PolicyName;
  /**
   * How a node stands: lower is better. It changes only with facts about that node, so that an index can keep it.
   */
  rank(node: NodeState, state: State): number;
  /** What `explain` shows of a node for tasks of a job, where that is not the rank. */
  score?(node: NodeState, state: State, spec: JobSpec): number;
  /** So many CPUs of tasks may wait at a node beyond its slots; none where it is not said. */
  readonly depthCpus?: number;
  /** For tasks of which nothing is known yet another policy decides. */
  readonly needsDurations?: true;
  /**
   * How the choice is made among the open nodes: the `lowest` rank, the `next` in turn after the last one chosen, `any`
   * by lot, or the lower of `two` different ones drawn by lot.
   */
  readonly choice: 'lowest' | 'next' | 'any' | 'two';
}
