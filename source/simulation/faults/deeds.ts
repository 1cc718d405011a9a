/** What is done to a world: faults of the network and of machines, and what operators do meanwhile. */
import type { State } from '../../scheduler/state.ts';
import type { Random } from '../random.ts';
import { disciplines, policies, type TimedFault } from './rates.ts';
import type { VirtualCoordinator } from './virtual-coordinator.ts';
import type { VirtualNode } from './virtual-node.ts';

/** Who does it. */
export const operator = 'simulation';

/** Returns the deed for each kind that comes by itself; `crash`: of the coordinator, by itself or with its machine, which is the world's own affair. */
export function worldDeeds(
  random: Random,
  coordinator: VirtualCoordinator,
  nodes: readonly VirtualNode[],
  crash: { process(): void; machine(): void },
): Readonly<Record<TimedFault, () => void>> {
  const someMs = (): number => random.pick([100, 2_000, 8_000, 25_000]);
  const node = (): VirtualNode => random.pick(nodes);

  function target(): { job: number; ordinal: number | null } {
    const jobs = [...coordinator.state.jobs.values()];
    const job = jobs.length === 0 ? undefined : random.pick(jobs);
    return { job: job?.id ?? 1, ordinal: random.chance(0.6) ? random.below(job?.tasks.count ?? 1) : null };
  }

  function drain(now: boolean): void {
    const deadline = random.chance(0.3) ? coordinator.now + someMs() : null;
    coordinator.tell({ kind: 'drain', node: node().name, now, deadline, reason: '', by: operator });
  }

  return {
    'connection lost': () => node().connection?.close('network'),
    cut: () => node().connection?.cut('both', someMs()),
    'cut one way': () => node().connection?.cut(random.pick(['toNode', 'toCoordinator'] as const), someMs()),
    'coordinator crash': crash.process,
    'machine crash': crash.machine,
    'node crash': () => node().crash(someMs()),
    'node leaves': () => node().leave(someMs()),
    'coordinator pause': () => coordinator.pause(someMs()),
    'node pause': () => node().pause(someMs()),
    drain: () => drain(false),
    'drain now': () => drain(true),
    pause: () => coordinator.tell({ kind: 'pause', node: node().name, reason: '', by: operator }),
    cancel: () => coordinator.tell({ kind: 'cancel', target: target(), by: operator }),
    retry: () => coordinator.tell({ kind: 'retry', target: target(), onlyFailed: random.chance(0.5), by: operator }),
    purge: () => coordinator.tell({ kind: 'purge', job: target().job }),
    'queue paused': () => coordinator.tell({ kind: 'pause-queue', paused: true, reason: '', by: operator }),
    'policy switched': () =>
      coordinator.tell({
        kind: 'set-policy',
        policy: random.pick(policies),
        discipline: random.pick(disciplines),
        by: operator,
      }),
  };
}

/** Forgets jobs that have ended that long ago, as people do: a coordinator that runs for months does not keep all. */
export function forgetOld(coordinator: VirtualCoordinator, keptMs: number): void {
  for (const { id, endedAt } of [...coordinator.state.jobs.values()])
    if (endedAt !== null && endedAt < coordinator.now - keptMs) coordinator.tell({ kind: 'purge', job: id });
}

/** Cancels what fits no node and would wait for ever. */
export function cancelHopeless(coordinator: VirtualCoordinator, nodes: readonly VirtualNode[]): void {
  for (const { id, spec, endedAt } of [...coordinator.state.jobs.values()]) {
    const fits = nodes.some(
      ({ info }) =>
        spec.cpus <= info.slots &&
        (spec.labels.disk === undefined || info.labels.disk !== undefined) &&
        (spec.resources.gpu === undefined || info.resources.gpu !== undefined),
    );
    if (!fits && endedAt === null)
      coordinator.tell({ kind: 'cancel', target: { job: id, ordinal: null }, by: operator });
  }
}

/** Tasks that have not ended. */
export function openTasks({ totals }: State): number {
  return totals.queued + totals.assigned + totals.running;
}
