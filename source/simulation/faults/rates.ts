/** What a seed draws: how big the world is, and how often each fault comes. Swarm testing: each kind may be absent. */
import { type DisciplineName, disciplineNames, type PolicyName, policyNames } from '../../model/job.ts';
import { policyObjection } from '../../scheduler/policies/policies.ts';
import type { Random } from '../random.ts';

/** Kinds of faults and of operators' deeds; each must have fired over many seeds. */
export const faultKinds = [
  'connection lost',
  'cut',
  'cut one way',
  'coordinator crash',
  'machine crash',
  'facts lost',
  'left before it was written',
  'node crash',
  'node leaves',
  'coordinator pause',
  'node pause',
  'clock jump',
  'slow node',
  'lying node',
  'told twice',
  'drain',
  'drain now',
  'pause',
  'cancel',
  'retry',
  'purge',
  'queue paused',
  'policy switched',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** How often each that comes by itself comes, a minute of the whole world. */
export type TimedFault = Exclude<
  FaultKind,
  'facts lost' | 'left before it was written' | 'slow node' | 'lying node' | 'told twice' | 'clock jump'
>;

export interface Rates {
  readonly nodes: number;
  readonly jobsPerMinute: number;
  readonly policy: PolicyName;
  readonly discipline: DisciplineName;
  readonly perMinute: ReadonlyMap<TimedFault, number>;
  /** Of a restart of the coordinator. */
  readonly clockJump: number;
  readonly slowNodes: number;
  readonly lyingNodes: number;
  readonly toldTwice: number;
  readonly networkMs: number;
  readonly diskMs: number;
  /** How long after their end jobs are remembered. */
  readonly keptMs: number;
}

export const policies = policyNames.filter((name) => policyObjection(name, null) === null);
export const disciplines = disciplineNames.filter((name) => policyObjection(null, name) === null);

const most: Readonly<Record<TimedFault, number>> = {
  'connection lost': 10,
  cut: 4,
  'cut one way': 4,
  'coordinator crash': 4,
  'machine crash': 4,
  'node crash': 6,
  'node leaves': 2,
  'coordinator pause': 2,
  'node pause': 4,
  drain: 4,
  'drain now': 3,
  pause: 3,
  cancel: 8,
  retry: 4,
  purge: 2,
  'queue paused': 1,
  'policy switched': 2,
};

export function drawRates(random: Random): Rates {
  const perMinute = new Map<TimedFault, number>();
  for (const [kind, rate] of Object.entries(most) as [TimedFault, number][])
    if (random.chance(0.6)) perMinute.set(kind, random.unit() * rate);
  const maybe = (share: number) => (random.chance(0.5) ? random.unit() * share : 0);
  return {
    nodes: 1 + random.below(5),
    jobsPerMinute: 2 + random.below(15),
    policy: random.pick(policies),
    discipline: random.pick(disciplines),
    perMinute,
    clockJump: maybe(1),
    slowNodes: maybe(0.5),
    lyingNodes: maybe(0.5),
    toldTwice: maybe(0.3),
    networkMs: random.pick([1, 10, 200]),
    diskMs: random.pick([1, 20, 300]),
    keptMs: random.pick([30_000, 120_000, 300_000]),
  };
}
