/** Indexes over the nodes that make a choice cheap: kept beside the state, made anew from it at any time. */
import type { JobSpec } from '../model/job.ts';
import { closedFor, full, lacks, lacksName } from './admission.ts';
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
}

export interface Placement {
  /** Something of that node has changed. */
  touch(place: number): void;
  /** The policy has changed, or the state is another. */
  reset(): void;
  /** Returns the node that the policy takes for a task among those with a free slot, or undefined. */
  choose(policy: Policy, dispatch: Dispatch): NodeState | undefined;
  /** Returns the node with the shortest queue among those where one more task may wait for a slot, or undefined. */
  chooseAhead(dispatch: Dispatch): NodeState | undefined;
}

interface KindIndex {
  /** With a free slot, ranked by the policy. */
  idle: NodeIndex;
  /** All slots taken, room for tasks to wait; ranked by the share taken. */
  ahead: NodeIndex;
}

/** Returns the placement for a state; `kind` of a job says which nodes can ever take its tasks (see lanes.ts). */
export function placement(state: State): Placement {
  /** One index a kind of room, over the nodes that have what it needs, so that a search meets few that cannot. */
  const kinds = new Map<string, KindIndex & { sample: JobSpec }>();
  const touched = new Set<number>();
  let policy: Policy | undefined;

  function rankInto(index: KindIndex & { sample: JobSpec }, place: number): void {
    const node = state.places[place];
    const open = node !== undefined && closedFor(node) === null && lacksName(node, index.sample) === null;
    const free = open ? node.info.slots - node.usedCpus : 0;
    index.idle.set(place, open && free > 0 ? (policy as Policy).rank(node) : Infinity);
    index.ahead.set(place, open && free <= 0 && free > -node.info.slots ? node.usedCpus / node.info.slots : Infinity);
  }

  function indexFor(spec: JobSpec, wanted: Policy): KindIndex {
    if (policy !== wanted) {
      kinds.clear();
      touched.clear();
      policy = wanted;
    }
    for (const place of touched) for (const index of kinds.values()) rankInto(index, place);
    touched.clear();
    const kind = kindOfRoom(spec);
    let index = kinds.get(kind);
    if (index === undefined) {
      // Kinds come from submissions: a bound keeps strange ones from taking memory for ever.
      if (kinds.size >= 64) kinds.clear();
      index = { idle: nodeIndex(), ahead: nodeIndex(), sample: spec };
      kinds.set(kind, index);
      for (let place = 0; place < state.places.length; place++) rankInto(index, place);
    }
    return index;
  }

  const fits = (place: number, spec: JobSpec, aheadSlots: number): boolean => {
    const node = state.places[place] as NodeState;
    return full(node, spec, aheadSlots) === null && lacks(node, spec) === null;
  };

  return {
    touch: (place) => touched.add(place),
    reset() {
      policy = undefined;
    },
    choose(wanted, dispatch) {
      const { idle } = indexFor(dispatch.spec, wanted);
      const { spec, avoid } = dispatch;
      let place = -1;
      if (avoid !== undefined) place = chosen(idle, wanted, state, dispatch, (at) => at !== avoid && fits(at, spec, 0));
      if (place === -1) place = chosen(idle, wanted, state, dispatch, (at) => fits(at, spec, 0));
      return place === -1 ? undefined : state.places[place];
    },
    chooseAhead(dispatch) {
      if (policy === undefined) return undefined;
      const { ahead } = indexFor(dispatch.spec, policy);
      const place = ahead.search((at) => fits(at, dispatch.spec, (state.places[at] as NodeState).info.slots));
      return place === -1 ? undefined : state.places[place];
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
      const better = policy.rank(state.places[a] as NodeState) <= policy.rank(state.places[b] as NodeState) ? a : b;
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
