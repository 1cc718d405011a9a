/** What the coordinator tells Prometheus. */
import type { Fact } from '../model/fact.ts';
import { taskStates } from '../model/job.ts';
import { intents } from '../model/node.ts';
import type { NodeRow } from '../model/report.ts';
import type { State } from '../scheduler/state.ts';
import { nodeRow } from '../view/report.ts';
import {
  addTo,
  byKey,
  countDuration,
  counter,
  emptyHistogram,
  gauge,
  type Metric,
  type Sample,
} from '../wire/metric.ts';

/** Longer than a scrape takes, shorter than anybody waits between two. */
const rowsKeptMs = 500;

export interface MetricsSource {
  readonly state: State;
  now(): number;
  journalBytes(): number;
  /** Why nothing can be made durable; null where it can. */
  full(): unknown;
}

export interface CoordinatorMetrics {
  readonly metrics: readonly Metric[];
  /** Counts facts that were applied. */
  observe(facts: readonly Fact[]): void;
}

/** Returns what is measured; counters count from now on. */
export function coordinatorMetrics({ state, now, journalBytes, full }: MetricsSource): CoordinatorMetrics {
  const waits = emptyHistogram();
  const runs = emptyHistogram();
  const outcomes = new Map<string, number>();
  const requeues = new Map<string, number>();
  let submitted = 0;

  function observe(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.kind === 'ended') {
        addTo(outcomes, fact.state, 1);
        if (fact.state !== 'succeeded' && fact.state !== 'failed') continue;
        countDuration(runs, fact.runMs);
        const tasks = state.jobs.get(fact.job)?.tasks;
        const queuedAt = tasks?.get(fact.ordinal, 'queuedAt') ?? 0;
        const since = queuedAt > 0 ? queuedAt : (state.jobs.get(fact.job)?.submittedAt ?? fact.at);
        countDuration(waits, fact.at - fact.runMs - since);
      } else if (fact.kind === 'requeued') addTo(requeues, fact.reason, 1);
      else if (fact.kind === 'job-closed') addTo(outcomes, fact.state, fact.tasks);
      else if (fact.kind === 'job-submitted') submitted += fact.spec.span.count;
    }
  }

  /** Made once a scrape, of which each metric takes its part. */
  let read: readonly NodeRow[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  const rows = (): readonly NodeRow[] => {
    const at = now();
    if (at - readAt > rowsKeptMs) {
      readAt = at;
      read = Array.from(state.nodes.values(), (node) => nodeRow(node, at));
    }
    return read;
  };
  const perNode = (name: string, help: string, value: (row: NodeRow) => number | null): Metric => ({
    name: `lbtop_node_${name}`,
    help,
    type: 'gauge',
    *samples() {
      for (const row of rows()) {
        const is = value(row);
        if (is !== null) yield { labels: { node: row.name }, value: is };
      }
    },
  });
  const percent = (value: number | null) => (value === null ? null : value / 100);

  return {
    observe,
    metrics: [
      gauge('lbtop_info', 'Version, policy and queue discipline of the coordinator', () => [
        { labels: { version: state.version, policy: state.policy, queue: state.discipline }, value: 1 },
      ]),
      gauge('lbtop_tasks', 'Tasks that are known, by state', () =>
        taskStates.map((is) => ({ labels: { state: is }, value: state.totals[is] })),
      ),
      counter('lbtop_tasks_submitted_total', 'Tasks submitted since the start', () => [{ value: submitted }]),
      counter('lbtop_tasks_ended_total', 'Tasks that ended since the start, by how', () => byKey(outcomes, 'state')),
      counter('lbtop_tasks_requeued_total', 'Tasks that went back to the queue since the start, by why', () =>
        byKey(requeues, 'reason'),
      ),
      counter('lbtop_late_results_total', 'Results of attempts that no longer counted', () => [
        { value: state.lateResults },
      ]),
      {
        name: 'lbtop_task_wait_seconds',
        help: 'From submission (or from going back to the queue) to the start',
        type: 'histogram',
        histogram: () => waits,
      },
      { name: 'lbtop_task_run_seconds', help: 'From start to end', type: 'histogram', histogram: () => runs },
      gauge('lbtop_queue_paused', '1 while nothing new starts anywhere', () => [{ value: Number(state.queuePaused) }]),
      gauge('lbtop_slots', 'Slots of nodes that are there', () => [
        { value: rows().reduce((sum, { health, slots }) => sum + (isPresent(health) ? slots : 0), 0) },
      ]),
      gauge('lbtop_nodes', 'Nodes, by health', () =>
        tally(rows(), 'health', ['up', 'suspect', 'lost'], ({ health }) => health),
      ),
      gauge('lbtop_nodes_intended', 'Nodes, by what operators want of them', () =>
        tally(rows(), 'intent', intents, ({ intent }) => intent),
      ),
      perNode('up', '1 while its heartbeats come', ({ health }) => Number(health === 'up')),
      perNode('cpu_ratio', 'CPU in use, of the whole machine', ({ cpu }) => percent(cpu)),
      perNode('cpu_ours_ratio', 'CPU in use by tasks, of the whole machine', ({ cpuOurs }) => percent(cpuOurs)),
      perNode('overloaded', '1 while its CPU is above the limit', ({ overloaded }) => Number(overloaded)),
      perNode('memory_used_bytes', 'Memory in use', ({ memoryUsed }) => memoryUsed),
      perNode('memory_bytes', 'Memory of the machine', ({ memoryTotal }) => memoryTotal),
      perNode('load1', 'Load average over a minute', ({ load1 }) => load1),
      perNode('slots', 'Slots', ({ slots }) => slots),
      perNode('tasks_running', 'Tasks that run', ({ running }) => running),
      perNode('tasks_assigned', 'Tasks that were sent and have not started', ({ assigned }) => assigned),
      perNode('throttle_ratio', 'Share of time that its tasks may run', ({ throttle }) => throttle),
      perNode('heartbeat_age_seconds', 'Time since its last heartbeat', ({ lastHeartbeatMs }) =>
        lastHeartbeatMs === null ? null : lastHeartbeatMs / 1_000,
      ),
      gauge('lbtop_journal_bytes', 'Size of the durable state', () => [{ value: journalBytes() }]),
      gauge('lbtop_journal_full', '1 while nothing can be made durable', () => [{ value: Number(full() !== null) }]),
    ],
  };
}

function isPresent(health: NodeRow['health']): boolean {
  return health === 'up' || health === 'suspect';
}

function tally<R>(rows: readonly R[], label: string, keys: readonly string[], keyOf: (row: R) => string): Sample[] {
  const counts = new Map(keys.map((key) => [key, 0]));
  for (const row of rows) {
    const count = counts.get(keyOf(row));
    if (count !== undefined) counts.set(keyOf(row), count + 1);
  }
  return byKey(counts, label);
}
