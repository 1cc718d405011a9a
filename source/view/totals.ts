/** What every screen's header shows of the whole fleet. */
import { disciplineNames, policyNames } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { flag, type Infer, nullable, real, struct, text, word } from '../model/shape.ts';
import type { State } from '../scheduler/state.ts';
import { quantilesOf } from './quantiles.ts';
import { isThere } from './report.ts';
import { type Series, throughput } from './series.ts';

const count = real(0);
const ms = nullable(real(0));

export const totalsShape = struct({
  version: text(limits.nameLength),
  startedAt: count,
  policy: word(policyNames),
  queue: word(disciplineNames),
  queuePaused: flag,
  cpuLimit: count,
  nodes: struct({
    all: count,
    up: count,
    suspect: count,
    lost: count,
    left: count,
    paused: count,
    draining: count,
    drained: count,
    overloaded: count,
  }),
  slots: struct({ total: count, busy: count }),
  tasks: struct({
    queued: count,
    assigned: count,
    running: count,
    succeeded: count,
    failed: count,
    cancelled: count,
    skipped: count,
    lost: count,
  }),
  jobs: count,
  requeued: count,
  /** Percent of all cores together; null while no node has reported. */
  cpu: nullable(real()),
  cpuOurs: nullable(real()),
  memoryUsed: count,
  memoryTotal: count,
  perSecond1s: count,
  perSecond10s: count,
  perSecond60s: count,
  waitP50: ms,
  waitP99: ms,
  runP50: ms,
  runP90: ms,
  runP99: ms,
});
export type Totals = Infer<typeof totalsShape>;

/** Returns the totals at the instant `now`: one walk over the nodes. */
export function totalsOf(state: State, series: Series, now: number): Totals {
  const nodes = { all: 0, up: 0, suspect: 0, lost: 0, left: 0, paused: 0, draining: 0, drained: 0, overloaded: 0 };
  const slots = { total: 0, busy: 0 };
  let cores = 0;
  let cpu = 0;
  let ours = 0;
  let memoryUsed = 0;
  let memoryTotal = 0;
  for (const node of state.nodes.values()) {
    nodes.all++;
    nodes[node.health]++;
    if (node.intent === 'paused') nodes.paused++;
    else if (node.intent === 'draining') nodes[node.drained ? 'drained' : 'draining']++;
    if (node.overloaded) nodes.overloaded++;
    if (!isThere(node)) continue;
    slots.total += node.info.slots;
    slots.busy += node.running;
    const { sample } = node;
    if (sample === null) continue;
    cores += node.info.cores;
    cpu += sample.cpu * node.info.cores;
    ours += sample.cpuOurs * node.info.cores;
    memoryUsed += sample.memoryUsed;
    memoryTotal += node.info.memoryTotal;
  }
  const [waitP50 = null, waitP99 = null] = quantilesOf(series.waits, now, [0.5, 0.99]);
  const [runP50 = null, runP90 = null, runP99 = null] = quantilesOf(series.runs, now, [0.5, 0.9, 0.99]);
  return {
    version: state.version,
    startedAt: state.startedAt,
    policy: state.policy,
    queue: state.discipline,
    queuePaused: state.queuePaused,
    cpuLimit: state.cpuLimit,
    nodes,
    slots,
    tasks: { ...state.totals },
    jobs: state.jobs.size,
    requeued: state.requeued,
    cpu: cores === 0 ? null : cpu / cores,
    cpuOurs: cores === 0 ? null : ours / cores,
    memoryUsed,
    memoryTotal,
    perSecond1s: throughput(series, now, 1),
    perSecond10s: throughput(series, now, 10),
    perSecond60s: throughput(series, now, 60),
    waitP50,
    waitP99,
    runP50,
    runP90,
    runP99,
  };
}
