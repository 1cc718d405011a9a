/** Lists of tasks on nodes of different speeds in virtual time, placed by the real scheduler: how long does each list take? */
import type { PolicyName } from '../../source/model/job.ts';
import type { Attempt } from '../../source/model/node.ts';
import { createScheduler, type Scheduler } from '../../source/scheduler/scheduler.ts';
import { dice } from './dice.ts';
import { nodeInfo, outcome, spec } from './fleet.ts';

export interface Machine {
  speed: number;
  slots: number;
  /** The share (0–1) of its CPUs that others use at a time, in ms; it stays the same for `foreignStepMs` at a time. */
  foreign?(at: number): number;
}

/** How long what others use stays the same: as in the recordings of PlanetLab. */
export const foreignStepMs = 300_000;

/** A program, how long it takes at speed 1, and how often it is in the list. */
export interface Program {
  name: string;
  ms: number;
  count: number;
}

/** What became of a list. */
export interface ListRun {
  readonly makespanMs: number;
  /** The time could not have been shorter (see `lowerBoundMs`), as others used the machines meanwhile. */
  readonly boundMs: number;
  /** From the submission to the start, and to the end, of each task in the order of the list. */
  readonly waitsMs: readonly number[];
  readonly responsesMs: readonly number[];
}

export interface Shop {
  readonly scheduler: Scheduler;
  /**
   * Submits a list in this order, one job a task, and lets time pass until all has ended. With `comesAfterMs` each is
   * submitted so long after the first; else all at once.
   */
  run(list: readonly Program[], comesAfterMs?: readonly number[]): ListRun;
  follow(policy: PolicyName): void;
}

/** Returns programs whose durations have a heavy tail: quantiles of a Pareto distribution, each `count` times. */
export function heavyTail(
  kinds: number,
  count: number,
  shortestMs: number,
  alpha: number,
  longestMs: number,
): Program[] {
  return Array.from({ length: kinds }, (_, kind) => ({
    name: `program-${kind}`,
    ms: Math.min(longestMs, shortestMs * (1 - (kind + 0.5) / kinds) ** (-1 / alpha)),
    count,
  }));
}

/** Returns the tasks of the programs in an order drawn by that seed. */
export function shuffled(programs: readonly Program[], seed: number): Program[] {
  const { below } = dice(seed);
  const list = programs.flatMap((program) => Array.from({ length: program.count }, () => program));
  for (let at = list.length - 1; at > 0; at--) {
    const other = below(at + 1);
    [list[at], list[other]] = [list[other] as Program, list[at] as Program];
  }
  return list;
}

/**
 * No schedule that begins at that time is shorter: until then all slots together do all work, and the k fastest slots the k
 * longest tasks, for any k. What others use of a machine is gone for everybody.
 */
export function lowerBoundMs(machines: readonly Machine[], list: readonly Program[], begin = 0): number {
  const works = list.map(({ ms }) => ms).sort((a, b) => b - a);
  const all = works.reduce((sum, ms) => sum + ms, 0);
  const slots = machines.reduce((sum, { slots }) => sum + slots, 0);
  /** Work that must be done by the `count` fastest slots, or by all. */
  const demands = [{ count: slots, left: all }];
  let work = 0;
  for (let count = 1; count <= Math.min(works.length, slots); count++) {
    work += works[count - 1] as number;
    demands.push({ count, left: work });
  }
  let at = begin;
  let bound = begin;
  for (let open = demands; open.length > 0; ) {
    const next = (Math.floor(at / foreignStepMs) + 1) * foreignStepMs;
    for (const demand of open) {
      const speed = fastest(machines, demand.count, at);
      if (demand.left <= speed * (next - at)) bound = Math.max(bound, at + demand.left / speed);
      demand.left -= speed * (next - at);
    }
    open = open.filter(({ left }) => left > 0);
    at = next;
  }
  return bound - begin;
}

/** How fast the fastest slots are together. */
function fastest(machines: readonly Machine[], count: number, at: number): number {
  let left = count;
  let sum = 0;
  for (const { speed, slots, foreign } of [...machines].sort((a, b) => b.speed - a.speed)) {
    const free = slots * (1 - (foreign?.(at) ?? 0));
    sum += speed * Math.min(left, free);
    left -= Math.min(left, free);
  }
  return sum;
}

/** A task on a machine; the work that is left is in ms at speed 1. */
interface Running {
  readonly id: string;
  readonly startedAt: number;
  left: number;
}

interface Place {
  readonly name: string;
  readonly machine: Machine;
  /** What waits there for a slot. */
  readonly waiting: Attempt[];
  running: Running[];
  seen: number;
}

const tickMs = 250;
const heartbeatMs = 1_000;

/**
 * Returns machines with nothing to do. What others use of a machine they use first; what is left is shared by our tasks, of
 * which none gets more than one CPU. `noise`: a run takes up to that share longer or shorter, by lot.
 */
export function shop(machines: readonly Machine[], policy: PolicyName, { noise = 0, seed = 1 } = {}): Shop {
  const scheduler = createScheduler(undefined, { remember: 0 });
  const { handle, state } = scheduler;
  const { below } = dice(seed);
  let at = 1_000_000;
  handle({ kind: 'session', at, version: '', policy, discipline: 'fifo', cpuLimit: 100, seed });
  const holding = { running: [], waiting: [], ended: [] };
  const places = machines.map((machine, number): Place => {
    const name = `n${number}`;
    handle({
      kind: 'join',
      at,
      node: name,
      incarnation: '1',
      info: nodeInfo({ slots: machine.slots }),
      address: '',
      holding,
    });
    return { name, machine, waiting: [], running: [], seen: 0 };
  });

  const foreignOf = ({ machine }: Place) => machine.foreign?.(at) ?? 0;
  /** Work that each of its tasks does in a ms. */
  const rateOf = (place: Place) => {
    const { speed, slots } = place.machine;
    return speed * Math.min(1, (slots * (1 - foreignOf(place))) / Math.max(1, place.running.length));
  };

  function pass(to: number): void {
    for (const place of places) {
      const done = rateOf(place) * (to - at);
      for (const one of place.running) one.left -= done;
    }
    at = to;
  }

  function heartbeat(place: Place): void {
    const { slots } = place.machine;
    const foreign = 100 * foreignOf(place);
    const cpuOurs = Math.min(100 - foreign, (100 * place.running.length) / slots);
    const counts = { running: place.running.length, waiting: place.waiting.length };
    const sample = { cpu: foreign + cpuOurs, cpuOurs, memoryUsed: 0, memoryOurs: 0, load1: 0, ...counts };
    handle({ kind: 'heartbeat', at, node: place.name, seen: place.seen, sample });
  }

  return {
    scheduler,
    follow: (next) => void handle({ kind: 'set-policy', at, policy: next, discipline: null, by: '' }),
    run(list, comesAfterMs) {
      const first = state.nextJob;
      const begun = at;
      const waitsMs = Array<number>(list.length).fill(Number.NaN);
      const responsesMs = Array<number>(list.length).fill(Number.NaN);
      const comesAt = (task: number) => begun + (comesAfterMs?.[task] ?? 0);
      let submitted = 0;
      let beatAt = at;
      let nextTick = at;

      function start(place: Place): void {
        while (place.waiting.length > 0 && place.running.length < place.machine.slots) {
          const next = place.waiting.shift() as Attempt;
          handle({ kind: 'started', at, node: place.name, attempt: next });
          const task = next.job - first;
          waitsMs[task] = at - comesAt(task);
          const left = (list[task] as Program).ms * (1 + noise * (below(2_001) / 1_000 - 1));
          place.running.push({ id: `${next.job}.0#${next.attempt}`, startedAt: at, left });
        }
      }

      function end(place: Place): void {
        const ended = place.running.filter(({ left }) => left <= 1e-6);
        place.running = place.running.filter(({ left }) => left > 1e-6);
        for (const { id, startedAt } of ended) {
          const task = Number.parseInt(id, 10) - first;
          responsesMs[task] = at - comesAt(task);
          handle({ kind: 'outcome', at, node: place.name, outcome: outcome(id, { runMs: at - startedAt }) });
        }
        start(place);
      }

      for (;;) {
        for (; submitted < list.length && comesAt(submitted) <= at; submitted++) {
          const argv = [`/usr/bin/${list[submitted]?.name}`];
          const work = { kind: 'command' as const, argv, shell: false, task: '', input: null };
          handle({ kind: 'submit', at, spec: spec(1, { work }), by: '' });
        }
        if (at >= nextTick) {
          nextTick = at + tickMs;
          for (const { name } of places) handle({ kind: 'heard', at, node: name });
          if (at >= beatAt) {
            beatAt = at + heartbeatMs;
            places.forEach(heartbeat);
          }
          handle({ kind: 'tick', at, stalled: false });
        }
        for (const fact of handle({ kind: 'dispatch', at })) {
          const place = 'node' in fact ? places.find(({ name }) => name === fact.node) : undefined;
          if (fact.kind === 'recalled' && place !== undefined) {
            const { job, ordinal, attempt } = fact;
            const where = place.waiting.findIndex((one) => one.job === job);
            if (where === -1) continue;
            place.waiting.splice(where, 1);
            handle({ kind: 'returned', at, node: place.name, attempt: { job, ordinal, attempt } });
          }
          if (fact.kind !== 'assigned' || place === undefined) continue;
          const { job, ordinal, attempt } = fact;
          place.seen++;
          place.waiting.push({ job, ordinal, attempt });
          start(place);
        }
        const idle = places.every(({ running }) => running.length === 0);
        if (idle && state.totals.queued + state.totals.assigned === 0 && submitted === list.length) break;
        if (at - begun > 1e10) throw new Error('nothing moves any more');
        let next = Math.min(nextTick, (Math.floor(at / foreignStepMs) + 1) * foreignStepMs);
        if (submitted < list.length) next = Math.min(next, comesAt(submitted));
        for (const place of places)
          for (const { left } of place.running) next = Math.min(next, at + left / rateOf(place));
        pass(Math.max(next, at));
        places.forEach(end);
      }
      for (let job = first; job < state.nextJob; job++) handle({ kind: 'purge', at, job });
      return { makespanMs: at - begun, boundMs: lowerBoundMs(machines, list, begun), waitsMs, responsesMs };
    },
  };
}
