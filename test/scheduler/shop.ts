/** Lists of tasks on nodes of different speeds in virtual time, placed by the real scheduler: how long does each list take? */
import type { PolicyName } from '../../source/model/job.ts';
import { createScheduler, type Scheduler } from '../../source/scheduler/scheduler.ts';
import { dice } from './dice.ts';
import { nodeInfo, outcome, spec } from './fleet.ts';

export interface Machine {
  speed: number;
  slots: number;
}

/** A program, how long it takes at speed 1, and how often it is in the list. */
export interface Program {
  name: string;
  ms: number;
  count: number;
}

export interface Shop {
  readonly scheduler: Scheduler;
  /** Submits a list in this order, one job a task, and lets time pass until all has ended; returns how long it took. */
  run(list: readonly Program[]): number;
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
 * No schedule is shorter: not than all work shared by all slots, and not than the k longest tasks on the k fastest slots,
 * for any k.
 */
export function lowerBoundMs(machines: readonly Machine[], list: readonly Program[]): number {
  const speeds = machines.flatMap(({ speed, slots }) => Array<number>(slots).fill(speed)).sort((a, b) => b - a);
  const works = list.map(({ ms }) => ms).sort((a, b) => b - a);
  let bound = works.reduce((sum, ms) => sum + ms, 0) / speeds.reduce((sum, speed) => sum + speed, 0);
  let work = 0;
  let speed = 0;
  for (let longest = 0; longest < Math.min(works.length, speeds.length); longest++) {
    work += works[longest] as number;
    speed += speeds[longest] as number;
    bound = Math.max(bound, work / speed);
  }
  return bound;
}

/** Returns machines with nothing to do. `noise`: a run takes up to that share longer or shorter, by lot. */
export function shop(machines: readonly Machine[], policy: PolicyName, { noise = 0, seed = 1 } = {}): Shop {
  const scheduler = createScheduler(undefined, { remember: 0 });
  const { handle, state } = scheduler;
  const { below } = dice(seed);
  let at = 1_000_000;
  handle({ kind: 'session', at, version: '', policy, discipline: 'fifo', cpuLimit: 100, seed });
  const holding = { running: [], waiting: [], ended: [] };
  machines.forEach(({ slots }, number) => {
    const info = nodeInfo({ slots });
    handle({ kind: 'join', at, node: `n${number}`, incarnation: '1', info, address: '', holding });
  });
  const speedOf = (node: string) => (machines[Number(node.slice(1))] as Machine).speed;

  return {
    scheduler,
    follow: (next) => void handle({ kind: 'set-policy', at, policy: next, discipline: null, by: '' }),
    run(list) {
      const first = state.nextJob;
      const begun = at;
      for (const { name } of list) {
        const work = { kind: 'command' as const, argv: [`/usr/bin/${name}`], shell: false, task: '', input: null };
        handle({ kind: 'submit', at, spec: spec(1, { work }), by: '' });
      }
      const running: { id: string; node: string; end: number; runMs: number }[] = [];
      /** What waits at each node for a slot. */
      const waiting = new Map<string, { job: number; ordinal: number; attempt: number }[]>();
      const free = new Map(machines.map(({ slots }, number) => [`n${number}`, slots]));
      const start = (node: string) => {
        for (const next of [...(waiting.get(node) ?? [])]) {
          const left = free.get(node) as number;
          if (left === 0) return;
          free.set(node, left - 1);
          waiting.get(node)?.shift();
          handle({ kind: 'started', at, node, attempt: next });
          const program = list[next.job - first] as Program;
          const runMs = (program.ms / speedOf(node)) * (1 + noise * (below(2_001) / 1_000 - 1));
          running.push({ id: `${next.job}.0#${next.attempt}`, node, end: at + runMs, runMs });
        }
      };
      let nextTick = at + 250;
      for (;;) {
        for (const fact of handle({ kind: 'dispatch', at })) {
          if (fact.kind !== 'assigned') continue;
          const { job, ordinal, attempt, node } = fact;
          const queue = waiting.get(node) ?? [];
          waiting.set(node, queue);
          queue.push({ job, ordinal, attempt });
          start(node);
        }
        running.sort((a, b) => b.end - a.end || (a.id < b.id ? 1 : -1));
        const end = running.at(-1);
        if (end === undefined && state.totals.queued === 0) break;
        if (end === undefined || nextTick < end.end) {
          at = nextTick;
          nextTick += 250;
          if (at - begun > 1e10) throw new Error('nothing moves any more');
          for (const node of state.nodes.keys()) handle({ kind: 'heard', at, node });
          handle({ kind: 'tick', at, stalled: false });
          continue;
        }
        running.pop();
        at = end.end;
        free.set(end.node, (free.get(end.node) as number) + 1);
        handle({ kind: 'outcome', at, node: end.node, outcome: outcome(end.id, { runMs: end.runMs }) });
        start(end.node);
      }
      for (let job = first; job < state.nextJob; job++) handle({ kind: 'purge', at, job });
      return at - begun;
    },
  };
}
