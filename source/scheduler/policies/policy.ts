import type { PolicyName } from '../../model/job.ts';
import type { NodeState } from '../state.ts';

/** A rule that picks a node among those that may be used. Policies hold nothing: what they need is in the state. */
export interface Policy {
  readonly name: PolicyName;
  /**
   * How a node stands: lower is better. It depends on the node alone, so that an index can keep it; `explain` shows it
   * as the score.
   */
  rank(node: NodeState): number;
  /**
   * How the choice is made among the open nodes: the `lowest` rank, the `next` in turn after the last one chosen, `any`
   * by lot, or the lower of `two` different ones drawn by lot.
   */
  readonly choice: 'lowest' | 'next' | 'any' | 'two';
}
