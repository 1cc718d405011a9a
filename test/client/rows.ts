/** Rows as a coordinator gives them. */
import type { JobRow, NodeRow, ResultRow, Status, TaskRow } from '../../source/model/report.ts';

export function jobRow(given: Partial<JobRow> = {}): JobRow {
  return {
    job: 7,
    name: 'sha256sum',
    state: 'succeeded',
    tasks: 1,
    queued: 0,
    assigned: 0,
    running: 0,
    succeeded: 1,
    failed: 0,
    cancelled: 0,
    skipped: 0,
    lost: 0,
    submittedAt: 1_800_000_000_000 - 5_000,
    endedAt: 1_800_000_000_000,
    etaMs: null,
    ...given,
  };
}

export function taskRow(given: Partial<TaskRow> = {}): TaskRow {
  const index = given.index ?? 0;
  return {
    task: `7.${index}`,
    index,
    state: 'succeeded',
    node: 'ash',
    attempt: 1,
    exitCode: 0,
    queuedAt: 1_800_000_000_000 - 5_000,
    startedAt: 1_800_000_000_000 - 4_000,
    endedAt: 1_800_000_000_000,
    error: null,
    runMs: 4_000,
    cpuMs: 1_500,
    peakBytes: 3_145_728,
    progress: null,
    note: null,
    ...given,
  };
}

export function resultRow(given: Partial<ResultRow> = {}): ResultRow {
  const index = given.index ?? 0;
  return {
    task: `7.${index}`,
    index,
    state: 'succeeded',
    exitCode: 0,
    node: 'ash',
    attempt: 1,
    result: null,
    stdout: 'out\n',
    stderr: '',
    error: null,
    runMs: 12,
    cpuMs: 3,
    truncated: false,
    peakBytes: null,
    ...given,
  };
}

export function nodeRow(given: Partial<NodeRow> = {}): NodeRow {
  return {
    name: 'ash',
    health: 'up',
    intent: 'active',
    drained: false,
    reason: null,
    overloaded: false,
    cpu: 41.6,
    cpuOurs: 30,
    cores: 8,
    cpuModel: 'some',
    memoryUsed: 2 ** 30,
    memoryTotal: 2 ** 34,
    load1: 1.5,
    slots: 8,
    assigned: 1,
    running: 3,
    succeeded: 12,
    failed: 0,
    throttle: 1,
    labels: { zone: 'a' },
    lastHeartbeatMs: 400,
    address: '10.0.0.1:5000',
    direct: null,
    version: '0.1.0',
    ...given,
  };
}

export const status: Status = {
  version: '0.1.0',
  uptimeMs: 61_000,
  policy: 'least-load',
  queue: 'fifo',
  queuePaused: false,
  nodes: { up: 3, suspect: 0, lost: 1, paused: 0, draining: 0, drained: 0 },
  slots: { total: 12, busy: 4 },
  tasks: { queued: 5, assigned: 1, running: 4, succeeded: 90, failed: 1, cancelled: 0, skipped: 0, lost: 0 },
  reexecuted: 2,
  lateResults: 1,
  throughput: { perSecond1s: 12.5, perSecond10s: 11, perSecond60s: 10 },
  latencyMs: { waitP50: 3, waitP99: 20, runP50: 100, runP99: null },
  journalBytes: 2_048,
  rssBytes: 80 * 1024 * 1024,
};
