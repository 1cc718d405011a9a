/** Indexes over the nodes that make a choice cheap: kept beside the state, made anew from it at any time. */
import type { DisciplineName, JobSpec, PolicyName } from '../model/job.ts';
import { closedFor, full, lacks, lacksName, mightTake } from './admission.ts';
import { kindOfRoom } from './lanes.ts';
import { drawLot } from './lot.ts';
import { type NodeIndex, nodeIndex } from './node-index.ts';
import type { Policy } from './policies/policy.ts';
import type { NodeState, State } from './state.ts';

/** Which task is to be placed: the lot that it draws follows from these. */
export interface Dispatch {
  job: number;
  ordinal: number;
  attempt: number;
  spec: JobSpec;
  /** Place of a node that is only taken where no other has room. */
  avoid?: number;
  /** Place of a node that is not taken at all: its room is promised to another task. */
  except?: number;
}

export interface Placement {
  /** Something of that node has changed. */
  touch(place: number): void;
  /** The policy has changed, or the state is another. */
  reset(): void;
  /** Returns the node that the policy takes for a task among those with a free slot, or undefined. */
  choose(policy: Policy, dispatch: Dispatch): NodeState | undefined;
  /** Returns the node with the shortest queue among those where one more task may wait for a slot, or undefined. */
  chooseAhead(policy: Policy, dispatch: Dispatch): NodeState | undefined;
  /** How many nodes with what tasks like this one need by name have a free slot. */
  openTo(policy: Policy, spec: JobSpec): number;
  /** Whether any node could take tasks of this job, if it had nothing else to do. */
  someMightTake(spec: JobSpec): boolean;
}

/** Nodes among which one is looked for. */
interface Shelf {
  readonly index: NodeIndex;
  /** How many slots beyond its own a node may be filled. */
  readonly aheadSlots: (node: NodeState) => number;
  /**
   * Jobs for whose tasks none of the nodes had room when all were looked at. They need not be looked at again before one
   * of them has changed so that it has room.
   */
  readonly hopeless: Set<JobSpec>;
}

/** What nodes of one kind of room are kept in. */
interface Kind {
  readonly policy: Policy;
  /** So many CPUs of tasks may wait where the policy puts them. */
  readonly depthCpus: number;
  /** A job of this kind. */
  readonly like: JobSpec;
  /** With a free slot, ranked by the policy. */
  readonly idle: Shelf;
  /** All slots taken, room for tasks to wait; ranked by the share taken. */
  readonly ahead: Shelf;
}

/** Kinds come from submissions, and so do jobs: bounds keep strange ones from taking memory for ever. */
const kindsKept = 64;
const hopelessKept = 64;

function newKind(policy: Policy, like: JobSpec, depthCpus: number): Kind {
  const shelf = (aheadSlots: Shelf['aheadSlots']): Shelf => ({ index: nodeIndex(), aheadSlots, hopeless: new Set() });
  return { policy, like, depthCpus, idle: shelf(() => depthCpus), ahead: shelf(({ info }) => info.slots) };
}

/** Returns the placement for a state; `kind` of a job says which nodes can ever take its tasks (see lanes.ts). */
export function placement(state: State): Placement {
  /**
   * One index a policy and kind of room, over the nodes that have what it needs, so that a search meets few that cannot.
   */
  const policies = new Map<Policy, Map<string, Kind>>();
  const kinds: Kind[] = [];
  const touched = new Set<number>();
  /** A node that might take tasks of a job, found before. */
  const takers = new WeakMap<JobSpec, NodeState>();
  /** What the indexes are made for: one policy, and what it does where nothing is known. */
  let inForce: PolicyName | undefined;
  let discipline: DisciplineName | undefined;
  /** What was asked for last, which mostly is asked for again. */
  let last: { spec: JobSpec; policy: Policy; kind: Kind } | undefined;

  const fits = (place: number, spec: JobSpec, { aheadSlots }: Shelf): boolean => {
    const node = state.places[place] as NodeState;
    return full(node, spec, aheadSlots(node)) === null && lacks(node, spec) === null;
  };

  function put(shelf: Shelf, place: number, rank: number): void {
    shelf.index.set(place, rank);
    if (rank === Infinity) return;
    for (const spec of shelf.hopeless) if (fits(place, spec, shelf)) shelf.hopeless.delete(spec);
  }

  function rank({ policy, depthCpus, like, idle, ahead }: Kind, place: number): void {
    const node = state.places[place];
    const open = node !== undefined && closedFor(node) === null && lacksName(node, like) === null;
    const free = open ? node.info.slots - node.usedCpus : 0;
    put(idle, place, open && free + depthCpus > 0 ? policy.rank(node, state) : Infinity);
    put(ahead, place, open && free <= 0 && free > -node.info.slots ? node.usedCpus / node.info.slots : Infinity);
  }

  /** Disciplines that promise room at a certain time cannot have tasks waiting at nodes. */
  function depthOf({ depthCpus = 0 }: Policy): number {
    return state.discipline === 'fifo' ? depthCpus : 0;
  }

  function clear(): void {
    policies.clear();
    kinds.length = 0;
    last = undefined;
    touched.clear();
  }

  function kindOf(spec: JobSpec, wanted: Policy): Kind {
    if (inForce !== state.policy || discipline !== state.discipline) clear();
    inForce = state.policy;
    discipline = state.discipline;
    for (const place of touched) for (const kind of kinds) rank(kind, place);
    touched.clear();
    if (last?.spec !== spec || last.policy !== wanted) last = { spec, policy: wanted, kind: kindNamed(spec, wanted) };
    return last.kind;
  }

  function kindNamed(spec: JobSpec, wanted: Policy): Kind {
    const name = kindOfRoom(spec);
    let kind = policies.get(wanted)?.get(name);
    if (kind === undefined) {
      if (kinds.length >= kindsKept) clear();
      kind = newKind(wanted, spec, depthOf(wanted));
      kinds.push(kind);
      const ofPolicy = policies.get(wanted) ?? new Map<string, Kind>();
      policies.set(wanted, ofPolicy);
      ofPolicy.set(name, kind);
      for (let place = 0; place < state.places.length; place++) rank(kind, place);
    }
    return kind;
  }

  /** Looks among the nodes of a shelf, unless that is known to be in vain; remembers where it was. */
  function find(
    shelf: Shelf,
    spec: JobSpec,
    look: (fits: (place: number) => boolean) => number,
  ): NodeState | undefined {
    if (shelf.hopeless.has(spec)) return undefined;
    const place = look((at) => fits(at, spec, shelf));
    if (place !== -1) return state.places[place];
    if (shelf.hopeless.size >= hopelessKept) shelf.hopeless.clear();
    shelf.hopeless.add(spec);
    return undefined;
  }

  return {
    touch: (place) => touched.add(place),
    reset() {
      inForce = undefined;
    },
    choose(wanted, dispatch) {
      const { spec, avoid, except } = dispatch;
      const { idle } = kindOf(spec, wanted);
      if (except !== undefined) {
        if (idle.hopeless.has(spec)) return undefined;
        const place = chosen(idle.index, wanted, state, dispatch, (at) => at !== except && fits(at, spec, idle));
        return place === -1 ? undefined : state.places[place];
      }
      return find(idle, spec, (fits) => {
        const other =
          avoid === undefined
            ? -1
            : chosen(idle.index, wanted, state, dispatch, (place) => place !== avoid && fits(place));
        return other !== -1 ? other : chosen(idle.index, wanted, state, dispatch, fits);
      });
    },
    chooseAhead(policy, { spec }) {
      const { ahead } = kindOf(spec, policy);
      return find(ahead, spec, ahead.index.search);
    },
    openTo: (wanted, spec) => kindOf(spec, wanted).idle.index.open,
    someMightTake(spec) {
      const known = takers.get(spec);
      if (known !== undefined && state.places[known.place] === known && mightTake(known, spec)) return true;
      for (const node of state.nodes.values())
        if (mightTake(node, spec)) {
          takers.set(spec, node);
          return true;
        }
      return false;
    },
  };
}

function chosen(
  index: NodeIndex,
  policy: Policy,
  state: State,
  { job, ordinal, attempt }: Dispatch,
  fits: (place: number) => boolean,
): number {
  const { open } = index;
  if (open === 0) return -1;
  switch (policy.choice) {
    case 'lowest': {
      const best = index.lowest();
      return fits(best) ? best : index.search(fits);
    }
    case 'next':
      return firstFitting(index, index.next(state.lastPlace), open, fits);
    case 'any':
      return firstFitting(index, index.nth(drawLot(state.seed, job, ordinal, attempt, 0, open)), open, fits);
    case 'two': {
      const one = drawLot(state.seed, job, ordinal, attempt, 0, open);
      const a = index.nth(one);
      if (open === 1) return fits(a) ? a : -1;
      const other = drawLot(state.seed, job, ordinal, attempt, 1, open - 1);
      const b = index.nth(other >= one ? other + 1 : other);
      const better =
        policy.rank(state.places[a] as NodeState, state) <= policy.rank(state.places[b] as NodeState, state) ? a : b;
      if (fits(better)) return better;
      return firstFitting(index, better === a ? b : a, open, fits);
    }
  }
}

/** Goes round from a place until one fits. */
function firstFitting(index: NodeIndex, from: number, open: number, fits: (place: number) => boolean): number {
  let place = from;
  for (let tried = 0; tried < open; tried++) {
    if (fits(place)) return place;
    place = index.next(place);
  }
  return -1;
}
