/**
 * What other programs import:
 *
 *     import { connect } from 'lbtop';
 *     await using lbtop = await connect();
 *     const { job } = await lbtop.submit({ command: ['sha256sum', '{}'], items: ['a.txt', 'b.txt'] });
 *     await lbtop.wait(job);
 *     for await (const { task, stdout } of lbtop.results(job)) console.log(task, stdout);
 */
import { LbtopError } from '../model/errors.ts';
import { type JobSpec, jobSpec, type Span, type Work } from '../model/job.ts';
import type { JobRow, NodeRow, ResultRow, Status, TaskRow } from '../model/report.ts';
import type { Json } from '../model/shape.ts';
import type { Role } from '../wire/messages.ts';
import type { Client } from './client.ts';
import { openClient } from './find.ts';
import { uploadItems } from './items.ts';
import { jobPages, resultPages, taskPages } from './pages.ts';
import { parseWhereabouts, places } from './places.ts';

export { LbtopError, type RefusalCode } from '../model/errors.ts';
export type { JobRow, NodeRow, ResultRow, Status, TaskRow } from '../model/report.ts';
export type { Json } from '../model/shape.ts';
export type { Client } from './client.ts';

export interface Connecting {
  /** `HOST:PORT`; the coordinator of this machine if left out. */
  connect?: string;
  /** Its secret; that in the state directory if left out. */
  secretFile?: string;
  /** `operator` if left out. */
  role?: Exclude<Role, 'node'>;
  signal?: AbortSignal;
}

/** How the tasks of a job are run; what is left out is as `lbtop submit` has it. */
export type JobOptions = Partial<Omit<JobSpec, 'work' | 'span' | 'items'>>;

/** A command, or a task by name. */
export type JobWork = { command: readonly string[]; shell?: boolean } | { task: string; input?: Json };

/** One submission: its work once, for each number of an array, or for each item. */
export type Submission = JobOptions &
  JobWork & {
    array?: Span;
    /** Lines: `{}` of a command, or the inputs of a task. */
    items?: Iterable<string> | AsyncIterable<string>;
    /** The same as JSON values. */
    inputs?: Iterable<Json> | AsyncIterable<Json>;
  };

/** A coordinator, for programs. Everything throws LbtopError. */
export interface Lbtop extends AsyncDisposable {
  /**
   * Resolves when the job is durable. `existing`: its key was there already. `never`: why no node that is known could ever
   * take its tasks; it waits for one that can.
   */
  submit(submission: Submission): Promise<{ job: number; tasks: number; existing: boolean; never: string | null }>;
  /** Resolves with their last rows when these jobs have ended, however they did. */
  wait(jobs: number | readonly number[], onProgress?: (rows: readonly JobRow[]) => void): Promise<JobRow[]>;
  /** Results of all tasks in order of index. */
  results(job: number): AsyncIterable<ResultRow>;
  tasks(job: number): AsyncIterable<TaskRow>;
  jobs(): AsyncIterable<JobRow>;
  nodes(): Promise<NodeRow[]>;
  status(): Promise<Status>;
  /** Ends a job or one task of it; resolves with the number of tasks that it ended. */
  cancel(job: number, index?: number): Promise<number>;
  /** Everything else that can be asked. */
  readonly client: Client;
  close(): void;
}

/** Connects to a coordinator. Throws LbtopError with code `unreachable`, `refused` or `usage`. */
export async function connect({ connect, secretFile, ...options }: Connecting = {}): Promise<Lbtop> {
  const address = connect === undefined ? undefined : parseWhereabouts(connect);
  if (connect !== undefined && address === undefined)
    throw new LbtopError(
      'usage',
      `${connect} is not HOST:PORT (an IPv6 address in brackets), nor a list of such, nor etcd://HOST:2379`,
    );
  return faceOf(await openClient({ connect: address, secretFile }, places(), options));
}

/** The face of a client that is connected. */
export function faceOf(client: Client): Lbtop {
  let uploads = 0;
  return {
    client,
    async submit({ array, items, inputs, ...rest }) {
      const { work, options } = workOf(rest);
      const kind = items !== undefined ? 'lines' : inputs !== undefined ? 'json' : 'none';
      const spec = jobSpec({ ...options, work, items: kind, ...(array === undefined ? {} : { span: array }) });
      if (kind === 'none') return client.request('submit', { spec, upload: null });
      const upload = ++uploads;
      const count = await uploadItems(client, upload, blocksOf(items ?? inputs ?? [], items === undefined));
      if (count === 0) throw new LbtopError('usage', 'no items: there is nothing to do');
      return client.request('submit', { spec: { ...spec, span: { count, first: 0, step: 1 } }, upload });
    },
    async wait(jobs, onProgress) {
      const rows = new Map<number, JobRow>();
      await client.stream('wait', { jobs: [jobs].flat() }, (changed) => {
        for (const row of changed) rows.set(row.job, row);
        onProgress?.([...rows.values()]);
      });
      return [...rows.values()];
    },
    results: (job) => flat(resultPages(client, job)),
    tasks: (job) => flat(taskPages(client, job)),
    jobs: () => flat(jobPages(client)),
    nodes: () => client.request('nodes', {}),
    status: () => client.request('status', {}),
    cancel: async (job, index) => (await client.request('cancel', { job, index: index ?? null })).tasks,
    close: () => client.close(),
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

function workOf(given: JobOptions & JobWork): { work: Work; options: JobOptions } {
  const nothing = { argv: [], shell: false, task: '', input: null };
  if ('command' in given) {
    const { command, shell = false, ...options } = given;
    const argv = shell ? [command.join(' ')] : [...command];
    return { work: { ...nothing, kind: 'command', argv, shell }, options };
  }
  if ('task' in given) {
    const { task, input = null, ...options } = given;
    return { work: { ...nothing, kind: 'task', task, input }, options };
  }
  throw new LbtopError('usage', 'a job is a command or a task: say one of them');
}

async function* blocksOf(items: Iterable<Json> | AsyncIterable<Json>, asJson: boolean): AsyncIterable<string[]> {
  for await (const item of items) yield [asJson ? JSON.stringify(item) : String(item)];
}

async function* flat<T>(pages: AsyncIterable<readonly T[]>): AsyncIterable<T> {
  for await (const page of pages) yield* page;
}
