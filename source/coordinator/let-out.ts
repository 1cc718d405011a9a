/** Work that left for its node before the journal had it, and what is to be done about it at the next start. */
import type { Intent } from '../journal/intent-log.ts';
import type { Fact, FactOf } from '../model/fact.ts';
import type { State } from '../scheduler/state.ts';

/**
 * What facts must be for their work to leave before the journal has them: told again by their nodes, or of no weight if
 * they are lost. A task that is put back in the queue, say, is not: it would be tried once more than it may.
 */
const light: ReadonlySet<Fact['kind']> = new Set<Fact['kind']>([
  'job-submitted',
  'assigned',
  'started',
  'ended',
  'progressed',
  'sampled',
]);

/** Returns the attempts that leave with these facts, or null where they have to wait for the journal. */
export function leavingWith(facts: readonly Fact[]): Intent[] | null {
  const intents: Intent[] = [];
  for (const fact of facts) {
    if (!light.has(fact.kind)) return null;
    if (fact.kind === 'assigned') intents.push(fact);
  }
  return intents;
}

/**
 * Returns the facts that the journal lacks: of each task the last attempt that left, where the task still waits in `state`.
 * What has become of it its node will say; nobody sends it anything.
 */
export function letOut(state: State, intents: readonly Intent[]): FactOf<'assigned'>[] {
  const last = new Map<string, Intent>();
  for (const intent of intents) last.set(`${intent.job}.${intent.ordinal}`, intent);
  return [...last.values()].flatMap(({ job, ordinal, attempt, node }) => {
    const tasks = state.jobs.get(job)?.tasks;
    if (tasks === undefined || ordinal >= tasks.count || !state.nodes.has(node)) return [];
    if (tasks.state(ordinal) !== 'queued' || tasks.get(ordinal, 'attempt') >= attempt) return [];
    return [{ kind: 'assigned', job, ordinal, attempt, node, adopted: true, at: state.at }];
  });
}
