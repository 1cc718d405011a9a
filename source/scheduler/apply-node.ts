/** What facts about nodes do to the state. */
import type { Fact, FactOf } from '../model/fact.ts';
import { PassingMap } from '../model/passing-map.ts';
import type { JobFact } from './apply-job.ts';
import type { TaskFact } from './apply-task.ts';
import { relistAside } from './lanes.ts';
import { countSampled, releaseAll } from './room.ts';
import type { NodeState, State } from './state.ts';

type NodeFact = Exclude<
  Fact,
  JobFact | TaskFact | FactOf<'session-started' | 'queue-paused' | 'policy-set' | 'cpu-limit-set' | 'acted'>
>;

/** Changes `state` by a fact about a node. */
export function applyNodeFact(state: State, fact: NodeFact): void {
  if (fact.kind === 'node-joined') {
    joined(state, fact);
    relistAside(state);
    return;
  }
  const node = state.nodes.get(fact.node);
  if (node === undefined) return;
  switch (fact.kind) {
    case 'node-health':
      node.health = fact.health;
      node.healthAt = fact.at;
      node.healthReason = fact.reason;
      if (fact.health === 'lost' || fact.health === 'left') {
        node.connected = false;
        node.droppedAt = null;
        node.sample = null;
        node.overloaded = false;
        releaseAll(node);
      } else relistAside(state);
      return;
    case 'node-dropped':
      node.connected = false;
      node.droppedAt = fact.at;
      return;
    case 'node-intent':
      node.intent = fact.intent;
      node.reason = fact.reason;
      node.by = fact.by;
      node.intentAt = fact.at;
      node.deadline = fact.deadline;
      node.drained = false;
      node.unfitInARow = 0;
      relistAside(state);
      return;
    case 'node-drained':
      node.drained = true;
      return;
    case 'node-overloaded':
      node.overloaded = fact.overloaded;
      if (fact.overloaded) node.overloadedAt = fact.at;
      return;
    case 'node-throttled':
      node.throttle = fact.throttle;
      return;
    case 'node-forgotten':
      state.nodes.delete(node.name);
      state.places[node.place] = undefined;
      state.learned.speeds.delete(node.name);
      return;
    case 'sampled':
      node.sample = fact.sample;
      node.sampledAt = fact.at;
      node.seen = fact.seen;
      countSampled(node);
      return;
  }
}

function joined(state: State, fact: FactOf<'node-joined'>): void {
  const known = state.nodes.get(fact.node);
  if (known !== undefined) {
    known.incarnation = fact.incarnation;
    known.info = fact.info;
    known.address = fact.address;
    known.joinedAt = fact.at;
    known.connected = true;
    known.droppedAt = null;
    known.health = 'up';
    known.healthAt = fact.at;
    known.healthReason = '';
    known.seen = 0;
    known.assignments = 0;
    known.sample = null;
    known.unfitInARow = 0;
    if (fact.fresh) known.throttle = fact.info.throttle;
    for (const held of known.held.values()) held.number = 0;
    countSampled(known);
    return;
  }
  const node: NodeState = {
    name: fact.node,
    place: state.places.length,
    incarnation: fact.incarnation,
    info: fact.info,
    address: fact.address,
    joinedAt: fact.at,
    connected: true,
    droppedAt: null,
    health: 'up',
    healthAt: fact.at,
    healthReason: '',
    intent: 'active',
    drained: false,
    reason: '',
    by: '',
    intentAt: fact.at,
    deadline: null,
    overloaded: false,
    overloadedAt: 0,
    throttle: fact.info.throttle,
    sample: null,
    sampledAt: null,
    seen: 0,
    assignments: 0,
    held: new PassingMap(),
    usedCpus: 0,
    usedMemoryBytes: 0,
    usedResources: new Map(),
    unseenCpus: 0,
    sampledCpus: 0,
    endedCpus: 0,
    running: 0,
    assigned: 0,
    succeeded: 0,
    failed: 0,
    unfitInARow: 0,
  };
  state.nodes.set(node.name, node);
  state.places.push(node);
}
