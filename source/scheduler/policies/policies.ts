import { type DisciplineName, disciplineNames, type PolicyName } from '../../model/job.ts';
import { earliestFinish } from './earliest-finish.ts';
import { fewestRunning } from './fewest-running.ts';
import { first } from './first.ts';
import { leastLoad } from './least-load.ts';
import { partition } from './partition.ts';
import type { Policy } from './policy.ts';
import { powerOfTwo } from './power-of-two.ts';
import { random } from './random.ts';
import { roundRobin } from './round-robin.ts';

const known: Partial<Record<PolicyName, Policy>> = Object.fromEntries(
  [first, roundRobin, random, leastLoad, powerOfTwo, fewestRunning, earliestFinish, partition].map((policy) => [
    policy.name,
    policy,
  ]),
);

/** Returns the policy of that name, or undefined where this version does not have it. */
export function policyNamed(name: PolicyName): Policy | undefined {
  return known[name];
}

/** Returns why this version cannot work by that policy or queue discipline, one line for the user; null where it can. */
export function policyObjection(policy: PolicyName | null, discipline: DisciplineName | null): string | null {
  if (policy !== null && policyNamed(policy) === undefined)
    return `the policy ${policy} is not in this version: take one of ${Object.keys(known).join(', ')}`;
  if (discipline !== null && !disciplineNames.includes(discipline))
    return `the queue discipline ${discipline} is not in this version: take one of ${disciplineNames.join(', ')}`;
  return null;
}
