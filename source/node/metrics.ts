/** What a node tells Prometheus of itself: `lbtop_agent_…`, beside what the coordinator knows of it as `lbtop_node_…`. */
import type { Outcome } from '../model/node.ts';
import { addTo, byKey, countDuration, counter, emptyHistogram, gauge, type Metric } from '../wire/metric.ts';
import type { AgentSnapshot } from './snapshot.ts';

export interface AgentMetrics {
  readonly metrics: readonly Metric[];
  /** Counts an attempt that ended. */
  ended(outcome: Outcome): void;
}

type Sample = NonNullable<AgentSnapshot['sample']>;

/** Returns what is measured; counters count from now on. `snapshot`: the agent as it is when somebody asks. */
export function agentMetrics(version: string, snapshot: () => AgentSnapshot): AgentMetrics {
  const runs = emptyHistogram();
  const outcomes = new Map<string, number>();
  let cpuMs = 0;

  const now = (name: string, help: string, value: (agent: AgentSnapshot) => number): Metric =>
    gauge(`lbtop_agent_${name}`, help, () => [{ value: value(snapshot()) }]);
  /** Of the last heartbeat; nothing before the first. */
  const sampled = (name: string, help: string, value: (sample: Sample) => number): Metric =>
    gauge(`lbtop_agent_${name}`, help, () => {
      const { sample } = snapshot();
      return sample === null ? [] : [{ value: value(sample) }];
    });
  const total = (name: string, help: string, value: () => number): Metric =>
    counter(`lbtop_agent_${name}_total`, help, () => [{ value: value() }]);

  return {
    ended(outcome) {
      addTo(outcomes, outcome.outcome, 1);
      cpuMs += outcome.cpuMs;
      if (outcome.started) countDuration(runs, outcome.runMs);
    },
    metrics: [
      gauge('lbtop_agent_info', 'Version of the node', () => [{ labels: { version }, value: 1 }]),
      now('link_up', '1 while it is connected to a coordinator', ({ link }) => Number(link === 'open')),
      total('connections', 'Coordinators that took it, since the start', () => snapshot().connections),
      now('backlog_bytes', 'What it has said and the coordinator has not read', ({ backlogBytes }) => backlogBytes),
      now('slots', 'Slots', ({ slots }) => slots),
      now('slots_busy', 'Slots that running tasks take', ({ busy }) => busy),
      now('tasks_running', 'Tasks that run', ({ running }) => running.length),
      now('tasks_waiting', 'Tasks that were sent here and have not started', ({ waiting }) => waiting),
      counter('lbtop_agent_tasks_ended_total', 'Attempts that ended here since the start, by how', () =>
        byKey(outcomes, 'outcome'),
      ),
      {
        name: 'lbtop_agent_task_run_seconds',
        help: 'From start to end, of attempts that started here',
        type: 'histogram',
        histogram: () => runs,
      },
      total('task_cpu_seconds', 'CPU time of attempts that ended here', () => cpuMs / 1_000),
      now('results_spooled', 'Results kept here that the coordinator has not settled', ({ unsettled }) => unsettled),
      total('output_bytes', 'Output of tasks sent to coordinators, again after a lost connection', () => {
        return snapshot().outputBytes;
      }),
      now('throttle_ratio', 'Share of time that its tasks may run', ({ throttle }) => throttle),
      now('cores', 'Cores that it may use', ({ cores }) => cores),
      now('memory_bytes', 'Memory of the machine', ({ memoryTotal }) => memoryTotal),
      sampled('cpu_ratio', 'CPU in use, of the whole machine', ({ cpu }) => cpu / 100),
      sampled('cpu_ours_ratio', 'CPU in use by its tasks, of the whole machine', ({ cpuOurs }) => cpuOurs / 100),
      sampled('cpu_others_ratio', 'CPU in use by everything else', ({ cpu, cpuOurs }) => (cpu - cpuOurs) / 100),
      sampled('memory_used_bytes', 'Memory in use', ({ memoryUsed }) => memoryUsed),
      sampled('memory_ours_bytes', 'Memory in use by its tasks', ({ memoryOurs }) => memoryOurs),
      sampled('load1', 'Load average over a minute', ({ load1 }) => load1),
    ],
  };
}
