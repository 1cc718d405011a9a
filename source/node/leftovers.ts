/** Ends what an earlier agent of this node, killed without warning, left running. */
import { agentMark } from './environment.ts';
import { processStat, signalGroup } from './process-stat.ts';
import type { Spool } from './spool.ts';
import { killMarked } from './sweep.ts';
import { endGroups } from './task-groups.ts';

/**
 * Kills the process groups that the spool names, where pid and start time are still those of the process that was
 * started, and whatever is in an earlier agent's control groups or carries its mark; returns how many there were.
 */
export function endLeftovers(spool: Pick<Spool, 'processes' | 'agents' | 'forgetEarlier'>): number {
  let ended = 0;
  for (const { pid, startTicks } of spool.processes) {
    const stat = processStat(pid);
    if (stat === null || stat.startTicks !== startTicks || stat.group !== pid || stat.state === 'Z') continue;
    if (signalGroup(pid, 'SIGKILL')) ended++;
  }
  for (const { groups } of spool.agents) if (groups !== null) ended += endGroups(groups);
  const marked = spool.agents.filter(({ groups }) => groups === null);
  if (marked.length > 0) ended += killMarked(marked.map(({ id }) => [`${agentMark}=${id}`]));
  spool.forgetEarlier();
  return ended;
}
