/**
 * The recent past of the nodes, so that a decision can be made again with what was known then: after each fact about a
 * node, what of it a decision looks at. Bounded: of the oldest only the last word about each node is kept, which is what
 * makes everything younger complete.
 */
import type { Fact } from '../model/fact.ts';
import type { PolicyName } from '../model/job.ts';
import type { NodeState, State } from './state.ts';

/** What of a node a decision looks at. */
type NodeView = Pick<
  NodeState,
  | 'info'
  | 'connected'
  | 'health'
  | 'intent'
  | 'drained'
  | 'overloaded'
  | 'sample'
  | 'usedCpus'
  | 'usedMemoryBytes'
  | 'usedResources'
  | 'unseenCpus'
  | 'sampledCpus'
  | 'endedCpus'
>;

/** A fact about a node, and how it left the node. */
interface Entry {
  readonly place: number;
  readonly view: NodeView;
  /** Set where it was a decision. */
  readonly decision: Decision | null;
}

interface Decision {
  readonly at: number;
  readonly job: number;
  readonly ordinal: number;
  readonly attempt: number;
  readonly policy: PolicyName;
}

/** The nodes as they were when a task was placed. */
export interface Before {
  readonly at: number;
  readonly policy: PolicyName;
  /** In order of place. */
  readonly nodes: readonly NodeState[];
}

export interface Past {
  /** A fact was applied. */
  note(fact: Fact): void;
  /** Returns what was known when that attempt was placed; null where it is not remembered any more. */
  before(job: number, ordinal: number, attempt: number): Before | null;
}

/** So many facts about nodes are remembered: some MB. */
const remembered = 20_000;

/** Returns the past of a state, which begins now. `size`: how many facts about nodes are remembered. */
export function past(state: State, size = remembered): Past {
  let ring: Entry[] = [];
  /** Where the next entry goes once the ring is full. */
  let next = 0;
  /** How each node was before the oldest entry. */
  let base: (NodeView | undefined)[] = [];

  function begin(): void {
    ring = [];
    next = 0;
    base = state.places.map((node) => (node === undefined ? undefined : viewOf(node)));
  }

  function newest(back: number): Entry | undefined {
    return back >= ring.length ? undefined : ring[(next - 1 - back + 2 * ring.length) % ring.length];
  }

  begin();
  return {
    note(fact) {
      if (fact.kind === 'session-started') return begin();
      if (size === 0 || !('node' in fact) || fact.node === null) return;
      const node = state.nodes.get(fact.node);
      if (node === undefined) return;
      const decision =
        fact.kind === 'assigned'
          ? { at: fact.at, job: fact.job, ordinal: fact.ordinal, attempt: fact.attempt, policy: state.policy }
          : null;
      const entry = { place: node.place, view: viewOf(node), decision };
      if (ring.length < size) {
        ring.push(entry);
        return;
      }
      const oldest = ring[next] as Entry;
      base[oldest.place] = oldest.view;
      ring[next] = entry;
      next = (next + 1) % size;
    },
    before(job, ordinal, attempt) {
      for (let back = 0; back < ring.length; back++) {
        const decision = newest(back)?.decision;
        if (decision?.ordinal !== ordinal || decision.job !== job || decision.attempt !== attempt) continue;
        const views: (NodeView | undefined)[] = [];
        for (let older = back + 1; older < ring.length; older++) {
          const { place, view } = newest(older) as Entry;
          views[place] ??= view;
        }
        const nodes: NodeState[] = [];
        for (const node of state.places) {
          const view = node === undefined ? undefined : (views[node.place] ?? base[node.place]);
          if (node !== undefined && view !== undefined) nodes.push({ ...node, ...view });
        }
        return { at: decision.at, policy: decision.policy, nodes };
      }
      return null;
    },
  };
}

function viewOf(node: NodeState): NodeView {
  return {
    info: node.info,
    connected: node.connected,
    health: node.health,
    intent: node.intent,
    drained: node.drained,
    overloaded: node.overloaded,
    sample: node.sample,
    usedCpus: node.usedCpus,
    usedMemoryBytes: node.usedMemoryBytes,
    usedResources: node.usedResources.size === 0 ? none : new Map(node.usedResources),
    unseenCpus: node.unseenCpus,
    sampledCpus: node.sampledCpus,
    endedCpus: node.endedCpus,
  };
}

const none: NodeState['usedResources'] = new Map();
