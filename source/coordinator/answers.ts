/** The answers to requests that are answered once: one function a verb. */
import type { Hub } from '../feed/hub.ts';
import type { LiveHistory } from '../feed/live-history.ts';
import { LbtopError } from '../model/errors.ts';
import type { Target } from '../model/event.ts';
import type { Fact } from '../model/fact.ts';
import { builtInTasks, indexOf, type JobSpec, jobSpec, ordinalOf, type Span, taskId } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { nearest } from '../model/nearest.ts';
import { drainPreview } from '../scheduler/drain-preview.ts';
import { explainTask } from '../scheduler/explain.ts';
import { policyObjection } from '../scheduler/policies/policies.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { JobRecord, NodeState } from '../scheduler/state.ts';
import { submitObjection } from '../scheduler/submit.ts';
import { neverReason } from '../scheduler/waiting.ts';
import { jobRow, nodeRow, statusOf, taskRow } from '../view/report.ts';
import type { Series } from '../view/series.ts';
import type { Reach } from '../wire/permission.ts';
import type { VerbArgs, VerbGives, VerbName } from '../wire/verbs.ts';
import type { Access } from './access.ts';
import type { Audit } from './audit.ts';
import type { Clock } from './clock.ts';
import type { ItemShelf } from './item-shelf.ts';
import type { JobWatch } from './job-watch.ts';
import type { Loop, Unstamped } from './loop.ts';
import type { Outputs } from './outputs.ts';
import { pickNode } from './pick.ts';
import { residentBytes } from './resident.ts';
import { pageBytes, resultRows } from './results.ts';
import { jobBytes, type Room } from './room.ts';
import type { TicketOffice } from './ticket-office.ts';

/** What a coordinator's sessions work with. */
export interface Desk {
  scheduler: Scheduler;
  series: Series;
  loop: Loop;
  clock: Clock;
  outputs: Outputs;
  items: ItemShelf;
  watch: JobWatch;
  tickets: TicketOffice;
  hub: Hub;
  history: LiveHistory;
  access: Access;
  /** Where this coordinator listens, as others would name it. */
  address(): string;
  /** Who did what. */
  audit: Audit;
  /** Starts or ends recording; throws LbtopError. Returns the file that is recorded into now. */
  record(file: string | null): Promise<string | null>;
  shutdown(reason: string): void;
  journalBytes(): number;
  /** Of the journal; null: there is none to be full. */
  readonly room: Room | null;
  /** Resolves when all that was decided until now is durable. */
  durable(): Promise<void>;
}

/** Who asks. `uploads` are the items that came ahead of a submission. */
export interface Caller {
  readonly who: string;
  /** How far the caller reaches with what is asked. */
  readonly reach: Reach;
  readonly uploads: Map<number, { parts: string[][]; bytes: number; count: number }>;
}

/** Of one connection; together they hold no more than one may. */
const uploadsPerClient = 16;

/** Verbs that are answered once. */
export type OnceVerb = Exclude<
  VerbName,
  'run' | 'wait' | 'follow' | 'logs' | 'events' | 'history' | 'tickets' | 'redeem' | 'watch' | 'look'
>;

type Answers = {
  [V in OnceVerb]: (args: VerbArgs<V>, desk: Desk, caller: Caller) => VerbGives<V> | Promise<VerbGives<V>>;
};

export const answers: Answers = {
  'ticket-back'(attempt, desk, caller) {
    if (desk.scheduler.state.jobs.has(attempt.job)) jobOf(desk, caller, attempt.job);
    desk.tickets.giveBack(attempt);
    return {};
  },
  upload({ upload, items }, _desk, { uploads }) {
    const held = uploads.get(upload) ?? { parts: [], bytes: 0, count: 0 };
    let bytes = held.bytes;
    for (const item of items) bytes += Buffer.byteLength(item);
    const count = held.count + items.length;
    if (bytes > limits.itemsBytes)
      throw new LbtopError(
        'usage',
        `the items are larger than ${limits.itemsBytes} bytes: submit them in several jobs`,
      );
    if (count > limits.tasksPerJob)
      throw new LbtopError('usage', `more than ${limits.tasksPerJob} items: submit them in several jobs`);
    const others = [...uploads].filter(([id]) => id !== upload).map(([, other]) => other);
    const together = others.reduce((sum, other) => sum + other.bytes, bytes);
    if (others.length >= uploadsPerClient || together > limits.itemsBytes)
      throw new LbtopError('usage', 'too many uploads at once: submit what was uploaded first');
    if (items.length > 0) held.parts.push(items);
    uploads.set(upload, { parts: held.parts, bytes, count });
    return {};
  },

  async submit({ spec, upload }, desk, caller) {
    const { who, uploads } = caller;
    const held = upload === null ? undefined : uploads.get(upload);
    if (upload !== null) uploads.delete(upload);
    const { state } = desk.scheduler;
    if (spec.items !== 'none' && held?.count !== spec.span.count)
      throw new LbtopError(
        'usage',
        `the job has ${spec.span.count} tasks and ${held?.count ?? 0} items came: send them again`,
      );
    const odd = Object.keys(spec.env).find((name) => name === '' || /[=\0]/.test(name));
    if (odd !== undefined)
      throw new LbtopError('usage', `no variable can be named ${JSON.stringify(odd)}: leave = out of its name`);
    for (const id of spec.after) if (state.jobs.has(id)) jobOf(desk, caller, id);
    const key = spec.key === null ? undefined : state.keys.get(spec.key);
    const existing = key === undefined ? undefined : state.jobs.get(key);
    if (existing !== undefined) {
      if (!isWithin(caller, existing))
        throw new LbtopError('refused', `the key ${spec.key} is that of another's job: choose another --key`);
      await desk.durable(); // whoever sent it first may still wait for that
      return {
        job: existing.id,
        tasks: existing.tasks.count,
        existing: true,
        never: neverReason(state, existing.spec),
      };
    }
    const objection = submitObjection(state, spec);
    if (objection !== null) throw new LbtopError('usage', objection + meantTask(desk, spec));
    using _claim = desk.room?.claim(jobBytes(spec, held?.bytes ?? 0));
    const keepItems = held === undefined ? undefined : desk.items.pack(held.parts);
    return await new Promise((resolve, reject) => {
      desk.loop.ask(
        { kind: 'submit', spec: copied(spec), by: who },
        (facts) => {
          const submitted = facts.find((fact) => fact.kind === 'job-submitted');
          const twin = spec.key === null ? undefined : state.keys.get(spec.key);
          const answer = { tasks: spec.span.count, never: neverReason(state, spec) };
          if (submitted !== undefined) resolve({ job: submitted.job, existing: false, ...answer });
          else if (twin !== undefined) resolve({ job: twin, existing: true, ...answer });
          else reject(new LbtopError('failed', submitObjection(state, spec) ?? 'the job was not taken'));
        },
        // Before anything of the job can be sent to a node.
        (facts) => {
          const submitted = facts.find((fact) => fact.kind === 'job-submitted');
          if (submitted !== undefined) keepItems?.(submitted.job);
        },
      );
    });
  },

  status: (_args, { scheduler, series, clock, journalBytes }) =>
    statusOf(scheduler.state, series, clock.now(), {
      journalBytes: journalBytes(),
      rssBytes: residentBytes(),
    }),

  nodes: (_args, { scheduler, clock }) => [...scheduler.state.nodes.values()].map((node) => nodeRow(node, clock.now())),

  jobs({ from, count }, { scheduler, clock }, caller) {
    const rows = [];
    const { state } = scheduler;
    // Ids are dense but for purged jobs: from a later id on, those before need not be looked at.
    for (let id = Math.max(1, from); id < state.nextJob && rows.length < count; id++) {
      const job = state.jobs.get(id);
      if (job !== undefined && isWithin(caller, job)) rows.push(jobRow(state, job, clock.now()));
    }
    return rows;
  },

  tasks({ job: id, from, count }, desk, caller) {
    const job = jobOf(desk, caller, id);
    const rows = [];
    let bytes = 0;
    for (let ordinal = from; ordinal < job.tasks.count && rows.length < count && bytes < pageBytes; ordinal++) {
      const row = taskRow(desk.scheduler.state, job, ordinal);
      bytes += 200 + (row.error?.length ?? 0);
      rows.push(row);
    }
    return rows;
  },

  results: ({ job: id, from, count }, desk, caller) =>
    resultRows(desk.scheduler.state, jobOf(desk, caller, id), desk.outputs, from, count),

  async cancel({ job, index }, desk, caller) {
    const target = targetOf(jobOf(desk, caller, job), index);
    const facts = await ask(desk, { kind: 'cancel', target, by: caller.who });
    return { tasks: countTasks(facts) };
  },

  async retry({ job: id, index, onlyFailed }, desk, caller) {
    const job = jobOf(desk, caller, id);
    const target = targetOf(job, index);
    if (job.spec.items !== 'none') await desk.items.restore(id);
    const facts = await ask(desk, { kind: 'retry', target, onlyFailed, by: caller.who });
    return { tasks: facts.filter(({ kind }) => kind === 'requeued').length };
  },

  async purge({ job }, desk, caller) {
    if (jobOf(desk, caller, job).endedAt === null)
      throw new LbtopError('usage', `job ${job} has not ended: cancel it first, or wait for it`);
    await ask(desk, { kind: 'purge', job });
    return {};
  },

  pause: ({ nodes, all, reason }, desk, { who }) =>
    forNodes(desk, nodes, all, (node) => ({ kind: 'pause', node, reason, by: who })),

  drain: ({ nodes, all, reason, now, deadlineMs }, desk, { who }) =>
    forNodes(desk, nodes, all, (node) => ({
      kind: 'drain',
      node,
      now,
      deadline: deadlineMs === null ? null : desk.clock.now() + deadlineMs,
      reason,
      by: who,
    })),

  'drain-preview': ({ nodes, all }, desk) =>
    drainPreview(desk.scheduler.state, chosen(desk, nodes, all), desk.clock.now()),

  resume: ({ nodes, all, reason }, desk, { who }) =>
    forNodes(desk, nodes, all, (node) => ({ kind: 'resume', node, reason, by: who })),

  throttle: ({ nodes, all, share }, desk, { who }) =>
    forNodes(desk, nodes, all, (node) => ({ kind: 'throttle', node, throttle: share, by: who })),

  async 'pause-queue'({ paused, reason }, desk, { who }) {
    await ask(desk, { kind: 'pause-queue', paused, reason, by: who });
    return {};
  },

  async policy({ policy, queue }, desk, { who, reach }) {
    const { state } = desk.scheduler;
    if (policy !== null || queue !== null) {
      const objection = policyObjection(policy, queue);
      if (objection !== null) throw new LbtopError('usage', objection);
      if (reach !== 'all') throw new LbtopError('refused', 'switching the policy needs the role operator');
      await ask(desk, { kind: 'set-policy', policy: policy ?? state.policy, discipline: queue, by: who });
    }
    return { policy: state.policy, queue: state.discipline };
  },

  pick: (_args, { scheduler }) => pickNode(scheduler.state),

  explain({ job: id, index }, desk, caller) {
    const job = jobOf(desk, caller, id);
    const ordinal = ordinalFor(job, index) as number;
    const { state, past } = desk.scheduler;
    return explainTask(state, past, job, ordinal, desk.clock.now());
  },

  async 'token-create'({ role, ttlMs, name }, desk, { who }) {
    const { id, token, name: called, expiresAt } = await desk.access.create({ role, ttlMs, name, by: who });
    return { id, token, name: called, expiresAt, address: desk.address() };
  },

  'token-list': (_args, { access }) => access.list(),

  'token-revoke': async ({ token }, { access }) => ({ tokens: await access.revoke(token) }),

  'secret-rotate': async ({ periodMs }, { access }) => ({ until: await access.rotate(periodMs) }),

  record: async ({ file }, desk) => ({ file: await desk.record(file) }),

  shutdown({ reason }, desk) {
    setImmediate(() => desk.shutdown(reason));
    return {};
  },
};

function ask(desk: Desk, event: Unstamped): Promise<readonly Fact[]> {
  return new Promise((resolve) => desk.loop.ask(event, resolve));
}

/** True where the caller reaches as far as this job. */
function isWithin({ who, reach }: Caller, job: JobRecord): boolean {
  return reach !== 'own' || job.by === who;
}

/** The job, or LbtopError: there is none, or it is another's. */
export function jobOf({ scheduler }: Desk, caller: Caller, id: number): JobRecord {
  const job = scheduler.state.jobs.get(id);
  if (job === undefined) throw new LbtopError('usage', `there is no job ${id}: lbtop jobs lists them`);
  if (!isWithin(caller, job))
    throw new LbtopError('refused', `job ${id} is another's: the role submitter reaches its own, others need operator`);
  return job;
}

/** The ordinal of a user's index, or null for the whole job; LbtopError where the job has no such task. */
export function ordinalFor(job: JobRecord, index: number | null): number | null {
  if (index === null) return null;
  const ordinal = ordinalOf(job.spec.span, index);
  if (ordinal === -1)
    throw new LbtopError('usage', `job ${job.id} has no task ${job.id}.${index}: ${tasksOf(job.id, job.spec.span)}`);
  return ordinal;
}

/** Whoever counts from 0 in an array from 1, or past a step, sees where its tasks are. */
function tasksOf(job: number, span: Span): string {
  const id = (ordinal: number): string => taskId(job, indexOf(span, ordinal));
  if (span.count === 1) return `its only one is ${id(0)}`;
  return `its ${span.count} are ${id(0)}, ${span.count > 2 ? `${id(1)} … ` : ''}${id(span.count - 1)}`;
}

/** Where a task's name is nobody's: the one that may have been meant. */
function meantTask({ scheduler }: Desk, { work }: JobSpec): string {
  if (work.kind !== 'task') return '';
  const there = [...scheduler.state.nodes.values()].filter(({ health }) => health === 'up' || health === 'suspect');
  const known = new Set([...builtInTasks, ...there.flatMap(({ info }) => info.handlers)]);
  const near = known.has(work.task) ? null : nearest(work.task, known);
  return near === null ? '' : `; did you mean ${near}?`;
}

function targetOf(job: JobRecord, index: number | null): Target {
  return { job: job.id, ordinal: ordinalFor(job, index) };
}

async function forNodes(
  desk: Desk,
  names: readonly string[],
  all: boolean,
  event: (node: string) => Unstamped,
): Promise<{ nodes: string[] }> {
  const nodes = chosen(desk, names, all);
  await Promise.all(nodes.map((node) => ask(desk, event(node))));
  return { nodes };
}

/** The nodes that are meant; LbtopError where one is not known, or none was named. */
function chosen(desk: Desk, names: readonly string[], all: boolean): string[] {
  const known = desk.scheduler.state.nodes;
  const missing = names.find((name) => !known.has(name));
  if (missing !== undefined) throw new LbtopError('usage', `there is no node ${missing}: lbtop nodes lists them`);
  if (names.length === 0 && !all) throw new LbtopError('usage', 'name the nodes, or say --all');
  const there = (node: NodeState) => node.health !== 'left' && node.health !== 'lost';
  return all ? [...known.values()].filter(there).map(({ name }) => name) : [...names];
}

/** How many tasks a cancellation ended. */
function countTasks(facts: readonly Fact[]): number {
  let tasks = 0;
  for (const fact of facts) {
    if (fact.kind === 'ended') tasks++;
    if (fact.kind === 'job-closed' && fact.state === 'cancelled') tasks += fact.tasks;
  }
  return tasks;
}

/** A spec of our own: its binary fields are views of what was received. */
function copied(spec: JobSpec): JobSpec {
  return jobSpec({ ...spec, stdin: spec.stdin === null ? null : Uint8Array.from(spec.stdin) });
}
