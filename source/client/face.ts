/** A coordinator, for programs: what `connect` of index.ts gives. */
import { LbtopError } from '../model/errors.ts';
import type { DisciplineName, PolicyName } from '../model/job.ts';
import type { EventLine, Explanation, JobRow, NodeRow, Pick, ResultRow, Status, TaskRow } from '../model/report.ts';
import type { Json } from '../model/shape.ts';
import type { Client } from './client.ts';
import { iterate } from './iterate.ts';
import { jobPages, resultPages, taskPages } from './pages.ts';
import { type JobOptions, type JobWork, type Submission, submitter, type Values } from './submission.ts';

/** Results in order of index, or as they come: in that of their ends. */
export type Order = 'index' | 'end';

/** A node by name, some of them, or all that there are. */
export type Chosen = string | readonly string[] | { all: true };

/** Bytes that a task wrote. */
export interface OutputPiece {
  index: number;
  stream: 'stdout' | 'stderr';
  data: Uint8Array;
  /** Bytes after `data` that were cut by a quota. */
  cut: number;
}

/** What a job was submitted as. `existing`: its key was there already. `never`: why no known node could ever take its tasks. */
export interface SubmittedJob {
  job: number;
  tasks: number;
  existing: boolean;
  never: string | null;
}

export interface MapOptions {
  /** `index` if left out. */
  order?: Order;
  /** Cancels the job, and makes the loop throw the signal's reason. */
  signal?: AbortSignal;
}

/** Everything throws LbtopError. Iterables ask when they are iterated, and stop asking when the loop is left. */
export interface Lbtop extends AsyncDisposable {
  /** Resolves when the job is durable. */
  submit(submission: Submission): Promise<SubmittedJob>;
  /**
   * Runs work once for each value, and gives a row for each: a task takes the values as its inputs, a command as `{}`. Rows
   * tell failures by their `state`; nothing is thrown for them. Leaving the loop cancels what is left. No values: no job.
   */
  map(work: JobOptions & JobWork, values: Values<Json>, options?: MapOptions): AsyncIterable<ResultRow>;
  /** Resolves with their last rows when these jobs have ended, however they did. */
  wait(jobs: number | readonly number[], onProgress?: (rows: readonly JobRow[]) => void): Promise<JobRow[]>;
  /** Results of all tasks in order of index, as they are now. */
  results(job: number): AsyncIterable<ResultRow>;
  /** Results as the tasks of a job end, each once, until the job has ended. */
  follow(job: number, order?: Order): AsyncIterable<ResultRow>;
  /** What tasks wrote, in order of index, or one of them; `follow`: until they have ended. */
  logs(job: number, options?: { index?: number; follow?: boolean }): AsyncIterable<OutputPiece>;
  tasks(job: number): AsyncIterable<TaskRow>;
  jobs(): AsyncIterable<JobRow>;
  nodes(): Promise<NodeRow[]>;
  status(): Promise<Status>;
  /** The last events (none if left out), then, unless `follow` is false, what comes. */
  events(options?: { last?: number; follow?: boolean }): AsyncIterable<EventLine>;
  /** Why a task waits, or why it went where it went. */
  explain(job: number, index: number): Promise<Explanation>;
  /** The node that the policy would take now. */
  pick(): Promise<Pick>;
  /** Ends a job or one task of it; resolves with the number of tasks that it ended. */
  cancel(job: number, index?: number): Promise<number>;
  /** Runs tasks that have ended again: all of a job, those that failed, or one; resolves with their number. */
  retry(job: number, options?: { index?: number; onlyFailed?: boolean }): Promise<number>;
  /** Forgets a job that has ended, with its output. */
  purge(job: number): Promise<void>;
  /** Each resolves with the names of the nodes. Running tasks go on, nothing new is placed. */
  pause(nodes: Chosen, reason?: string): Promise<string[]>;
  /** The same, for good: until it is empty. `now`: running tasks start again elsewhere; `deadlineMs`: those that still run then. */
  drain(nodes: Chosen, options?: { reason?: string; now?: boolean; deadlineMs?: number }): Promise<string[]>;
  resume(nodes: Chosen, reason?: string): Promise<string[]>;
  /** The share of time that their tasks may run, 0.05 to 1. */
  throttle(nodes: Chosen, share: number): Promise<string[]>;
  /** Nothing new starts anywhere, until it is called with false. */
  pauseQueue(paused: boolean, reason?: string): Promise<void>;
  /** Switches what is given; resolves with what is in force. */
  policy(policy?: PolicyName, queue?: DisciplineName): Promise<{ policy: PolicyName; queue: DisciplineName }>;
  /** Everything else that can be asked. */
  readonly client: Client;
  close(): void;
}

/** The face of a client that is connected. */
export function faceOf(client: Client): Lbtop {
  const submit = submitter(client);
  const follow = (job: number, order: Order, signal?: AbortSignal): AsyncIterable<ResultRow> =>
    flat(iterate(client, 'follow', { job, order, from: 0 }, signal));
  const cancel = async (job: number, index?: number): Promise<number> =>
    (await client.request('cancel', { job, index: index ?? null })).tasks;

  async function* map(
    work: JobOptions & JobWork,
    values: Values<Json>,
    { order = 'index', signal }: MapOptions = {},
  ): AsyncIterable<ResultRow> {
    signal?.throwIfAborted();
    const given = await unlessEmpty(values);
    if (given === null) return;
    const each = 'command' in work ? { items: textsOf(given) } : { inputs: given };
    const { job } = await submit({ ...work, ...each });
    let whole = false;
    try {
      yield* follow(job, order, signal);
      whole = true;
    } finally {
      if (!whole) await cancel(job).catch(() => {}); // it may have ended by now, or the coordinator is gone
    }
  }

  async function* logs(
    job: number,
    { index, follow = false }: { index?: number; follow?: boolean } = {},
  ): AsyncIterable<OutputPiece> {
    const args = { job, index: index ?? null, follow, tail: null, from: null };
    for await (const { index, stream, data, cut } of iterate(client, 'logs', args))
      yield { index, stream: stream === 1 ? 'stdout' : 'stderr', data, cut };
  }

  return {
    client,
    submit,
    map,
    async wait(jobs, onProgress) {
      const rows = new Map<number, JobRow>();
      await client.stream('wait', { jobs: [jobs].flat() }, (changed) => {
        for (const row of changed) rows.set(row.job, row);
        onProgress?.([...rows.values()]);
      });
      return [...rows.values()];
    },
    results: (job) => flat(resultPages(client, job)),
    follow: (job, order = 'index') => follow(job, order),
    logs,
    tasks: (job) => flat(taskPages(client, job)),
    jobs: () => flat(jobPages(client)),
    nodes: () => client.request('nodes', {}),
    status: () => client.request('status', {}),
    events: ({ last = 0, follow = true } = {}) => iterate(client, 'events', { last, follow }),
    explain: (job, index) => client.request('explain', { job, index }),
    pick: () => client.request('pick', {}),
    cancel,
    retry: async (job, { index, onlyFailed = false } = {}) =>
      (await client.request('retry', { job, index: index ?? null, onlyFailed })).tasks,
    purge: async (job) => void (await client.request('purge', { job })),
    pause: async (nodes, reason = '') => (await client.request('pause', { ...chosen(nodes), reason })).nodes,
    drain: async (nodes, { reason = '', now = false, deadlineMs } = {}) =>
      (await client.request('drain', { ...chosen(nodes), reason, now, deadlineMs: deadlineMs ?? null })).nodes,
    resume: async (nodes, reason = '') => (await client.request('resume', { ...chosen(nodes), reason })).nodes,
    throttle: async (nodes, share) => {
      if (!(share >= 0.05 && share <= 1)) throw new LbtopError('usage', `a share is from 0.05 to 1, not ${share}`);
      return (await client.request('throttle', { ...chosen(nodes), share })).nodes;
    },
    pauseQueue: async (paused, reason = '') => void (await client.request('pause-queue', { paused, reason })),
    policy: (policy, queue) => client.request('policy', { policy: policy ?? null, queue: queue ?? null }),
    close: () => client.close(),
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

function chosen(nodes: Chosen): { nodes: string[]; all: boolean } {
  if (typeof nodes === 'object' && 'all' in nodes) return { nodes: [], all: true };
  return { nodes: [nodes].flat() as string[], all: false };
}

/** A command takes words: texts as they are, all else as JSON. */
async function* textsOf(values: Values<Json>): AsyncIterable<string> {
  for await (const value of values) yield typeof value === 'string' ? value : JSON.stringify(value);
}

/** The same values, or null where there is none. */
async function unlessEmpty<T>(values: Values<T>): Promise<AsyncIterable<T> | null> {
  const iterator = Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
  const first = await iterator.next();
  if (first.done === true) return null;
  return (async function* () {
    try {
      for (let next: IteratorResult<T> = first; next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

async function* flat<T>(pages: AsyncIterable<readonly T[]>): AsyncIterable<T> {
  for await (const page of pages) yield* page;
}
